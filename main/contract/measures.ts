import { z } from 'zod';

export const measureNames = [
  'precision',
  'recall',
  'density',
  'coverage',
  'frechetDistance',
  'vendiScore',
  'rke',
  'meanPairwiseDistance',
  'textImageScore',
  'reciprocalProbability',
  'pseudoDensity',
] as const;
export type MeasureName = (typeof measureNames)[number];

/** One figure with its uncertainty. `null` value: could not be computed; `note` says why. Never NaN. */
export const measureSchema = z.strictObject({
  name: z.enum(measureNames),
  value: z.number().nullable(),
  /** Bootstrap interval (95 %), where one could be had. */
  low: z.number().nullable(),
  high: z.number().nullable(),
  /** Generated images behind it, and references. */
  generatedCount: z.int().min(0),
  referenceCount: z.int().min(0),
  /** Which features, which k, and the honest warning when the sets are too small to mean anything. */
  features: z.string(),
  note: z.string().nullable(),
  /** True where too few references satisfy the brief, so that more was held against the batch than was asked for. */
  broaderReferences: z.boolean().optional(),
});
export type Measure = z.infer<typeof measureSchema>;

/** What was asked, kept and rejected, and what it cost. */
export const batchCostSchema = z.strictObject({
  asked: z.int().min(0),
  kept: z.int().min(0),
  rejected: z.int().min(0),
  failed: z.int().min(0),
  seconds: z.number().min(0),
  secondsPerKept: z.number().nullable(),
  /** 95 % interval of what another batch with these settings would take; null where one round made all. */
  secondsPerKeptInterval: z.strictObject({ low: z.number(), high: z.number() }).nullable().default(null),
  modelCalls: z.int().min(0),
});
export type BatchCost = z.infer<typeof batchCostSchema>;
