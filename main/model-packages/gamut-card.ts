import { z } from 'zod';
import { samplerNames } from '../contract/settings.ts';

/**
 * `gamut.json`: what a package says of itself. All of it is optional, and other keys (training record, feature encoder,
 * reference set, dial calibration) are kept for whoever reads them.
 */
export const gamutCardSchema = z.looseObject({
  id: z.string().optional(),
  name: z.string().optional(),
  description: z.string().optional(),
  licence: z.string().optional(),
  examples: z.array(z.string()).optional(),
  /** What its makers recommend. */
  sampling: z
    .looseObject({
      sampler: z.enum(samplerNames).optional(),
      eta: z.number().min(0).max(1).optional(),
      steps: z.int().min(1).max(1000).optional(),
      guidanceScale: z.number().min(0).max(100).optional(),
    })
    .optional(),
});

export type GamutCard = Readonly<z.infer<typeof gamutCardSchema>>;
