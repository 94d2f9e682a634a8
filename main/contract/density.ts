import { z } from 'zod';

/** A reference near a picture. */
const neighbourSchema = z.strictObject({
  /** Euclidean distance between features. */
  distance: z.number().min(0),
  /** Empty where the references bring none. */
  caption: z.string(),
});

/** Where a picture stands among the references of its brief, and which of them are nearest. */
export const densityPlaceSchema = z.strictObject({
  /** Pseudo density (mean 1 over the references) and its percentile among them. */
  pseudoDensity: z.number(),
  percentile: z.number().min(0).max(100),
  /** Which references, in words; how many neighbours count. */
  references: z.string(),
  k: z.int(),
  /** The nearest of them, nearest first. */
  nearest: z.array(neighbourSchema),
  /** The nearest of the few references that come with pictures, of any brief, as PNG in base64. */
  pictured: z.array(neighbourSchema.extend({ picture: z.string() })),
  /** How many references come with pictures. */
  picturedCount: z.int().min(0),
});
export type DensityPlace = z.infer<typeof densityPlaceSchema>;

/** The work is one run of an encoder: nothing to tell on the way. */
export const densityEventSchema = z.strictObject({ kind: z.literal('complete'), place: densityPlaceSchema });
