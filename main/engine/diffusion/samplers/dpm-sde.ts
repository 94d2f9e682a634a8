import { combine } from '../../tensor/arithmetic.ts';
import { ancestralStep } from './ancestral.ts';
import { middleSigma } from './kdpm2.ts';
import { limited, noiseOf, steps, type Sampler } from './sampler.ts';

/**
 * DPM-Solver++ (SDE), second order in one step: to the middle in log sigma and on, each move with its own fresh noise
 * (k-diffusion's `dpmpp_sde`, r = 1/2). The noise of the whole step is that of its halves, as one Brownian path has it.
 *
 * Reads `eta` (1 by default), `noise` and `limit`.
 */
export const dpmSde: Sampler = (denoise, x, sigmas, options = {}) => {
  const estimate = limited(denoise, options);
  const { eta = 1 } = options;
  return steps(x, sigmas, options, async (x, _i, sigma, sigmaNext) => {
    const denoised = await estimate(x, sigma);
    if (sigmaNext === 0) return { x: denoised, denoised };
    const middle = middleSigma(sigma, sigmaNext);
    const noise = noiseOf(options);
    const [first, second] = [noise(x), noise(x)];

    const toMiddle = ancestralStep(sigma, middle, eta);
    const ratioMiddle = toMiddle.down / sigma;
    const xMiddle = combine([ratioMiddle, x], [1 - ratioMiddle, denoised], [toMiddle.up, first]);
    const denoisedMiddle = await estimate(xMiddle, middle);

    const { down, up } = ancestralStep(sigma, sigmaNext, eta);
    const ratio = down / sigma;
    const share = (sigma - middle) / (sigma - sigmaNext);
    const next = combine(
      [ratio, x],
      [1 - ratio, denoisedMiddle],
      [up * Math.sqrt(share), first],
      [up * Math.sqrt(1 - share), second],
    );
    return { x: next, denoised: denoisedMiddle };
  });
};
