import { combine } from '../../tensor/arithmetic.ts';
import { limited, steps, type Sampler } from './sampler.ts';

/** Heun's second-order method on dx/dsigma = (x − denoised)/sigma; Karras et al. 2022, algorithm 1. Reads `limit`. */
export const heun: Sampler = (denoise, x, sigmas, options = {}) => {
  const estimate = limited(denoise, options);
  return steps(x, sigmas, options, async (x, _i, sigma, sigmaNext) => {
    const denoised = await estimate(x, sigma);
    const ratio = sigmaNext / sigma;
    const euler = combine([ratio, x], [1 - ratio, denoised]);
    if (sigmaNext === 0) return { x: euler, denoised };
    // x + (sigmaNext − sigma) · (d + dNext)/2
    const denoisedNext = await estimate(euler, sigmaNext);
    const half = (sigmaNext - sigma) / 2;
    const next = combine(
      [1 + half / sigma, x],
      [-half / sigma, denoised],
      [half / sigmaNext, euler],
      [-half / sigmaNext, denoisedNext],
    );
    return { x: next, denoised: denoisedNext };
  });
};
