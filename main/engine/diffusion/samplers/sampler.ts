import { Failure } from '../../../contract/failures.ts';
import { isFiniteTensor } from '../../tensor/arithmetic.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { Denoiser } from '../denoiser.ts';
import type { NoiseSource } from '../noise-source.ts';
import type { PndmPlan } from './pndm.ts';

/** One finished step. */
export interface SamplingStep {
  /** Steps done, counted from 1, of `stepCount`. */
  readonly step: number;
  readonly stepCount: number;
  /** Noise level of `x`, the sample after the step. */
  readonly sigma: number;
  readonly x: Tensor;
  /** The step's last x0 estimate: what a preview shows. */
  readonly denoised: Tensor;
}

/** What a sampler may be told. Each names the options it reads; it ignores the others. */
export interface SamplerOptions {
  /** Where stochastic samplers draw; one call a draw, in sampling order. */
  readonly noise?: NoiseSource;
  /** Index into `sigmas` where sampling starts (image-to-image); 0 by default. */
  readonly startStep?: number;
  readonly signal?: AbortSignal;
  /** Clipping or thresholding of the x0 estimate, applied where the method's paper applies it. */
  readonly limit?: (denoised: Tensor) => Tensor;
  /** Stochasticity: DDIM and TCD 0 … 1; ancestral samplers 1 by default. */
  readonly eta?: number;
  /** EDM's churn: extra noise a step, Karras et al. 2022, algorithm 2. */
  readonly churn?: {
    readonly amount: number;
    readonly sigmaMin: number;
    readonly sigmaMax: number;
    readonly noiseScale: number;
    /** The x0 estimate at the noisier sample, from the one at x; by default the same noise is estimated at both. */
    readonly reread?: (
      at: { readonly x: Tensor; readonly sigma: number; readonly denoised: Tensor },
      noisier: { readonly x: Tensor; readonly sigma: number },
    ) => Tensor;
  };
  /** Order of multistep and singlestep solvers. */
  readonly order?: number;
  /** Whether the last steps fall back to lower orders, for stability. */
  readonly lowerOrderFinal?: boolean;
  readonly eulerAtFinal?: boolean;
  /** DPM-Solver in terms of x0 (`++`) or of the noise, as an ODE or an SDE. */
  readonly algorithm?: 'dpmsolver++' | 'dpmsolver' | 'sde-dpmsolver++' | 'sde-dpmsolver';
  /** Second-order form of DPM-Solver. */
  readonly solver?: 'midpoint' | 'heun';
  /** DPM-Solver of order 3, multistep: weigh the second derivative as the authors' code does, which is not of order 3. */
  readonly releasedThirdOrder?: boolean;
  /** B(h) of UniPC. */
  readonly unipc?: {
    readonly form: 'bh1' | 'bh2';
    readonly predictDenoised: boolean;
    /** Steps (by index) whose correction is left out. */
    readonly disableCorrector: readonly number[];
  };
  /** DDPM: which variance the reverse step adds. */
  readonly variance?: 'small' | 'large';
  /** DDPM: add noise in the last step too, as diffusers does where its timestep is above 0. */
  readonly noiseInLastStep?: boolean;
  /** DDIM: recompute the noise from the limited x0 estimate. */
  readonly noiseFromLimited?: boolean;
  /**
   * DDIM, where the steps of a schedule do not meet: the level each step lands on, and the factor that makes its result a
   * sample of the level where the next step starts.
   */
  readonly landings?: readonly { readonly sigma: number; readonly relabel: number }[];
  /** PNDM: leave out the Runge–Kutta start. */
  readonly skipRungeKutta?: boolean;
  /** PNDM: its calls, where they do not follow from the noise levels alone. */
  readonly pndm?: PndmPlan;
  /** LMS: count the steps before `startStep` as history, as diffusers does, although there is none. */
  readonly countSkippedSteps?: boolean;
  /** Flow matching: fresh noise every step instead of the ODE. */
  readonly stochastic?: boolean;
  /** TCD: noise levels of the intermediate points, one a step. */
  readonly intermediateSigmas?: readonly number[];
  /** LCM: [cSkip, cOut] of the consistency model's boundary condition in sigma. */
  readonly boundary?: (sigma: number) => readonly [cSkip: number, cOut: number];
}

/**
 * A sampler takes x from noise level `sigmas[startStep]` to the last one, yielding after every step.
 *
 * @param x the sample at `sigmas[startStep]`, in the convention x = x0 + sigma · noise; not modified
 * @param sigmas noise levels in sampling order, descending, usually ending in 0
 * @returns the sample at the last noise level
 */
export type Sampler = (
  denoise: Denoiser,
  x: Tensor,
  sigmas: readonly number[],
  options?: SamplerOptions,
) => AsyncGenerator<SamplingStep, Tensor>;

/** One update of a sampler, and the x0 estimate it used. */
export interface Update {
  readonly x: Tensor;
  readonly denoised: Tensor;
}

/**
 * A sampler from the body of its loop: `advance` takes x from `sigma` (index i) to `sigmaNext`. Stops between steps when the
 * signal says so, and fails with `non-finite` as soon as a value is.
 */
export async function* steps(
  x: Tensor,
  sigmas: readonly number[],
  { startStep = 0, signal }: SamplerOptions,
  advance: (x: Tensor, i: number, sigma: number, sigmaNext: number) => Promise<Update>,
): AsyncGenerator<SamplingStep, Tensor> {
  const stepCount = sigmas.length - 1;
  if (startStep < 0 || startStep > stepCount)
    throw new Failure('bad-input', `start step: expected 0 to ${stepCount}, got ${startStep}`, 'startStep');
  let current = x;
  for (let i = startStep; i < stepCount; i++) {
    signal?.throwIfAborted();
    const sigma = sigmaAt(sigmas, i);
    const sigmaNext = sigmaAt(sigmas, i + 1);
    const { x: next, denoised } = await advance(current, i, sigma, sigmaNext);
    if (!isFiniteTensor(next))
      throw new Failure('non-finite', `step ${i + 1} of ${stepCount}, sigma ${sigma}: the sample is not finite`);
    current = next;
    yield { step: i + 1, stepCount, sigma: sigmaNext, x: current, denoised };
  }
  return current;
}

/** The i-th noise level; an error outside the list. */
export function sigmaAt(sigmas: readonly number[], i: number): number {
  const sigma = sigmas[i];
  if (sigma === undefined) throw new RangeError(`sigmas: no entry ${i} in a list of ${sigmas.length}`);
  return sigma;
}

/** The noise source, or a clear error from samplers that cannot do without. */
export function noiseOf({ noise }: SamplerOptions): NoiseSource {
  if (noise === undefined)
    throw new Failure('bad-input', 'noise: this sampler is stochastic and needs a noise source', 'noise');
  return noise;
}

/** A denoiser whose estimates are limited (clipped or thresholded) as the options say. */
export function limited(denoise: Denoiser, { limit }: SamplerOptions): Denoiser {
  return limit === undefined ? denoise : async (x, sigma) => limit(await denoise(x, sigma));
}
