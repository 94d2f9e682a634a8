import { combine } from '../../tensor/arithmetic.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { sigmaAt, steps, type Sampler } from './sampler.ts';

/**
 * Linear multistep (Adams–Bashforth on uneven noise levels) of order 4 in dx/dsigma = (x − denoised)/sigma, as in k-diffusion.
 *
 * Reads `order` and `countSkippedSteps`.
 */
export const lms: Sampler = (denoise, x, sigmas, options = {}) => {
  const slopes: Tensor[] = []; // newest first
  const firstStep = options.countSkippedSteps === true ? 0 : (options.startStep ?? 0);
  return steps(x, sigmas, options, async (x, i, sigma, sigmaNext) => {
    const denoised = await denoise(x, sigma);
    slopes.unshift(combine([1 / sigma, x], [-1 / sigma, denoised]));
    const order = Math.min(options.order ?? 4, i - firstStep + 1);
    slopes.length = Math.min(slopes.length, order);
    const nodes = Array.from({ length: order }, (_, j) => sigmaAt(sigmas, i - j));
    const terms = slopes.map((d, j) => [integralOfLagrange(nodes, j, sigma, sigmaNext), d] as const);
    return { x: combine([1, x], ...terms), denoised };
  });
};

/** Integral from a to b of the Lagrange polynomial that is 1 at node j and 0 at the others. Simpson's rule is exact to degree 3. */
function integralOfLagrange(nodes: readonly number[], j: number, a: number, b: number): number {
  const own = sigmaAt(nodes, j);
  const polynomial = (sigma: number): number =>
    nodes.reduce((product, node, k) => (k === j ? product : (product * (sigma - node)) / (own - node)), 1);
  return ((b - a) / 6) * (polynomial(a) + 4 * polynomial((a + b) / 2) + polynomial(b));
}
