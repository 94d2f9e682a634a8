import { z } from 'zod';
import { measureSchema } from './measures.ts';

/** One model package as the window shows it. */
export const modelCardSchema = z.strictObject({
  id: z.string(),
  name: z.string(),
  description: z.string(),
  licence: z.string(),
  builtIn: z.boolean(),
  bytes: z.int().min(0),
  /** The model's own size in pixels, and what sides must be a multiple of. */
  width: z.int().positive(),
  height: z.int().positive(),
  sizeStep: z.int().positive(),
  sampler: z.string().nullable(),
  /** What its makers recommend; null where they say nothing. */
  stepCount: z.int().min(1).nullable(),
  guidanceScale: z.number().min(0).nullable(),
  /** Own features, references and text-image score: what measuring and the dial need. */
  hasFeatures: z.boolean(),
  hasCalibration: z.boolean(),
  /** Whether it fits this machine's memory, judged by its files' sizes. */
  fit: z.enum(['fits', 'tight', 'will-not-fit', 'unknown']),
  /** Why it cannot be used; null when it can. */
  problem: z.string().nullable(),
  /** Words that make good first briefs, where the package tells some. */
  examples: z.array(z.string()),
});
export type ModelCard = z.infer<typeof modelCardSchema>;

/** How a model reads a prompt: the words it never saw, with near ones that it knows, and what its length cuts off. */
export const promptReadingSchema = z.strictObject({
  unknownWords: z.array(z.strictObject({ word: z.string(), suggestions: z.array(z.string()).max(5) })),
  tokenCount: z.int().min(0),
  tokenLimit: z.int().positive().nullable(),
});
export type PromptReading = z.infer<typeof promptReadingSchema>;

/** One stop of a model's calibrated dial: what it sets, and what was measured there. */
export const dialStopSchema = z.strictObject({
  dial: z.number().min(-1).max(1),
  guidanceScale: z.number(),
  guidanceInterval: z.strictObject({ low: z.number(), high: z.number() }).nullable(),
  densityWeight: z.number(),
  densityThreshold: z.number(),
  measures: z.array(measureSchema),
  /**
   * Precision and recall of batches of so many kept images of one brief, ascending: few images cover little, so that a
   * small batch's recall cannot be held against a large one's. Missing in calibrations made before this was measured.
   */
  byCount: z.array(z.strictObject({ count: z.int().positive(), precision: z.number(), recall: z.number() })).optional(),
  /** Share of candidates that were kept, 0 to 1. */
  acceptance: z.number().nullable(),
  secondsPerKept: z.number().nullable(),
});
export type DialStop = z.infer<typeof dialStopSchema>;

export const dialPathSchema = z.strictObject({
  /** What was measured with how many images, in words. */
  description: z.string(),
  stops: z.array(dialStopSchema),
});
export type DialPath = z.infer<typeof dialPathSchema>;
