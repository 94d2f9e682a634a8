import { z } from 'zod';

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
});

export type GamutCard = Readonly<z.infer<typeof gamutCardSchema>>;
