import { combine } from '../../tensor/arithmetic.ts';
import { limited, noiseOf, steps, type Sampler } from './sampler.ts';

/**
 * Ho et al. 2020, eqs 6 and 7, in sigma: the mean of q(x_{t−1} | x_t, x0) is denoised + (sigmaNext/sigma)² (x − denoised). Its
 * variance is sigmaNext² (1 − (sigmaNext/sigma)²) (`small`, the posterior's) or (1 + sigmaNext²)(1 − (sigmaNext/sigma)²) ·
 * sigma²/(1 + sigma²) (`large`, beta). The last step adds no noise.
 *
 * Reads `noise`, `variance`, `limit`, `noiseInLastStep`.
 */
export const ddpm: Sampler = (denoise, x, sigmas, options = {}) => {
  const estimate = limited(denoise, options);
  return steps(x, sigmas, options, async (x, i, sigma, sigmaNext) => {
    const denoised = await estimate(x, sigma);
    const keep = (sigmaNext / sigma) ** 2;
    const mean = combine([keep, x], [1 - keep, denoised]);
    if (i === sigmas.length - 2 && options.noiseInLastStep !== true) return { x: mean, denoised };
    const variance =
      options.variance === 'large'
        ? ((1 + sigmaNext ** 2) * (1 - keep)) / (1 + sigma ** -2)
        : sigmaNext ** 2 * (1 - keep);
    return { x: combine([1, mean], [Math.sqrt(variance), noiseOf(options)(x)]), denoised };
  });
};
