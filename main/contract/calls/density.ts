import { z } from 'zod';
import { densityEventSchema } from '../density.ts';
import { libraryIdSchema } from '../library.ts';
import { stream } from './call.ts';

/** How typical an image of the library is. Letting go of the stream stops the work. */
export const densityCalls = {
  place: stream(z.strictObject({ image: libraryIdSchema }), densityEventSchema),
};
