import { combine } from '../../tensor/arithmetic.ts';
import { ancestralStep } from './ancestral.ts';
import { noiseOf, steps, type Sampler } from './sampler.ts';

/** Euler's method to a lower noise level, then noise up to the next one (k-diffusion's `euler_ancestral`). Reads `eta`, `noise`. */
export const eulerAncestral: Sampler = (denoise, x, sigmas, options = {}) =>
  steps(x, sigmas, options, async (x, _i, sigma, sigmaNext) => {
    const denoised = await denoise(x, sigma);
    const { down, up } = ancestralStep(sigma, sigmaNext, options.eta ?? 1);
    const ratio = down / sigma;
    return { x: combine([ratio, x], [1 - ratio, denoised], [up, noiseOf(options)(x)]), denoised };
  });
