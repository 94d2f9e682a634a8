import { likelihoodEventSchema, likelihoodSettingsSchema } from '../likelihood.ts';
import { libraryIdSchema } from '../library.ts';
import { stream } from './call.ts';

/** How surprising an image of the library is to a model. Letting go of the stream stops the work. */
export const likelihoodCalls = {
  score: stream(likelihoodSettingsSchema.extend({ image: libraryIdSchema }), likelihoodEventSchema),
};
