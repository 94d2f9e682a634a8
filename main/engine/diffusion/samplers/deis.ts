import { combine } from '../../tensor/arithmetic.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { integrandOf, isStill } from './dpm-update.ts';
import { limited, sigmaAt, steps, type Sampler } from './sampler.ts';

/** From this number of steps on, `lowerOrderFinal` changes nothing. */
const longRun = 15;

/**
 * DEIS: the noise is extrapolated by a polynomial in ln sigma through its last values and integrated exactly over sigma.
 * Zhang & Chen 2023 (2204.13902), the logρAB form. Order 1 to 3.
 *
 * Reads `order`, `lowerOrderFinal`, `limit`.
 */
export const deis: Sampler = (denoise, x, sigmas, options = {}) => {
  const { order: highestOrder = 2, lowerOrderFinal = true } = options;
  const estimate = limited(denoise, options);
  const stepCount = sigmas.length - 1;
  const past: { sigma: number; eps: Tensor }[] = []; // newest first

  return steps(x, sigmas, options, async (x, i, sigma, sigmaNext) => {
    const denoised = await estimate(x, sigma);
    if (isStill(sigma, sigmaNext)) return { x, denoised };
    past.unshift({ sigma, eps: integrandOf('dpmsolver', { x, sigma, denoised }) });
    const stepsLeft = stepCount - i;
    const orderAtEnd = lowerOrderFinal && stepCount < longRun ? stepsLeft : highestOrder;
    past.length = Math.min(past.length, highestOrder);
    // At sigma 0 only Euler's step is safe: ln sigma has no value there.
    const used = past.slice(0, sigmaNext === 0 ? 1 : orderAtEnd);
    const nodes = used.map((evaluation) => Math.log(evaluation.sigma));
    const terms = used.map(({ eps }, j) => [integralOfLogLagrange(nodes, j, sigma, sigmaNext), eps] as const);
    return { x: combine([1, x], ...terms), denoised };
  });
};

/** Integral over sigma from a to b of the polynomial in ln sigma that is 1 at node j and 0 at the other nodes (0 to 2 of them). */
function integralOfLogLagrange(nodes: readonly number[], j: number, a: number, b: number): number {
  const own = sigmaAt(nodes, j);
  const [first, second] = nodes.filter((_, k) => k !== j);
  if (first === undefined) return b - a;
  // Antiderivatives with l = ln sigma: ∫ l = σ (l − 1), ∫ l² = σ (l² − 2 l + 2)
  const integral = (f: (sigma: number, l: number) => number): number => f(b, Math.log(b)) - f(a, Math.log(a));
  if (second === undefined) return integral((sigma, l) => sigma * (l - 1 - first)) / (own - first);
  return (
    integral((sigma, l) => sigma * (l * l - 2 * l + 2 - (first + second) * (l - 1) + first * second)) /
    ((own - first) * (own - second))
  );
}
