import { z } from 'zod';

/** Loops that drive a scheduler; the conformance file describes each. */
export const conformanceLoops = [
  'plain',
  'plain-noise',
  'scaled',
  'scaled-noise',
  'scaled-separate',
  'range-desc',
  'pndm',
] as const;

const figures = z.looseObject({ absSum: z.number().nullish(), absMean: z.number().nullish() });

/** One run of a scheduler on the dummy model, with the figures of its result. */
export const conformanceCaseSchema = z.looseObject({
  id: z.string(),
  scheduler: z.string(),
  config: z.record(z.string(), z.unknown()),
  numInferenceSteps: z.int().min(1).nullish(),
  loop: z.enum(conformanceLoops),
  startIndex: z.int().min(0).nullish(),
  shape: z.array(z.int().min(1)).min(2),
  stepKwargs: z
    .strictObject({
      eta: z.number().nullish(),
      use_clipped_model_output: z.boolean().nullish(),
      s_churn: z.number().nullish(),
      s_tmin: z.number().nullish(),
      s_tmax: z.number().nullish(),
      s_noise: z.number().nullish(),
      order: z.int().min(1).max(4).nullish(),
    })
    .nullish(),
  /** What `set_timesteps` is given besides the number of steps. */
  setTimestepsKwargs: z
    .strictObject({
      mu: z.number().nullish(),
      timesteps: z.array(z.number()).min(1).nullish(),
      sigmas: z.array(z.number()).min(1).nullish(),
      original_inference_steps: z.int().min(1).nullish(),
      strength: z.number().positive().max(1).nullish(),
    })
    .nullish(),
  mu: z.number().nullish(),
  customTimesteps: z.array(z.number()).min(1).nullish(),
  customSigmas: z.array(z.number()).min(1).nullish(),
  expectedAbsSum: z.number().nullish(),
  toleranceSum: z.number().nullish(),
  measured: z.looseObject({ float32: figures.nullish(), float64: figures.nullish() }).nullish(),
});

/** A quantity of a scheduler that needs no run. */
export const scheduleCaseSchema = z.looseObject({
  id: z.string(),
  scheduler: z.string(),
  config: z.record(z.string(), z.unknown()).nullish(),
  quantity: z.string(),
  expect: z.array(z.unknown()),
  tolerance: z.number().default(0),
});

const named = z.looseObject({ id: z.string() });

/** A file of cases. Each case is parsed when it is run, so that a broken one fails alone. */
export const conformanceFileSchema = z.looseObject({
  cases: z.array(named).default([]),
  scheduleCases: z.array(named).default([]),
});

export type ConformanceCase = z.infer<typeof conformanceCaseSchema>;
export type ScheduleCase = z.infer<typeof scheduleCaseSchema>;
export type ConformanceFile = z.infer<typeof conformanceFileSchema>;

/** The outcome of one case. */
export interface ConformanceResult {
  readonly id: string;
  readonly expected: unknown;
  readonly got: unknown;
  /** Largest difference that passes, absolute. */
  readonly tolerance: number;
  readonly pass: boolean;
}
