import { z } from 'zod';
import { libraryIdSchema } from './library.ts';
import { workProgressSchema } from './work-progress.ts';

/** An image whose features could not be computed, and why. */
const skippedSchema = z.strictObject({ kind: z.literal('skipped'), image: libraryIdSchema, reason: z.string() });

/** Progress counts images. Last comes what was done. */
export const featureEventSchema = z.discriminatedUnion('kind', [
  workProgressSchema,
  skippedSchema,
  z.strictObject({
    kind: z.literal('complete'),
    /** Whose features these are, in words. */
    features: z.string(),
    encoded: z.int().min(0),
    skipped: z.int().min(0),
  }),
]);
export type FeatureEvent = Readonly<z.infer<typeof featureEventSchema>>;
