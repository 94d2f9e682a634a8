import { combine, scale } from '../../tensor/arithmetic.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { middleSigma } from './kdpm2.ts';
import { sigmaAt, steps, type Sampler, type SamplerOptions } from './sampler.ts';

/** One model call: the noise level the model is told, and the levels between which the step's base sample is carried. */
export interface PndmCall {
  readonly at: number;
  readonly from: number;
  readonly to: number;
}

/** How a scheduler's PNDM deviates from the method on a plain list of noise levels. */
export interface PndmPlan {
  /** The calls of each step: four make a Runge–Kutta step, two an improved Euler step, one a multistep step. */
  readonly steps: readonly (readonly PndmCall[])[];
  /** Factor from x to the scheduler's own sample, which is passed on unchanged where the levels of two steps do not meet. */
  readonly sampleScale: (sigma: number) => number;
  /** Whether velocities are combined instead of noises. */
  readonly combinesVelocity: boolean;
}

/** Runge–Kutta steps that the multistep method of order 4 needs to start. */
const warmUp = 3;

/**
 * PNDM: the pseudo linear multistep method of order 4, after three pseudo Runge–Kutta steps or, without them, after one
 * improved Euler step. Liu et al. 2022 (2202.09778), eqs 12 and 13; in sigma their transfer part is x + (to − from) · eps.
 *
 * Reads `skipRungeKutta` and `pndm`.
 */
export const pndm: Sampler = (denoise, x, sigmas, options = {}) => {
  const plan = options.pndm ?? planOf(sigmas, options);
  const past: Tensor[] = []; // slopes at the starts of steps, newest first
  const relabel = (x: Tensor, from: number, to: number): Tensor =>
    from === to ? x : scale(plan.sampleScale(from) / plan.sampleScale(to), x);

  /** The slope (the noise, or the velocity) and x0 estimate of a call whose sample has the level `level`. */
  const evaluate = async (x: Tensor, level: number, { at }: PndmCall): Promise<{ slope: Tensor; denoised: Tensor }> => {
    const labelled = relabel(x, level, at);
    const denoised = await denoise(labelled, at);
    const eps = combine([1 / at, labelled], [-1 / at, denoised]);
    return { slope: plan.combinesVelocity ? velocityOf(eps, denoised, at) : eps, denoised };
  };
  /** The base sample of level `level`, carried along a slope. */
  const carry = (x: Tensor, level: number, { from, to }: PndmCall, slope: Tensor): Tensor => {
    const base = relabel(x, level, from);
    return combine([1, base], [to - from, plan.combinesVelocity ? noiseOfVelocity(slope, base, from) : slope]);
  };

  return steps(x, sigmas, options, async (x, i, sigma, sigmaNext) => {
    const [c1, c2, c3, c4] = callsOf(plan, i);
    const first = await evaluate(x, sigma, c1);
    past.unshift(first.slope);
    past.length = Math.min(past.length, 4);
    if (c2 && c3 && c4) {
      const second = await evaluate(carry(x, sigma, c1, first.slope), c1.to, c2);
      const third = await evaluate(carry(x, sigma, c2, second.slope), c2.to, c3);
      const fourth = await evaluate(carry(x, sigma, c3, third.slope), c3.to, c4);
      const slope = combine([1 / 6, first.slope], [1 / 3, second.slope], [1 / 3, third.slope], [1 / 6, fourth.slope]);
      return { x: relabel(carry(x, sigma, c4, slope), c4.to, sigmaNext), denoised: fourth.denoised };
    }
    const predicted = carry(x, sigma, c1, adamsBashforth(past));
    // A multistep step without history is improved too, where sampling begins in the middle.
    const again = c2 ?? (past.length === 1 && i + 2 < sigmas.length ? { ...c1, at: c1.to } : undefined);
    if (again === undefined) return { x: relabel(predicted, c1.to, sigmaNext), denoised: first.denoised };
    const arrival = await evaluate(predicted, c1.to, again);
    const corrected = carry(x, sigma, again, combine([0.5, first.slope], [0.5, arrival.slope]));
    return { x: relabel(corrected, again.to, sigmaNext), denoised: arrival.denoised };
  });
};

/** Adams–Bashforth on even steps, of the order that the history allows. */
function adamsBashforth([e1, e2, e3, e4]: readonly Tensor[]): Tensor {
  if (e1 === undefined) throw new RangeError('pndm: expected at least one evaluation');
  if (e2 === undefined) return e1;
  if (e3 === undefined) return combine([3 / 2, e1], [-1 / 2, e2]);
  if (e4 === undefined) return combine([23 / 12, e1], [-16 / 12, e2], [5 / 12, e3]);
  return combine([55 / 24, e1], [-59 / 24, e2], [37 / 24, e3], [-9 / 24, e4]);
}

/** v = sqrt(ᾱ) eps − sqrt(1 − ᾱ) x0, Salimans & Ho 2022. */
function velocityOf(eps: Tensor, denoised: Tensor, sigma: number): Tensor {
  const alpha = 1 / Math.sqrt(sigma * sigma + 1);
  return combine([alpha, eps], [-alpha * sigma, denoised]);
}

/** eps = sqrt(ᾱ) v + sqrt(1 − ᾱ) x_t, with x_t = sqrt(ᾱ) x. */
function noiseOfVelocity(v: Tensor, x: Tensor, sigma: number): Tensor {
  const alpha = 1 / Math.sqrt(sigma * sigma + 1);
  return combine([alpha, v], [alpha * alpha * sigma, x]);
}

function callsOf({ steps }: PndmPlan, i: number): readonly [PndmCall, ...(PndmCall | undefined)[]] {
  const [first, ...others] = steps[i] ?? [];
  if (first === undefined) throw new RangeError(`pndm: no calls for step ${i} in a plan of ${steps.length}`);
  return [first, ...others];
}

/** The method as published on any noise levels; Runge–Kutta steps use the middle in log sigma. */
function planOf(sigmas: readonly number[], { skipRungeKutta = false }: SamplerOptions): PndmPlan {
  // The last step cannot be one of Runge–Kutta's, which calls the model where the step ends: at sigma 0.
  const rungeKuttaSteps = skipRungeKutta ? 0 : Math.min(warmUp, sigmas.length - 2);
  const steps = sigmas.slice(0, -1).map((sigma, i): PndmCall[] => {
    const next = sigmaAt(sigmas, i + 1);
    const whole = { at: sigma, from: sigma, to: next };
    if (i >= rungeKuttaSteps) return [whole];
    const middle = middleSigma(sigma, next);
    const half = { ...whole, to: middle };
    return [half, { ...half, at: middle }, { ...whole, at: middle }, { ...whole, at: next }];
  });
  return { steps, sampleScale: () => 1, combinesVelocity: false };
}
