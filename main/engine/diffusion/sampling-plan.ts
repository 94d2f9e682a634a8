import type { SamplerName, GenerationSettings } from '../../contract/settings.ts';
import type { Parameterization } from './parameterization.ts';
import type { SamplerOptions } from './samplers/sampler.ts';

/** What is asked of a scheduler besides its configuration. */
export interface SamplingRequest {
  readonly stepCount: number;
  /** Another sampler than the model's own. */
  readonly sampler?: SamplerName | null;
  readonly sigmaSpacing?: GenerationSettings['sigmaSpacing'];
  /** Stochasticity of DDIM and TCD, where the sampler has it. */
  readonly eta?: number;
  /** Shift of flow models whose shift depends on the image size (`dynamicShift`). */
  readonly mu?: number;
  /** Timesteps to use instead of the spaced ones, descending. */
  readonly timesteps?: readonly number[];
}

/**
 * Everything needed to run a sampler on a wrapped network:
 *
 *     const plan = planSampling(config, { stepCount });
 *     const denoise = denoiserOf(network, plan.parameterization);
 *     let x = scale(plan.startScale, noise);                        // text to image
 *     let x = combine([1, x0], [plan.sigmas[startStep], noise]);    // image to image, options.startStep = startStep
 *     for await (const step of samplers[plan.sampler](denoise, x, plan.sigmas, { ...plan.options, noise, signal })) …
 *     const latent = scale(plan.endScale, lastX);
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
  /** Start sample = startScale · noise: what the model was trained to see as pure noise. */
  readonly startScale: number;
  /** The model's own final sample = endScale · x; 1 when sampling ends at sigma 0. */
  readonly endScale: number;
}
