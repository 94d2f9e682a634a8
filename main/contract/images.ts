import { z } from 'zod';
import { generationSettingsSchema, samplerNames, type SamplerName } from './settings.ts';

/** How the provider that made an image was chosen, as shown to people and stored in files. */
export const providerReportSchema = z.strictObject({
  tried: z.array(
    z.strictObject({ provider: z.string(), outcome: z.enum(['chosen', 'failed']), reason: z.string().nullable() }),
  ),
  chosen: z.string(),
});
export type ProviderReport = z.infer<typeof providerReportSchema>;

/** Figures known about one image; null where not measured. */
export const imageScoresSchema = z.strictObject({
  /** Pseudo density (mean 1 over the references) and its percentile among them. */
  pseudoDensity: z.number().nullable(),
  densityPercentile: z.number().nullable(),
  textImageScore: z.number().nullable(),
  /** P(c|x) of what the brief states. */
  classProbability: z.number().nullable(),
});
export type ImageScores = z.infer<typeof imageScoresSchema>;

/** The complete record inside every file: enough to make the image again. */
export const imageRecordSchema = z.strictObject({
  application: z.strictObject({ name: z.literal('Gamut'), version: z.string() }),
  settings: generationSettingsSchema,
  /** Position within the batch's stream of candidates; with the seed it decides the noise. */
  index: z.int().min(0),
  batch: z.string(),
  createdAt: z.string(),
  model: z.strictObject({ id: z.string(), hash: z.string(), precision: z.string() }),
  provider: providerReportSchema,
  /**
   * The sampler that made it, also where the settings leave that to the model; eta null: the sampler's own. Absent in files
   * from before it was recorded.
   */
  sampling: z.strictObject({ sampler: z.enum(samplerNames), eta: z.number().nullable() }).optional(),
  width: z.int().positive(),
  height: z.int().positive(),
  scores: imageScoresSchema,
  /** Importance weight and acceptance with which the image was kept (PAPERS.md §3); null without reweighting. */
  reweighting: z
    .strictObject({ weight: z.number(), threshold: z.number(), acceptance: z.number(), accepted: z.boolean() })
    .nullable(),
  /** What the prompt lost on the way: words unknown to the model, tokens beyond its length. */
  prompt: z.strictObject({ unknownWords: z.array(z.string()), tokensDropped: z.int().min(0) }),
  /** Anything that was not as asked, in words (a decoder retried at float32, a size rounded). */
  notes: z.array(z.string()),
});
export type ImageRecord = z.infer<typeof imageRecordSchema>;

/** The sampler that made an image; null where that was left to the model, in files from before it was recorded. */
export function samplerOf({ sampling, settings }: Pick<ImageRecord, 'sampling' | 'settings'>): SamplerName | null {
  return sampling?.sampler ?? settings.sampler;
}
