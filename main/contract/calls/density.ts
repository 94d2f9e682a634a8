import { z } from 'zod';
import { densityPlaceSchema } from '../density.ts';
import { libraryIdSchema } from '../library.ts';
import { request } from './call.ts';

/** How typical an image of the library is. */
export const densityCalls = {
  place: request(z.strictObject({ image: libraryIdSchema }), densityPlaceSchema),
};
