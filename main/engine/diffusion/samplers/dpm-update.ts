import { combine } from '../../tensor/arithmetic.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { SamplerOptions } from './sampler.ts';

/** A past x0 estimate with where it was made. */
export interface Evaluation {
  readonly sigma: number;
  readonly x: Tensor;
  readonly denoised: Tensor;
}

/** Half the logarithm of the signal-to-noise ratio, −ln sigma: the time in which DPM-Solver's equation is linear. */
export const lambdaOf = (sigma: number): number => -Math.log(sigma);

/** Whether a step leads nowhere, as where rounded timesteps repeat. There is nothing to do then, and nothing to divide by. */
export const isStill = (sigma: number, sigmaNext: number): boolean => lambdaOf(sigma) === lambdaOf(sigmaNext);

type Algorithm = NonNullable<SamplerOptions['algorithm']>;

/**
 * Integrals over one step of length h that weigh the estimate and its first two derivatives in lambda; Lu et al. 2022b
 * (DPM-Solver++, 2211.01095), appendix, and Lu et al. 2022a (DPM-Solver, 2206.00927), eqs 3.4–3.7. In sigma, where
 * x = x0 + sigma · noise, the factors alpha of the papers are 1.
 */
export interface StepWeights {
  /** Weight of the sample where the step starts. */
  readonly sample: number;
  /** Weights of D0, D1 and D2 (the midpoint form takes half of the first for D1). */
  readonly phi0: number;
  readonly phi1: number;
  readonly phi2: number;
  readonly noise: number;
}

/** @param sigmaNext may be 0, where only `sample`, `phi0` and `noise` mean anything */
export function stepWeights(algorithm: Algorithm, sigma: number, sigmaNext: number): StepWeights {
  const h = lambdaOf(sigmaNext) - lambdaOf(sigma);
  const ratio = sigmaNext / sigma; // e^−h
  switch (algorithm) {
    case 'dpmsolver++':
      return {
        sample: ratio,
        phi0: 1 - ratio,
        phi1: Math.expm1(-h) / h + 1,
        phi2: -((Math.expm1(-h) + h) / h ** 2 - 0.5),
        noise: 0,
      };
    case 'dpmsolver':
      return {
        sample: 1,
        phi0: sigmaNext - sigma,
        phi1: -sigmaNext * (Math.expm1(h) / h - 1),
        phi2: -sigmaNext * ((Math.expm1(h) - h) / h ** 2 - 0.5),
        noise: 0,
      };
    case 'sde-dpmsolver++':
      return {
        sample: ratio * ratio,
        phi0: 1 - ratio * ratio,
        phi1: Math.expm1(-2 * h) / (2 * h) + 1,
        phi2: 0.5 - (Math.expm1(-2 * h) + 2 * h) / (2 * h) ** 2,
        noise: sigmaNext * Math.sqrt(1 - ratio * ratio),
      };
    case 'sde-dpmsolver':
      return {
        sample: 1,
        phi0: 2 * (sigmaNext - sigma),
        phi1: -2 * sigmaNext * (Math.expm1(h) / h - 1),
        phi2: -2 * sigmaNext * ((Math.expm1(h) - h) / h ** 2 - 0.5),
        noise: sigmaNext * Math.sqrt(Math.expm1(2 * h)),
      };
  }
}

/** The third weight of the code in circulation: half the right one, for the SDE in x0 with −1/2 where 1/2 belongs. */
export function releasedPhi2(algorithm: Algorithm, { phi2 }: StepWeights): number {
  return (algorithm === 'sde-dpmsolver++' ? phi2 - 1 : phi2) / 2;
}

/** What an algorithm integrates: the x0 estimate (`++`) or the noise. */
export function integrandOf(algorithm: Algorithm, { x, sigma, denoised }: Evaluation): Tensor {
  return algorithm.endsWith('++') ? denoised : combine([1 / sigma, x], [-1 / sigma, denoised]);
}

/** Whether an algorithm draws noise. */
export function isStochastic(algorithm: Algorithm): boolean {
  return algorithm.startsWith('sde');
}
