import { combine } from '../../tensor/arithmetic.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { integrandOf, isStill, isStochastic, lambdaOf, releasedPhi2, stepWeights } from './dpm-update.ts';
import { limited, noiseOf, sigmaAt, steps, type Sampler } from './sampler.ts';

/** From this number of steps on, `lowerOrderFinal` changes nothing: long runs are stable without it. */
const longRun = 15;

/**
 * DPM-Solver++ as a multistep method of order 1 to 3, and its relatives: in the noise instead of x0, and as SDEs.
 * Lu et al. 2022b (2211.01095), algorithm 2.
 *
 * In the third order the code in circulation (the authors', and diffusers') takes half of the second derivative, which leaves a
 * method of order 2, and in its SDE form a wrong sign besides; `releasedThirdOrder` reproduces it.
 *
 * Reads `order`, `algorithm`, `solver`, `lowerOrderFinal`, `eulerAtFinal`, `releasedThirdOrder`, `limit`, and `noise` when the
 * algorithm is an SDE.
 */
export const dpmMultistep: Sampler = (denoise, x, sigmas, options = {}) => {
  const { order: highestOrder = 2, algorithm = 'dpmsolver++', solver = 'midpoint' } = options;
  const { lowerOrderFinal = true, eulerAtFinal = false } = options;
  const estimate = limited(denoise, options);
  const stepCount = sigmas.length - 1;
  const past: { lambda: number; m: Tensor }[] = []; // newest first

  /** The order of step i: no more than there is history for, and lower at the end where that is asked for or sigma is 0. */
  const orderOf = (i: number): number => {
    const eases = lowerOrderFinal && stepCount < longRun;
    if (i === stepCount - 1 && (eulerAtFinal || eases || sigmaAt(sigmas, stepCount) === 0)) return 1;
    const limitAtEnd = i === stepCount - 2 && eases ? 2 : highestOrder;
    return Math.min(highestOrder, past.length, limitAtEnd);
  };

  return steps(x, sigmas, options, async (x, i, sigma, sigmaNext) => {
    const denoised = await estimate(x, sigma);
    if (isStill(sigma, sigmaNext)) return { x, denoised };
    past.unshift({ lambda: lambdaOf(sigma), m: integrandOf(algorithm, { x, sigma, denoised }) });
    past.length = Math.min(past.length, highestOrder);
    const exact = stepWeights(algorithm, sigma, sigmaNext);
    const weights = options.releasedThirdOrder === true ? { ...exact, phi2: releasedPhi2(algorithm, exact) } : exact;
    const h = lambdaOf(sigmaNext) - lambdaOf(sigma);
    const terms: [number, Tensor][] = [
      [weights.sample, x],
      ...derivativeWeights(past.slice(0, orderOf(i)), h, weights, solver),
    ];
    if (isStochastic(algorithm)) terms.push([weights.noise, noiseOf(options)(x)]);
    return { x: combine(...terms), denoised };
  });
};

/**
 * Weights of the past estimates m0, m1, m2 in phi0 D0 + phi1 D1 + phi2 D2, where the derivatives in lambda (times h) are the
 * divided differences of the estimates.
 */
function derivativeWeights(
  past: readonly { lambda: number; m: Tensor }[],
  h: number,
  { phi0, phi1, phi2 }: { phi0: number; phi1: number; phi2: number },
  solver: 'midpoint' | 'heun',
): [number, Tensor][] {
  const [newest, second, third] = past;
  if (newest === undefined) return [];
  if (second === undefined) return [[phi0, newest.m]];
  const r0 = (newest.lambda - second.lambda) / h;
  if (third === undefined) {
    // D1 = (m0 − m1)/r0; the midpoint form approximates phi1 by phi0/2
    const weight = (solver === 'midpoint' ? phi0 / 2 : phi1) / r0;
    return [
      [phi0 + weight, newest.m],
      [-weight, second.m],
    ];
  }
  // D1 = E0 + r0/(r0 + r1) (E0 − E1), D2 = 2 (E0 − E1)/(r0 + r1), with E0 = (m0 − m1)/r0 and E1 = (m1 − m2)/r1
  const r1 = (second.lambda - third.lambda) / h;
  const e1 = -(phi1 * r0 + 2 * phi2) / (r0 + r1);
  const e0 = phi1 - e1;
  return [
    [phi0 + e0 / r0, newest.m],
    [-e0 / r0 + e1 / r1, second.m],
    [-e1 / r1, third.m],
  ];
}
