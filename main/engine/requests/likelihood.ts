import { scorePrompts, type LikelihoodEvent, type LikelihoodInput } from '../generation/score-prompts.ts';
import type { Handler } from '../protocol.ts';

/** The likelihood of an image under prompts; see `scorePrompts`. */
export const likelihood: Handler<LikelihoodInput, LikelihoodEvent> = (input, context) => scorePrompts(input, context);
