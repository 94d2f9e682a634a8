import { combine } from '../../tensor/arithmetic.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { Denoiser } from '../denoiser.ts';
import { ancestralStep } from './ancestral.ts';
import { noiseOf, steps, type Sampler, type SamplerOptions } from './sampler.ts';

/** DPM-Solver-2 as k-diffusion has it: the midpoint method, the midpoint being the geometric mean of two noise levels. */
export const kdpm2: Sampler = (denoise, x, sigmas, options = {}) => midpoint(denoise, x, sigmas, options, 0);

/** The same to a lower noise level, then noise up to the next one. Reads `eta`, `noise`. */
export const kdpm2Ancestral: Sampler = (denoise, x, sigmas, options = {}) =>
  midpoint(denoise, x, sigmas, options, options.eta ?? 1);

/**
 * The noise level halfway in log sigma, where the midpoint method calls the model. For a whole ancestral step that is the next
 * level itself; a hair below it, so that each of the two can have its own timestep.
 */
export function middleSigma(sigma: number, sigmaNext: number): number {
  return Math.exp((Math.log(sigma) + Math.log(sigmaNext)) / 2) * (1 - 2 ** -44);
}

function midpoint(
  denoise: Denoiser,
  x: Tensor,
  sigmas: readonly number[],
  options: SamplerOptions,
  eta: number,
): ReturnType<Sampler> {
  return steps(x, sigmas, options, async (x, _i, sigma, sigmaNext) => {
    const { down, up } = ancestralStep(sigma, sigmaNext, eta);
    const denoised = await denoise(x, sigma);
    // diffusers draws noise at each of the two calls and adds the second; so seeds agree.
    if (eta > 0) noiseOf(options)(x);
    if (down === 0) return { x: denoised, denoised };
    const middle = middleSigma(sigma, down);
    const ratio = middle / sigma;
    const xMiddle = combine([ratio, x], [1 - ratio, denoised]);
    // x + (down − sigma) · d at the middle
    const denoisedMiddle = await denoise(xMiddle, middle);
    const slope = (down - sigma) / middle;
    const noise = eta > 0 ? ([[up, noiseOf(options)(x)]] as const) : [];
    return { x: combine([1, x], [slope, xMiddle], [-slope, denoisedMiddle], ...noise), denoised: denoisedMiddle };
  });
}
