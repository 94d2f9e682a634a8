import { z } from 'zod';

/** Names as the command line and files spell them. */
export const samplerNames = [
  'ddpm',
  'ddim',
  'pndm',
  'euler',
  'euler-ancestral',
  'heun',
  'lms',
  'kdpm2',
  'kdpm2-ancestral',
  'dpm++2m',
  'dpm++2m-sde',
  'dpm++2s',
  'dpm++3m',
  'dpm++sde',
  'deis',
  'unipc',
  'lcm',
  'tcd',
  'flow-match-euler',
  'flow-match-heun',
  'edm-euler',
  'edm-dpm++2m',
] as const;
export type SamplerName = (typeof samplerNames)[number];

export const sigmaSpacings = ['model', 'karras', 'exponential', 'beta', 'lu'] as const;

/** Where neither the settings nor the model's makers say one. */
export const defaultGuidanceScale = 3;
export const defaultStepCount = 20;

const finite = z.number().refine(Number.isFinite, 'expected a finite number');
const unit = finite.min(0).max(1);

/** A push of the starting noise towards typical or unusual pictures (PAPERS.md §3b.1); it repeats itself from its settings. */
export const nudgeSettingsSchema = z.strictObject({
  direction: z.enum(['typical', 'unusual'], 'expected typical or unusual'),
  /** ε: no value of the noise, whose deviation is 1, moves farther than this. */
  budget: finite.positive('expected a number above 0').max(4, 'expected at most 4'),
  /** Gradient steps within the budget. */
  stepCount: z.int('expected a whole number').min(1, 'expected at least 1').max(200, 'expected at most 200'),
  /** Whose slope is followed: the distances to the nearest references, or a network that learned their densities. */
  slope: z.enum(['neighbours', 'predictor']).default('neighbours'),
});
export type NudgeSettings = z.infer<typeof nudgeSettingsSchema>;

/** Largest side in pixels that a request may name; what a model takes is checked when it is loaded. */
export const largestSide = 4096;
/** Longest prompt in characters that is accepted at all; longer ones are refused, not cut. */
export const longestPrompt = 20_000;

/** Everything that decides the pixels of a batch; recorded whole in every file. */
export const generationSettingsSchema = z.strictObject({
  /** Model id in the library of packages, or a folder. */
  model: z.string().min(1),
  prompt: z.string().max(longestPrompt),
  negativePrompt: z.string().max(longestPrompt).default(''),
  count: z.int().min(1).max(10_000).default(8),
  seed: z.int().min(0).max(Number.MAX_SAFE_INTEGER),
  /** Which random stream draws the noise: ours (same on every machine) or PyTorch's CPU stream. */
  randomStream: z.enum(['philox', 'torch-cpu']).default('philox'),
  stepCount: z.int().min(1).max(1000).default(defaultStepCount),
  /** null takes the model's own scheduler. */
  sampler: z.enum(samplerNames).nullable().default(null),
  sigmaSpacing: z.enum(sigmaSpacings).default('model'),
  /** DDIM and ancestral stochasticity, where the sampler has it. */
  eta: unit.default(0),
  /** guided = reference + scale (conditional − reference); 1 means none. */
  guidanceScale: finite.min(0).max(100).default(defaultGuidanceScale),
  /** Noise levels (sigma) between which guidance acts; null means all. */
  guidanceInterval: z
    .strictObject({ low: finite.min(0), high: finite.min(0) })
    .nullable()
    .default(null),
  guidanceRescale: unit.default(0),
  /** Adaptive projected guidance (FIELD.md): null means plain. */
  apg: z
    .strictObject({ eta: finite, normThreshold: finite.min(0), momentum: finite })
    .nullable()
    .default(null),
  /** Condition-annealed diffusion sampling: null means off. */
  cads: z
    .strictObject({ low: unit, high: unit, scale: finite.min(0), mix: unit })
    .nullable()
    .default(null),
  /** Share of first steps whose guidance is zeroed (CFG-Zero*). */
  zeroedSteps: unit.default(0),
  /** Second, weaker model that guides (autoguidance); null means none. */
  guidingModel: z.string().nullable().default(null),
  /** Pixels; null takes the model's own size. */
  width: z.int().min(8).max(largestSide).nullable().default(null),
  height: z.int().min(8).max(largestSide).nullable().default(null),
  /** −1 fidelity … +1 diversity along the calibrated path; null: the knobs below as they are. */
  dial: finite.min(-1).max(1).nullable().default(null),
  /** Pseudo-density importance weight for candidates above the threshold; 1 means none. */
  densityWeight: finite.positive().default(1),
  /** Percentile of the reference set. */
  densityThreshold: finite.min(0).max(100).default(50),
  /** Most candidates tried for each image wanted, before the job ends with what it has. */
  attemptLimit: finite.min(1).max(1000).default(16),
  /** Image-to-image start: a picture's path (command line) or id (window). */
  image: z.strictObject({ source: z.string(), strength: unit }).nullable().default(null),
  /** null: the noise stays as it is drawn. */
  nudge: nudgeSettingsSchema.nullable().default(null),
  /** Adapter files (trained by `gamut tune`) and their strengths. */
  adapters: z.array(z.strictObject({ file: z.string(), strength: finite })).default([]),
  /** Images per model call; decides speed only, never the pixels asked for. */
  batchSize: z.int().min(1).max(64).default(8),
});

export type GenerationSettings = z.infer<typeof generationSettingsSchema>;
export type GenerationRequest = z.input<typeof generationSettingsSchema>;
