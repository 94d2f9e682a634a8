import { combine } from '../../tensor/arithmetic.ts';
import { noiseOf, steps, type Sampler } from './sampler.ts';

/**
 * Strategic stochastic sampling of trajectory consistency models: go along the ODE to an intermediate level s below the next
 * one, then noise up to it. Zheng et al. 2024 (2402.19159), algorithm 4; its gamma is `eta`. No noise in the last step.
 *
 * Reads `intermediateSigmas` (s for each step; the next level itself when absent) and `noise`.
 */
export const tcd: Sampler = (denoise, x, sigmas, options = {}) =>
  steps(x, sigmas, options, async (x, i, sigma, sigmaNext) => {
    const denoised = await denoise(x, sigma);
    const s = options.intermediateSigmas?.[i] ?? sigmaNext;
    const ratio = s / sigma;
    const jumped = combine([ratio, x], [1 - ratio, denoised]);
    if (i === sigmas.length - 2 || (options.eta ?? 0) === 0) return { x: jumped, denoised };
    const up = Math.sqrt(Math.max(0, sigmaNext ** 2 - s ** 2));
    return { x: combine([1, jumped], [up, noiseOf(options)(x)]), denoised };
  });
