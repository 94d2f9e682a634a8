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
  /** In order: four calls for each Runge–Kutta step, two for the first multistep step when there are none, one for the others. */
  readonly calls: readonly PndmCall[];
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
  const firstStep = options.startStep ?? 0;
  const rungeKuttaSteps = rungeKuttaStepsOf(sigmas, options);
  const past: Tensor[] = []; // noises at the starts of steps, newest first
  const relabel = (x: Tensor, from: number, to: number): Tensor =>
    from === to ? x : scale(plan.sampleScale(from) / plan.sampleScale(to), x);

  /** The noise (or velocity) and x0 estimate of a call whose sample has the level `level`. */
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
    if (i < rungeKuttaSteps) {
      const [c1, c2, c3, c4] = [0, 1, 2, 3].map((k) => callAt(plan, 4 * i + k)) as [
        PndmCall,
        PndmCall,
        PndmCall,
        PndmCall,
      ];
      const first = await evaluate(x, sigma, c1);
      const second = await evaluate(carry(x, sigma, c1, first.slope), c1.to, c2);
      const third = await evaluate(carry(x, sigma, c2, second.slope), c2.to, c3);
      const fourth = await evaluate(carry(x, sigma, c3, third.slope), c3.to, c4);
      past.unshift(first.slope);
      const slope = combine([1 / 6, first.slope], [1 / 3, second.slope], [1 / 3, third.slope], [1 / 6, fourth.slope]);
      return { x: relabel(carry(x, sigma, c4, slope), c4.to, sigmaNext), denoised: fourth.denoised };
    }
    // The first multistep step without a Runge–Kutta start takes two calls.
    const isFirst = past.length === 0 && i === firstStep && sigmaNext > 0;
    const call = callAt(plan, 4 * rungeKuttaSteps + (i - rungeKuttaSteps) + (rungeKuttaSteps === 0 && i > 0 ? 1 : 0));
    const { slope, denoised } = await evaluate(x, sigma, call);
    past.unshift(slope);
    past.length = Math.min(past.length, 4);
    const predicted = carry(x, sigma, call, adamsBashforth(past));
    if (!isFirst || rungeKuttaSteps > 0) return { x: relabel(predicted, call.to, sigmaNext), denoised };
    const again = callAt(plan, 1);
    const arrival = await evaluate(predicted, call.to, again);
    const corrected = carry(x, sigma, again, combine([0.5, slope], [0.5, arrival.slope]));
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

function callAt({ calls }: PndmPlan, i: number): PndmCall {
  const call = calls[i];
  if (call === undefined) throw new RangeError(`pndm: no call ${i} in a plan of ${calls.length}`);
  return call;
}

/** The last step cannot be one of Runge–Kutta's, which calls the model where the step ends: at sigma 0. */
function rungeKuttaStepsOf(sigmas: readonly number[], { skipRungeKutta = false }: SamplerOptions): number {
  return skipRungeKutta ? 0 : Math.min(warmUp, sigmas.length - 2);
}

/** The method as published on any noise levels; Runge–Kutta steps use the middle in log sigma. */
function planOf(sigmas: readonly number[], options: SamplerOptions): PndmPlan {
  const rungeKuttaSteps = rungeKuttaStepsOf(sigmas, options);
  const calls = sigmas.slice(0, -1).flatMap((sigma, i): PndmCall[] => {
    const next = sigmaAt(sigmas, i + 1);
    const whole = { at: sigma, from: sigma, to: next };
    if (rungeKuttaSteps === 0 && i === 0 && next > 0) return [whole, { ...whole, at: next }];
    if (i >= rungeKuttaSteps) return [whole];
    const middle = middleSigma(sigma, next);
    return [
      { at: sigma, from: sigma, to: middle },
      { at: middle, from: sigma, to: middle },
      { at: middle, from: sigma, to: next },
      { at: next, from: sigma, to: next },
    ];
  });
  return { calls, sampleScale: () => 1, combinesVelocity: false };
}
