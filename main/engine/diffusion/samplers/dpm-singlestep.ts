import { combine } from '../../tensor/arithmetic.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { integrandOf, isStill, isStochastic, lambdaOf, stepWeights } from './dpm-update.ts';
import { limited, noiseOf, sigmaAt, steps, type Sampler } from './sampler.ts';

/**
 * DPM-Solver++ as a singlestep method: steps come in groups of `order`; each member of a group starts anew from the group's
 * first sample with one more estimate. Lu et al. 2022b (2211.01095), algorithm 1; Lu et al. 2022a, algorithms 1 and 2.
 *
 * Reads `order`, `algorithm`, `solver`, `lowerOrderFinal`, `limit`, and `noise` when the algorithm is an SDE.
 */
export const dpmSinglestep: Sampler = (denoise, x, sigmas, options = {}) => {
  const { order: highestOrder = 2, algorithm = 'dpmsolver++', solver = 'midpoint', lowerOrderFinal = true } = options;
  const estimate = limited(denoise, options);
  const orders = ordersOf(sigmas, highestOrder, lowerOrderFinal);
  const group: { lambda: number; m: Tensor }[] = []; // oldest first
  let start = { x, sigma: sigmaAt(sigmas, options.startStep ?? 0) };

  return steps(x, sigmas, options, async (x, i, sigma, sigmaNext) => {
    const denoised = await estimate(x, sigma);
    // A group that sampling joined in the middle begins where it was joined.
    if (orders[i] === 1 || group.length === 0) {
      group.length = 0;
      start = { x, sigma };
      if (isStill(sigma, sigmaNext)) return { x, denoised };
    }
    const lambda = lambdaOf(sigma);
    // Two estimates at one level tell nothing about the slope: the later one replaces the earlier.
    if (group.at(-1)?.lambda === lambda) group.pop();
    group.push({ lambda, m: integrandOf(algorithm, { x, sigma, denoised }) });
    const weights = stepWeights(algorithm, start.sigma, sigmaNext);
    const h = lambdaOf(sigmaNext) - lambdaOf(start.sigma);
    const terms: [number, Tensor][] = [[weights.sample, start.x], ...derivativeWeights(group, h, weights, solver)];
    if (isStochastic(algorithm)) terms.push([weights.noise, noiseOf(options)(x)]);
    return { x: combine(...terms), denoised };
  });
};

/** Orders of the steps: 1, 2, …, order, 1, 2, …; the last one is 1 when that is asked for or sampling ends at sigma 0. */
function ordersOf(sigmas: readonly number[], order: number, lowerOrderFinal: boolean): number[] {
  const stepCount = sigmas.length - 1;
  const orders = Array.from({ length: stepCount }, (_, i) => (i % order) + 1);
  const endsWhole = stepCount % order === 0;
  if ((lowerOrderFinal && endsWhole) || sigmaAt(sigmas, stepCount) === 0) orders[stepCount - 1] = 1;
  return orders;
}

/** As in the multistep method, but D0 is the group's first estimate, and differences are taken from it. */
function derivativeWeights(
  group: readonly { lambda: number; m: Tensor }[],
  h: number,
  { phi0, phi1, phi2 }: { phi0: number; phi1: number; phi2: number },
  solver: 'midpoint' | 'heun',
): [number, Tensor][] {
  const [first, second, third] = group;
  if (first === undefined) return [];
  if (second === undefined) return [[phi0, first.m]];
  const r1 = (second.lambda - first.lambda) / h;
  if (third === undefined) {
    const weight = (solver === 'midpoint' ? phi0 / 2 : phi1) / r1;
    return [
      [phi0 - weight, first.m],
      [weight, second.m],
    ];
  }
  // E1 = (m1 − m0)/r1 and E2 = (m2 − m0)/r2; D1 = (r2 E1 − r1 E2)/(r2 − r1), D2 = 2 (E2 − E1)/(r2 − r1)
  const r2 = (third.lambda - first.lambda) / h;
  const e1 = solver === 'midpoint' ? 0 : (phi1 * r2 - 2 * phi2) / (r2 - r1);
  const e2 = solver === 'midpoint' ? phi1 : (2 * phi2 - phi1 * r1) / (r2 - r1);
  return [
    [phi0 - e1 / r1 - e2 / r2, first.m],
    [e1 / r1, second.m],
    [e2 / r2, third.m],
  ];
}
