import { euler } from './euler.ts';
import { lcm } from './lcm.ts';
import type { Sampler } from './sampler.ts';

/**
 * Euler's method on a straight flow (Lipman et al. 2023): x_t + (tNext − t) v. With x_t = (1 − t) x0 + t noise and
 * sigma = t/(1 − t) it is the same line from x through the x0 estimate as Euler's in sigma, so it is that.
 *
 * Reads `stochastic`: go to the x0 estimate and draw the noise anew, instead; then `noise`.
 */
export const flowMatchEuler: Sampler = (denoise, x, sigmas, options = {}) =>
  (options.stochastic === true ? lcm : euler)(denoise, x, sigmas, options);
