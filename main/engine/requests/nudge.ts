import { nudgeImage, type NudgeEvent, type NudgeInput } from '../generation/nudge-image.ts';
import type { Handler } from '../protocol.ts';

/** Moves one image's starting noise towards typical or unusual pictures; see `nudgeImage`. */
export const nudge: Handler<NudgeInput, NudgeEvent> = (input, context) => nudgeImage(input, context);
