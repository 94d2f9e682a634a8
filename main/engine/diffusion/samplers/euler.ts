import { combine } from '../../tensor/arithmetic.ts';
import { noiseOf, steps, type Sampler } from './sampler.ts';

/**
 * Euler's method on the probability-flow ODE dx/dsigma = (x − denoised)/sigma, Karras et al. 2022, algorithm 2 without the
 * correction. A straight flow and the deterministic DDIM are the same step in other coordinates.
 *
 * Reads `churn` and, with it, `noise`. The model is called before the churn noise is added.
 */
export const euler: Sampler = (denoise, x, sigmas, options = {}) =>
  steps(x, sigmas, options, async (x, _i, sigma, sigmaNext) => {
    const denoised = await denoise(x, sigma);
    const { amount = 0, sigmaMin = 0, sigmaMax = Infinity, noiseScale = 1 } = options.churn ?? {};
    const churns = amount > 0 && sigma >= sigmaMin && sigma <= sigmaMax;
    // denoised + sigmaNext · d, written so that a huge sigma costs no digits
    const ratio = sigmaNext / sigma;
    const next = combine([ratio, x], [1 - ratio, denoised]);
    if (!churns) return { x: next, denoised };
    const gamma = Math.min(amount / (sigmas.length - 1), Math.SQRT2 - 1);
    const sigmaHat = sigma * (1 + gamma);
    const added = noiseScale * Math.sqrt(sigmaHat ** 2 - sigma ** 2);
    const xHat = combine([1, x], [added, noiseOf(options)(x)]);
    const denoisedHat =
      options.churn?.reread?.({ x, sigma, denoised }, { x: xHat, sigma: sigmaHat }) ??
      combine([1, xHat], [-sigmaHat / sigma, x], [sigmaHat / sigma, denoised]);
    const ratioHat = sigmaNext / sigmaHat;
    return { x: combine([ratioHat, xHat], [1 - ratioHat, denoisedHat]), denoised };
  });
