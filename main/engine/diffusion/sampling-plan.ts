import { Failure } from '../../contract/failures.ts';
import type { GenerationSettings, SamplerName } from '../../contract/settings.ts';
import {
  edmScale,
  flowScale,
  variancePreservingScale,
  type Parameterization,
  type Prediction,
} from './parameterization.ts';
import { lcmLevels, tcdLevels } from './plans/consistency-levels.ts';
import { ddimLevels, ddpmLevels, pndmLevels } from './plans/ddpm-levels.ts';
import { edmLevels } from './plans/edm-levels.ts';
import { flowLevels } from './plans/flow-levels.ts';
import { karrasLevels } from './plans/karras-levels.ts';
import { sigmaShapeOf, type NoiseLevels } from './plans/noise-levels.ts';
import { solverLevels } from './plans/solver-levels.ts';
import { asSampler, isEdmModel } from './plans/other-sampler.ts';
import type { SamplerOptions } from './samplers/sampler.ts';
import type { SchedulerConfig } from './scheduler-config.ts';
import { clipTo, dynamicThreshold, type Limit } from './thresholding.ts';

/** What is asked of a scheduler besides its configuration. */
export interface SamplingRequest {
  readonly stepCount: number;
  /** Another sampler than the model's own. */
  readonly sampler?: SamplerName | null | undefined;
  readonly sigmaSpacing?: GenerationSettings['sigmaSpacing'] | undefined;
  /** Stochasticity, where the sampler has it (0 to 1). */
  readonly eta?: number | undefined;
  /** Shift of flow models whose shift depends on the image size; `muOf` computes it. */
  readonly mu?: number | undefined;
  /** Timesteps to use instead of the spaced ones, descending; `stepCount` is then their number. */
  readonly timesteps?: readonly number[] | undefined;
  /**
   * Noise levels to use instead of the spaced ones, descending, as diffusers takes them: flow times before the shift, one a
   * step; for Euler sigmas, with the one that sampling ends on.
   */
  readonly sigmas?: readonly number[] | undefined;
  /** LCM and TCD: how many steps the model was distilled from, in place of the configuration's. */
  readonly originalSteps?: number | undefined;
  /** LCM and TCD: how far a start image is left, above 0 to 1; the steps are chosen among this share of the distilled ones. */
  readonly strength?: number | undefined;
  /** PNDM: how many of diffusers' calls of the network are left out at the start. */
  readonly firstCall?: number | undefined;
}

/**
 * Everything needed to run a sampler on a wrapped network:
 *
 *     const plan = planSampling(config, { stepCount });
 *     const denoise = denoiserOf(network, plan.parameterization);
 *     let x = scale(plan.startScale, noise);                                  // text to image
 *     let x = combine([1, x0], [plan.sigmas[startStep], noise]);              // image to image, with options.startStep
 *     for await (const { x } of samplers[plan.sampler](denoise, x, plan.sigmas, { ...plan.options, noise, signal })) …
 *     const latent = scale(plan.endScale, x);
 */
export interface SamplingPlan {
  readonly sampler: SamplerName;
  /** Noise levels, one more than steps; the last is where sampling ends, usually 0. */
  readonly sigmas: readonly number[];
  /** What the network is told at `sigmas[i]`, for each step. */
  readonly timesteps: readonly number[];
  readonly parameterization: Parameterization;
  /** Options that follow from the configuration. */
  readonly options: SamplerOptions;
  /** Factor from x to the sample as the model's own scheduler holds it. */
  readonly sampleScale: (sigma: number) => number;
  /** Start sample = startScale · noise: what the model was trained to see as pure noise. */
  readonly startScale: number;
  /** The scheduler's own final sample = endScale · x; 1 when sampling ends at sigma 0. */
  readonly endScale: number;
}

/** Noise levels, parameterization and sampler options for a run of a model with this scheduler. */
export function planSampling(given: SchedulerConfig, request: SamplingRequest): SamplingPlan {
  if (!Number.isInteger(request.stepCount) || request.stepCount < 1)
    throw new Failure('bad-input', `steps: expected a whole number from 1, got ${request.stepCount}`, 'stepCount');
  const config = asSampler(given, request);
  const { sampler } = config;
  if (request.timesteps && (isEdmModel(config) || config.use_flow_sigmas || sigmaShapeOf(config) !== 'model'))
    throw new Failure('bad-input', 'timesteps: expected none where the noise levels are spaced in sigma', 'timesteps');
  refuseUnread(config, request);
  const levels = levelsOf(config, request);
  const [first = NaN] = levels.sigmas;
  const last = levels.sigmas[levels.sigmas.length - 1] ?? NaN;
  return {
    sampler,
    sigmas: levels.sigmas,
    timesteps: levels.timesteps,
    parameterization: parameterizationOf(config, levels),
    options: { ...optionsOf(config), ...(request.eta === undefined ? {} : { eta: request.eta }), ...levels.options },
    sampleScale: levels.sampleScale,
    startScale: levels.initNoiseSigma / levels.sampleScale(first),
    endScale: levels.sampleScale(last),
  };
}

/** What only some schedulers read must not be dropped in silence by the others. */
function refuseUnread(config: SchedulerConfig, { sigmas, originalSteps, strength, firstCall }: SamplingRequest): void {
  const { schedulerClass } = config;
  const takesSigmas =
    (schedulerClass.startsWith('FlowMatch') && schedulerClass !== 'FlowMatchHeunDiscreteScheduler') ||
    schedulerClass === 'EulerDiscreteScheduler' ||
    (schedulerClass === 'UniPCMultistepScheduler' && config.use_flow_sigmas);
  const isDistilled = ['LCMScheduler', 'TCDScheduler'].includes(schedulerClass);
  const unread = [
    sigmas !== undefined && !takesSigmas && 'sigmas',
    originalSteps !== undefined && !isDistilled && 'originalSteps',
    strength !== undefined && !isDistilled && 'strength',
    firstCall !== undefined && schedulerClass !== 'PNDMScheduler' && 'firstCall',
  ].find((name) => name !== false);
  if (unread !== undefined)
    throw new Failure('bad-input', `${unread}: expected none, ${schedulerClass} does not take it`, unread);
}

function levelsOf(config: SchedulerConfig, request: SamplingRequest): NoiseLevels {
  switch (config.schedulerClass) {
    case 'DDPMScheduler':
      return ddpmLevels(config, request);
    case 'DDIMScheduler':
      return ddimLevels(config, request);
    case 'PNDMScheduler':
      return pndmLevels(config, request);
    case 'EulerDiscreteScheduler':
    case 'EulerAncestralDiscreteScheduler':
    case 'HeunDiscreteScheduler':
    case 'LMSDiscreteScheduler':
    case 'KDPM2DiscreteScheduler':
    case 'KDPM2AncestralDiscreteScheduler':
    case 'DPMSolverSDEScheduler':
      return karrasLevels(config, request);
    case 'DPMSolverMultistepScheduler':
    case 'DPMSolverSinglestepScheduler':
    case 'DEISMultistepScheduler':
    case 'UniPCMultistepScheduler':
      return solverLevels(config, request);
    case 'LCMScheduler':
      return lcmLevels(config, request);
    case 'TCDScheduler':
      return tcdLevels(config, request);
    case 'FlowMatchEulerDiscreteScheduler':
    case 'FlowMatchHeunDiscreteScheduler':
    case 'FlowMatchLCMScheduler':
      return flowLevels(config, request);
    case 'EDMEulerScheduler':
    case 'EDMDPMSolverMultistepScheduler':
      return edmLevels(config, request);
    case 'DDIMInverseScheduler':
      throw new Failure(
        'unsupported',
        'scheduler: DDIMInverseScheduler does not generate; it is used by `ddimInversion`',
      );
  }
}

/** diffusers' names for what networks predict. */
export const predictions = {
  epsilon: 'eps',
  v_prediction: 'v',
  sample: 'x0',
  original_sample: 'x0',
  flow_prediction: 'flow',
} as const satisfies Record<SchedulerConfig['prediction_type'], Prediction>;

function parameterizationOf(config: SchedulerConfig, levels: NoiseLevels): Parameterization {
  const timestepAt = new Map<number, number>(levels.between);
  levels.timesteps.forEach((t, i) => timestepAt.set(levels.sigmas[i] ?? NaN, t));
  // Listed levels keep the timestep the scheduler gives them, which may be rounded.
  const timestep = (sigma: number): number => timestepAt.get(sigma) ?? levels.timestepOf(sigma);
  const prediction = predictions[config.prediction_type];
  if (isEdmModel(config)) {
    const { sigma_data: sigmaData } = config;
    const inputScale = (sigma: number): number => edmScale(sigma, sigmaData);
    return { prediction: prediction === 'v' ? 'edm-v' : 'edm', sigmaData, timestep, inputScale };
  }
  const isFlow = levels.sampleScale === flowScale;
  // A solver on flow times reads x0 and noise as on any other levels; a velocity is another one there.
  const goes = isFlow ? prediction === 'flow' || (config.use_flow_sigmas && prediction !== 'v') : prediction !== 'flow';
  if (!goes)
    throw new Failure(
      'unsupported',
      `prediction_type '${config.prediction_type}' does not go with this scheduler's noise levels`,
      'prediction_type',
    );
  return { prediction, timestep, inputScale: isFlow ? flowScale : variancePreservingScale };
}

/** Sampler options that a configuration sets. */
function optionsOf(config: SchedulerConfig): SamplerOptions {
  if (config.solver_order > 3 && config.sampler !== 'unipc')
    throw new Failure(
      'unsupported',
      `solver_order: ${config.sampler} has orders 1 to 3, got ${config.solver_order}`,
      'solver_order',
    );
  const common: SamplerOptions = {
    order: config.solver_order,
    lowerOrderFinal: config.lower_order_final,
    ...limitOf(config),
  };
  switch (config.sampler) {
    case 'ddpm':
      if (config.variance_type.startsWith('learned'))
        throw new Failure(
          'unsupported',
          `variance_type '${config.variance_type}': DDPM with a learned variance is not supported; choose another sampler`,
          'variance_type',
        );
      return { ...common, variance: config.variance_type.startsWith('fixed_large') ? 'large' : 'small' };
    case 'ddim':
    case 'heun':
    case 'lcm':
    case 'deis':
      return common;
    case 'dpm++2m':
    case 'dpm++2m-sde':
    case 'dpm++3m':
    case 'dpm++2s':
    case 'edm-dpm++2m': {
      const algorithm = config.algorithm_type === 'deis' ? 'dpmsolver++' : config.algorithm_type;
      if (!algorithm.endsWith('++') && config.final_sigmas_type === 'zero')
        throw new Failure(
          'bad-input',
          `algorithm_type '${algorithm}' cannot end at sigma 0: expected final_sigmas_type 'sigma_min'`,
          'final_sigmas_type',
        );
      const solver = config.solver_type === 'heun' ? 'heun' : 'midpoint';
      // A scheduler's own third order is diffusers'; the one asked for by name is the corrected method.
      const releasedThirdOrder = config.sampler !== 'dpm++3m';
      return { ...common, algorithm, solver, eulerAtFinal: config.euler_at_final, releasedThirdOrder };
    }
    case 'unipc': {
      // diffusers thresholds x0 estimates where they are what is integrated, and not on the way to the noise.
      const { limit, ...unlimited } = common;
      return {
        ...unlimited,
        ...(config.predict_x0 && limit ? { limit } : {}),
        unipc: {
          form: config.solver_type === 'bh1' ? 'bh1' : 'bh2',
          predictDenoised: config.predict_x0,
          disableCorrector: config.disable_corrector,
        },
      };
    }
    default:
      return {};
  }
}

/** Thresholding where the class knows it, else clipping where the class knows that. */
export function limitOf(config: SchedulerConfig): { limit?: Limit } {
  if (config.thresholding && config.sampler !== 'heun')
    return { limit: dynamicThreshold(config.dynamic_thresholding_ratio, config.sample_max_value) };
  const clips = (['ddpm', 'ddim', 'heun', 'lcm'] as SamplerName[]).includes(config.sampler) && config.clip_sample;
  return clips ? { limit: clipTo(config.clip_sample_range) } : {};
}
