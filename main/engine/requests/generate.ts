import { generateImages } from '../generation/generate-images.ts';
import type { GenerationEvent, GenerationInput } from '../generation/generation-request.ts';
import type { Handler } from '../protocol.ts';

/** Makes images; see `generateImages`. */
export const generate: Handler<GenerationInput, GenerationEvent> = (input, context) => generateImages(input, context);
