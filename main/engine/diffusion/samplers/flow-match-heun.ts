import { combine, scale } from '../../tensor/arithmetic.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { noiseOf, steps, type Sampler } from './sampler.ts';

/** A straight flow's sample x_t = (1 − t) x0 + t noise at x = x0 + sigma · noise, where t = sigma/(1 + sigma). */
const flowTime = (sigma: number): number => sigma / (1 + sigma);

/**
 * Heun's second-order method on a straight flow (Lipman et al. 2023): the mean of the velocities at both ends of the step.
 * In the flow's own sample x_t it is not the trapezoid of `heun`, whose line runs in sigma.
 *
 * Reads `churn` as diffusers has it (noise added to x_t, the velocity shortened by the level reached) and then `noise`.
 */
export const flowMatchHeun: Sampler = (denoise, x, sigmas, options = {}) => {
  const { amount = 0, sigmaMin = 0, sigmaMax = Infinity, noiseScale = 1 } = options.churn ?? {};
  const gammaOf = (t: number): number =>
    amount > 0 && t >= sigmaMin && t <= sigmaMax
      ? Math.min(amount / Math.max(2 * sigmas.length - 3, 1), Math.SQRT2 - 1)
      : 0;
  /** Velocity (x_t − x0)/t at x_t, from one call of the network. */
  const velocityAt = async (xt: Tensor, sigma: number): Promise<{ velocity: Tensor; denoised: Tensor }> => {
    const t = flowTime(sigma);
    const denoised = await denoise(scale(1 + sigma, xt), sigma);
    return { velocity: combine([1 / t, xt], [-1 / t, denoised]), denoised };
  };
  return steps(x, sigmas, options, async (x, _i, sigma, sigmaNext) => {
    const [t, tNext] = [flowTime(sigma), flowTime(sigmaNext)];
    const xt = scale(1 / (1 + sigma), x);
    const first = await velocityAt(xt, sigma);
    // Churn: more noise, and a step from the higher level along the same velocity.
    const gamma = gammaOf(t);
    const tHat = t * (1 + gamma);
    const from = gamma > 0 ? combine([1, xt], [noiseScale * Math.sqrt(tHat ** 2 - t ** 2), noiseOf(options)(x)]) : xt;
    const velocity = gamma > 0 ? scale(t / tHat, first.velocity) : first.velocity;
    const euler = combine([1, from], [tNext - tHat, velocity]);
    if (sigmaNext === 0) return { x: euler, denoised: first.denoised };
    const second = await velocityAt(euler, sigmaNext);
    // diffusers draws for the second call too, and lets that noise go.
    if (gammaOf(t) > 0) noiseOf(options)(x);
    const half = (tNext - tHat) / 2;
    const next = combine([1, from], [half, velocity], [half, second.velocity]);
    return { x: scale(1 + sigmaNext, next), denoised: second.denoised };
  });
};
