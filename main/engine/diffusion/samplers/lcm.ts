import { combine } from '../../tensor/arithmetic.ts';
import { limited, noiseOf, steps, type Sampler } from './sampler.ts';

/**
 * Multistep consistency sampling: jump to x0, then noise up to the next level. Luo et al. 2023 (Latent Consistency Models),
 * algorithm 3. No noise is drawn in the last step.
 *
 * Reads `noise`, `limit` and `boundary`.
 */
export const lcm: Sampler = (denoise, x, sigmas, options = {}) => {
  const estimate = limited(denoise, options);
  return steps(x, sigmas, options, async (x, i, sigma, sigmaNext) => {
    const [cSkip, cOut] = options.boundary?.(sigma) ?? [0, 1];
    const denoised = combine([cSkip, x], [cOut, await estimate(x, sigma)]);
    if (i === sigmas.length - 2) return { x: denoised, denoised };
    return { x: combine([1, denoised], [sigmaNext, noiseOf(options)(x)]), denoised };
  });
};
