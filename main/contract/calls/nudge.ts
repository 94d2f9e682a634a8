import { z } from 'zod';
import { failureSchema } from '../failures.ts';
import { imageSummarySchema, libraryIdSchema } from '../library.ts';
import { nudgeEventSchema, nudgeRequestSchema } from '../nudge.ts';
import { change, request, stream } from './call.ts';

/** One image of the library made again from noise a little aside. Letting go of the stream stops the work. */
export const nudgeCalls = {
  /** Why an image cannot be nudged, as far as that is known without trying; null where nothing stands in the way. */
  obstacle: request(z.strictObject({ image: libraryIdSchema }), failureSchema.nullable()),
  run: stream(nudgeRequestSchema.extend({ image: libraryIdSchema }), nudgeEventSchema),
  /** Takes the picture that `run` ended with into the library. */
  keep: change(z.strictObject({ token: z.string().max(100) }), imageSummarySchema),
};
