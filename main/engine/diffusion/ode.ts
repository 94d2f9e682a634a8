import { combine, isFiniteTensor } from '../tensor/arithmetic.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { Failure } from '../../contract/failures.ts';

/** What is integrated: the sample, and for each probe the divergence integral of each image. All in double precision. */
export interface OdeState {
  readonly x: Tensor<Float64Array>;
  /** [probe], each of one value an image. */
  readonly integrals: readonly Float64Array[];
}

/** The rates of change of a state: the velocity of x, and the divergence of the velocity at x. */
export interface OdeRates {
  readonly velocity: Tensor;
  readonly divergences: readonly Float64Array[];
}

export type DivergenceField = (x: Tensor<Float64Array>, time: number) => Promise<OdeRates>;

/** Where an integration stands after a step. */
export interface OdeStep {
  readonly time: number;
  readonly state: OdeState;
  /** Evaluations of the field so far. */
  readonly evaluations: number;
  /** Share done, 0 to 1. */
  readonly progress: number;
}

export type OdeSolver = (
  field: DivergenceField,
  start: OdeState,
  signal?: AbortSignal,
) => AsyncGenerator<OdeStep, OdeState>;

/** state + Σ weight · rates. */
function advance(state: OdeState, terms: readonly (readonly [number, OdeRates])[]): OdeState {
  const x = combine([1, state.x], ...terms.map(([weight, { velocity }]) => [weight, velocity] as const));
  const integrals = state.integrals.map((integral, probe) =>
    integral.map((value, image) =>
      terms.reduce((sum, [weight, { divergences }]) => sum + weight * (divergences[probe]?.[image] ?? NaN), value),
    ),
  );
  return { x: x as Tensor<Float64Array>, integrals };
}

function checked(state: OdeState, time: number): OdeState {
  if (!isFiniteTensor(state.x) || !state.integrals.every((integral) => integral.every(Number.isFinite)))
    throw new Failure('non-finite', `likelihood: the solution is not finite at time ${time}`);
  return state;
}

/** `count + 1` times from `from` to `to`, even in their logarithms: where the field of a diffusion changes evenly. */
export function logSpaced(from: number, to: number, count: number): number[] {
  return Array.from({ length: count + 1 }, (_, i) => (i === count ? to : from * (to / from) ** (i / count)));
}

/** The classical Runge–Kutta method of order 4 on given times. */
export function rungeKutta4(times: readonly number[]): OdeSolver {
  return async function* (field, start, signal) {
    let state = start;
    for (let i = 1; i < times.length; i++) {
      signal?.throwIfAborted();
      const time = times[i - 1] ?? NaN;
      const timeNext = times[i] ?? NaN;
      const h = timeNext - time;
      const k1 = await field(state.x, time);
      const k2 = await field(advance(state, [[h / 2, k1]]).x, time + h / 2);
      const k3 = await field(advance(state, [[h / 2, k2]]).x, time + h / 2);
      const k4 = await field(advance(state, [[h, k3]]).x, timeNext);
      state = advance(state, [
        [h / 6, k1],
        [h / 3, k2],
        [h / 3, k3],
        [h / 6, k4],
      ]);
      yield { time: timeNext, state: checked(state, timeNext), evaluations: 4 * i, progress: i / (times.length - 1) };
    }
    return state;
  };
}

/** Dormand & Prince 1980: nodes, stages, the solution of order 5, and its difference from the one of order 4. */
const nodes = [0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1, 1] as const;
const stages = [
  [],
  [1 / 5],
  [3 / 40, 9 / 40],
  [44 / 45, -56 / 15, 32 / 9],
  [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
  [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
  [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
] as const;
const errorWeights = [-71 / 57600, 0, 71 / 16695, -71 / 1920, 17253 / 339200, -22 / 525, 1 / 40] as const;

export interface AdaptiveOptions {
  readonly from: number;
  readonly to: number;
  /** Bounds of the error of a step: absolute + relative · |value|, in root mean square over the state. */
  readonly absolute: number;
  readonly relative: number;
}

/**
 * Dormand–Prince 5(4) with step control as in Hairer, Nørsett & Wanner, "Solving ordinary differential equations I", section
 * II.4. All images of a batch take the same steps.
 */
export function dormandPrince({ from, to, absolute, relative }: AdaptiveOptions): OdeSolver {
  const direction = Math.sign(to - from);
  const errorNorm = (error: OdeState, before: OdeState, after: OdeState): number => {
    let sum = 0;
    let count = 0;
    const add = (e: number, a: number, b: number): void => {
      sum += (e / (absolute + relative * Math.max(Math.abs(a), Math.abs(b)))) ** 2;
      count += 1;
    };
    error.x.data.forEach((e, i) => add(e, before.x.data[i] ?? NaN, after.x.data[i] ?? NaN));
    error.integrals.forEach((integral, p) =>
      integral.forEach((e, i) => add(e, before.integrals[p]?.[i] ?? NaN, after.integrals[p]?.[i] ?? NaN)),
    );
    return Math.sqrt(sum / count);
  };
  const zero = (state: OdeState): OdeState => ({
    x: { dims: state.x.dims, data: new Float64Array(state.x.data.length) },
    integrals: state.integrals.map((integral) => new Float64Array(integral.length)),
  });

  return async function* (field, start, signal) {
    let time = from;
    let state = start;
    let first = await field(state.x, time);
    // First step: such that the change over it, and the change of the rates, are small (II.4, eq 4.14).
    const origin = zero(start);
    const d0 = errorNorm(start, start, start);
    const d1 = errorNorm(advance(origin, [[1, first]]), start, start);
    const h0 = Math.min(d0 < 1e-5 || d1 < 1e-5 ? 1e-6 : (0.01 * d0) / d1, Math.abs(to - from));
    const trial = await field(advance(state, [[h0 * direction, first]]).x, time + h0 * direction);
    const d2 =
      errorNorm(
        advance(origin, [
          [1, trial],
          [-1, first],
        ]),
        start,
        start,
      ) / h0;
    const steepest = Math.max(d1, d2);
    let h = Math.min(100 * h0, steepest <= 1e-15 ? Math.max(1e-6, h0 * 1e-3) : (0.01 / steepest) ** (1 / 5));
    let evaluations = 2;
    let rejected = false;

    while (direction * (to - time) > 0) {
      signal?.throwIfAborted();
      if (h < 1e-14 * Math.max(Math.abs(time), Math.abs(to - from)))
        throw new Failure('non-finite', `likelihood: the step became too small at time ${time}; loosen the tolerances`);
      const timeNext = direction * (to - time) <= h ? to : time + direction * h;
      const step = timeNext - time;
      const rates: OdeRates[] = [first];
      for (let s = 1; s < 7; s++) {
        const terms = (stages[s] ?? []).map((weight, j) => [step * weight, rates[j] ?? first] as const);
        rates.push(await field(advance(state, terms).x, time + step * (nodes[s] ?? NaN)));
        evaluations += 1;
      }
      const next = advance(
        state,
        (stages[6] ?? []).map((weight, j) => [step * weight, rates[j] ?? first] as const),
      );
      const error = advance(
        origin,
        errorWeights.map((weight, j) => [step * weight, rates[j] ?? first] as const),
      );
      const norm = errorNorm(error, state, next);
      const factor = norm === 0 ? 10 : 0.9 * norm ** (-1 / 5);
      if (norm < 1) {
        time = timeNext;
        state = checked(next, time);
        first = rates[6] ?? first; // the last stage is the next step's first
        h = Math.abs(step) * Math.min(rejected ? 1 : 10, factor);
        rejected = false;
        yield { time, state, evaluations, progress: (time - from) / (to - from) };
      } else {
        h = Math.abs(step) * Math.max(0.2, factor);
        rejected = true;
      }
    }
    return state;
  };
}
