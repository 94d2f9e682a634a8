import { z } from 'zod';
import type { SamplerName } from '../../contract/settings.ts';
import { Failure, failureFromZod } from '../../contract/failures.ts';

/** Scheduler classes of diffusers whose `scheduler_config.json` is understood, and the sampler each one is. */
const samplerOfClass = {
  DDPMScheduler: 'ddpm',
  DDIMScheduler: 'ddim',
  DDIMInverseScheduler: 'ddim',
  PNDMScheduler: 'pndm',
  EulerDiscreteScheduler: 'euler',
  EulerAncestralDiscreteScheduler: 'euler-ancestral',
  HeunDiscreteScheduler: 'heun',
  LMSDiscreteScheduler: 'lms',
  KDPM2DiscreteScheduler: 'kdpm2',
  KDPM2AncestralDiscreteScheduler: 'kdpm2-ancestral',
  DPMSolverMultistepScheduler: 'dpm++2m',
  DPMSolverSinglestepScheduler: 'dpm++2s',
  DPMSolverSDEScheduler: 'dpm++sde',
  DEISMultistepScheduler: 'deis',
  UniPCMultistepScheduler: 'unipc',
  LCMScheduler: 'lcm',
  TCDScheduler: 'tcd',
  FlowMatchEulerDiscreteScheduler: 'flow-match-euler',
  FlowMatchHeunDiscreteScheduler: 'flow-match-heun',
  FlowMatchLCMScheduler: 'lcm',
  EDMEulerScheduler: 'edm-euler',
  EDMDPMSolverMultistepScheduler: 'edm-dpm++2m',
} as const satisfies Record<string, SamplerName>;

export type SchedulerClass = keyof typeof samplerOfClass;

/** Classes that compute what another one does. */
const sameAs: Readonly<Record<string, SchedulerClass>> = {
  DDIMParallelScheduler: 'DDIMScheduler',
  DDPMParallelScheduler: 'DDPMScheduler',
};

const isSchedulerClass = (name: string): name is SchedulerClass => Object.hasOwn(samplerOfClass, name);

/** Python writes −∞ as a bare word or a string; readers before us may have turned it into null. */
const lambda = z.union([z.number(), z.enum(['-inf', '-Infinity']).transform(() => -Infinity)]);

/** Every field that changes what a scheduler computes. Spelled as in the file; other fields are ignored. */
const fields = z.object({
  num_train_timesteps: z.int().min(1).max(100_000).default(1000),
  beta_start: z.number().default(0.0001),
  beta_end: z.number().default(0.02),
  beta_schedule: z.string().default('linear'),
  trained_betas: z.array(z.number()).min(1).optional(),
  rescale_betas_zero_snr: z.boolean().default(false),
  prediction_type: z
    .enum(['epsilon', 'v_prediction', 'sample', 'original_sample', 'flow_prediction'])
    .default('epsilon'),
  timestep_spacing: z.enum(['linspace', 'leading', 'trailing']).default('linspace'),
  steps_offset: z.int().default(0),
  interpolation_type: z.enum(['linear', 'log_linear']).default('linear'),
  timestep_type: z.enum(['discrete', 'continuous']).default('discrete'),

  clip_sample: z.boolean().default(false),
  clip_sample_range: z.number().positive().default(1),
  thresholding: z.boolean().default(false),
  dynamic_thresholding_ratio: z.number().min(0).max(1).default(0.995),
  sample_max_value: z.number().positive().default(1),
  set_alpha_to_one: z.boolean().default(true),
  variance_type: z
    .enum(['fixed_small', 'fixed_small_log', 'fixed_large', 'fixed_large_log', 'learned', 'learned_range'])
    .default('fixed_small'),

  use_karras_sigmas: z.boolean().default(false),
  use_exponential_sigmas: z.boolean().default(false),
  use_beta_sigmas: z.boolean().default(false),
  use_lu_lambdas: z.boolean().default(false),
  use_flow_sigmas: z.boolean().default(false),
  flow_shift: z.number().positive().default(1),
  final_sigmas_type: z.enum(['zero', 'sigma_min']).default('zero'),
  lambda_min_clipped: lambda.default(-Infinity),
  sigma_min: z.number().positive().optional(),
  sigma_max: z.number().positive().optional(),

  solver_order: z.int().min(1).max(9).default(2),
  algorithm_type: z
    .enum(['dpmsolver++', 'dpmsolver', 'sde-dpmsolver++', 'sde-dpmsolver', 'deis'])
    .default('dpmsolver++'),
  solver_type: z.enum(['midpoint', 'heun', 'logrho', 'bh1', 'bh2']).optional(),
  lower_order_final: z.boolean().default(true),
  euler_at_final: z.boolean().default(false),
  predict_x0: z.boolean().default(true),
  disable_corrector: z.array(z.int()).default([]),
  skip_prk_steps: z.boolean().default(false),

  original_inference_steps: z.int().min(1).default(50),
  timestep_scaling: z.number().default(10),

  shift: z.number().positive().default(1),
  use_dynamic_shifting: z.boolean().default(false),
  time_shift_type: z.enum(['exponential', 'linear']).default('exponential'),
  base_shift: z.number().default(0.5),
  max_shift: z.number().default(1.15),
  base_image_seq_len: z.number().default(256),
  max_image_seq_len: z.number().default(4096),
  shift_terminal: z.number().optional(),
  invert_sigmas: z.boolean().default(false),
  stochastic_sampling: z.boolean().default(false),

  sigma_data: z.number().positive().default(0.5),
  sigma_schedule: z.enum(['karras', 'exponential']).default('karras'),
  rho: z.number().positive().default(7),
});

/** Names of the fields that are understood. */
export const schedulerFields: readonly string[] = Object.keys(fields.shape);

/** Fields of diffusers that change what is computed and are not supported: an error where they are set. */
const unsupportedFields = {
  scale_factors: 'images that grow while they are sampled',
  solver_p: 'a second scheduler as the predictor',
} as const;

/** Defaults that differ from the common ones above. */
const consistencyDefaults = {
  beta_start: 0.00085,
  beta_end: 0.012,
  beta_schedule: 'scaled_linear',
  timestep_spacing: 'leading',
};
const karrasFamilyDefaults = { beta_start: 0.00085, beta_end: 0.012 };
const classDefaults: Partial<Record<SchedulerClass, Readonly<Record<string, unknown>>>> = {
  DDPMScheduler: { timestep_spacing: 'leading', clip_sample: true },
  DDIMScheduler: { timestep_spacing: 'leading', clip_sample: true },
  DDIMInverseScheduler: { timestep_spacing: 'leading', clip_sample: true },
  PNDMScheduler: { timestep_spacing: 'leading', set_alpha_to_one: false },
  HeunDiscreteScheduler: karrasFamilyDefaults,
  KDPM2DiscreteScheduler: karrasFamilyDefaults,
  KDPM2AncestralDiscreteScheduler: karrasFamilyDefaults,
  DPMSolverSDEScheduler: karrasFamilyDefaults,
  DPMSolverSinglestepScheduler: { lower_order_final: false },
  LCMScheduler: consistencyDefaults,
  TCDScheduler: consistencyDefaults,
  FlowMatchEulerDiscreteScheduler: { prediction_type: 'flow_prediction' },
  FlowMatchHeunDiscreteScheduler: { prediction_type: 'flow_prediction' },
  FlowMatchLCMScheduler: { prediction_type: 'flow_prediction' },
  EDMEulerScheduler: { sigma_min: 0.002, sigma_max: 80 },
  EDMDPMSolverMultistepScheduler: { sigma_min: 0.002, sigma_max: 80 },
};

/** A scheduler's configuration with every default filled in. */
export type SchedulerConfig = Readonly<z.infer<typeof fields>> & {
  readonly schedulerClass: SchedulerClass;
  readonly sampler: SamplerName;
};

/**
 * Reads a `scheduler_config.json`. Absent and null fields take the default of the class, as in diffusers.
 *
 * @param json the parsed file; its `_class_name` names the class
 * @param asClass the class to read it as instead, which is how another sampler runs a model trained with this one
 */
export function parseSchedulerConfig(json: unknown, asClass?: string): SchedulerConfig {
  const named = z.looseObject({ _class_name: z.string().optional() }).safeParse(json);
  if (!named.success) throw failureFromZod(named.error, 'scheduler_config.json');
  const name = asClass ?? named.data._class_name;
  if (name === undefined)
    throw new Failure('model-broken', 'scheduler_config.json: expected a _class_name, found none', '_class_name');
  const plainName = name.replace(/^Flax/, '');
  const schedulerClass = sameAs[plainName] ?? plainName;
  if (!isSchedulerClass(schedulerClass))
    throw new Failure(
      'unsupported',
      `scheduler_config.json: expected a scheduler of an image diffusion, flow or EDM model (DDIM, Euler, DPM-Solver, UniPC, FlowMatch… and their kin), got '${name}', which is not supported`,
      '_class_name',
    );
  for (const [field, meaning] of Object.entries(unsupportedFields))
    if ((named.data[field] ?? null) !== null)
      throw new Failure(
        'unsupported',
        `scheduler_config.json: expected no ${field} (${meaning}: not supported)`,
        field,
      );
  const given = Object.fromEntries(Object.entries(named.data).filter(([, value]) => value !== null));
  const parsed = fields.safeParse({ ...classDefaults[schedulerClass], ...given });
  if (!parsed.success) throw failureFromZod(parsed.error, 'scheduler_config.json');
  const config = { ...parsed.data, schedulerClass, sampler: samplerOfClass[schedulerClass] };
  // TCD takes a null for itself: every training timestep was distilled.
  const isWhole = schedulerClass === 'TCDScheduler' && named.data['original_inference_steps'] === null;
  return isWhole ? { ...config, original_inference_steps: config.num_train_timesteps } : config;
}

/** The class whose defaults a sampler runs with. */
export function classOfSampler(sampler: SamplerName): SchedulerClass {
  switch (sampler) {
    case 'dpm++2m-sde':
    case 'dpm++3m':
      return 'DPMSolverMultistepScheduler';
    default: {
      const found = (Object.keys(samplerOfClass) as SchedulerClass[]).find((name) => samplerOfClass[name] === sampler);
      if (found === undefined)
        throw new Failure('unsupported', `sampler '${sampler}' has no scheduler class`, 'sampler');
      return found;
    }
  }
}
