import { z } from 'zod';
import { featureEventSchema } from '../features.ts';
import { libraryIdSchema } from '../library.ts';
import { request, stream } from './call.ts';

/** The model whose encoder is meant, and which images: those of a batch; null: all outside the trash. */
const scope = z.strictObject({ model: z.string().max(1000), batch: libraryIdSchema.nullable() });

/** Features of stored images, by which likeness is judged; images without them are compared by their looks. */
export const featureCalls = {
  /** How many images have no features of the model's encoder; null where the model brings no encoder. */
  missing: request(scope, z.strictObject({ images: z.int().min(0).nullable() })),
  /** Computes the missing ones. Letting go of the stream stops the work; what is done is kept. */
  compute: stream(scope, featureEventSchema),
};
