import { Failure } from '../../contract/failures.ts';
import { isFiniteTensor } from '../tensor/arithmetic.ts';
import { emptyLike, type Tensor, type Values } from '../tensor/tensor.ts';

/** A figure at a point, and the slope that is followed there: its gradient, or that of a smooth stand-in. */
export interface Slope {
  readonly value: number;
  /** Of the dims of the point. */
  readonly gradient: Tensor;
}

export interface NudgeOptions {
  /** ε: no value moves farther than this from where it started. */
  readonly budget: number;
  readonly stepCount: number;
  /** How far each value moves in a step; the released code's 2.5 ε / steps when absent. */
  readonly stepSize?: number;
  /** `up` raises the value, `down` lowers it. */
  readonly direction: 'up' | 'down';
  readonly signal?: AbortSignal;
}

/** Where a nudge stands. */
export interface NudgeStep {
  /** Steps done; 0 is the start itself. */
  readonly step: number;
  readonly stepCount: number;
  /** The value at the newest point. */
  readonly value: number;
  /** The best value so far. */
  readonly best: number;
}

export interface NudgeResult {
  /** The best point found; the start where no step improved on it. */
  readonly x: Tensor;
  readonly value: number;
  readonly startValue: number;
  /** Largest |x − start|: at most the budget. */
  readonly largestChange: number;
}

/**
 * Moves a point uphill or downhill within a box around it: δ ← clip(δ ± α sign(gradient), −ε, ε), projected sign-gradient
 * steps. Li et al. 2024, the released code (PAPERS.md §3b.1). Keeps the best point on the way, so the outcome is never
 * worse than the start. The budget holds for the stored numbers too: rounding x = start + δ never leaves the box.
 *
 * @throws Failure `non-finite` when a value or gradient is, `bad-input` for a budget or counts that mean nothing
 */
export async function* nudge(
  start: Tensor,
  slopeAt: (x: Tensor) => Promise<Slope>,
  { budget, stepCount, stepSize = (2.5 * budget) / stepCount, direction, signal }: NudgeOptions,
): AsyncGenerator<NudgeStep, NudgeResult> {
  if (!(Number.isFinite(budget) && budget > 0))
    throw new Failure('bad-input', `budget: expected a positive number, got ${budget}`, 'budget');
  if (!Number.isInteger(stepCount) || stepCount < 1)
    throw new Failure('bad-input', `steps: expected a whole number from 1, got ${stepCount}`, 'stepCount');
  if (!(Number.isFinite(stepSize) && stepSize > 0))
    throw new Failure('bad-input', `step size: expected a positive number, got ${stepSize}`, 'stepSize');
  const sense = direction === 'up' ? 1 : -1;
  const delta = new Float64Array(start.data.length);
  let x = start;
  let best = start;
  let startValue = 0;
  let bestValue = 0;
  for (let step = 0; ; step++) {
    signal?.throwIfAborted();
    const { value, gradient } = await slopeAt(x);
    if (!Number.isFinite(value) || !isFiniteTensor(gradient))
      throw new Failure('non-finite', `nudge: the value or gradient after step ${step} of ${stepCount} is not finite`);
    if (gradient.data.length !== delta.length)
      throw new RangeError(`gradient: expected ${delta.length} values, got ${gradient.data.length}`);
    if (step === 0) startValue = bestValue = value;
    else if (sense * (value - bestValue) > 0) {
      best = x;
      bestValue = value;
    }
    yield { step, stepCount, value, best: bestValue };
    if (step === stepCount) break;
    for (let i = 0; i < delta.length; i++) {
      const moved = (delta[i] as number) + sense * stepSize * Math.sign(gradient.data[i] as number);
      delta[i] = Math.min(budget, Math.max(-budget, moved));
    }
    x = within(start, delta, budget);
  }
  return { x: best, value: bestValue, startValue, largestChange: largestDifference(best, start) };
}

/** start + δ in the precision of the start, where rounding may not lead out of the box. */
function within(start: Tensor, delta: Float64Array, budget: number): Tensor {
  const data = emptyLike<Values>(start.data);
  for (let i = 0; i < delta.length; i++) {
    const from = start.data[i] as number;
    data[i] = from + (delta[i] as number);
    // The neighbour towards the start: one place is enough, half of one is all that rounding adds.
    if (Math.abs((data[i] as number) - from) > budget) data[i] = towards(data, i, from);
  }
  return { dims: start.dims, data };
}

/** The number of the storage's precision that is next to `data[i]` on the side of `target`. */
function towards(data: Values, i: number, target: number): number {
  const own = data.slice(i, i + 1);
  const goesUp = target > (own[0] as number);
  if (own instanceof Float32Array) {
    const bits = new Int32Array(own.buffer);
    bits[0] = nextBits(own[0] as number, bits[0] as number, goesUp, 1);
  } else {
    const bits = new BigInt64Array(own.buffer);
    bits[0] = nextBits(own[0] as number, bits[0] as bigint, goesUp, 1n);
  }
  return own[0] as number;
}

/** Bits of floats count up with their size; 0 has neighbours of both signs, which a point on the edge of a box never is. */
function nextBits<Bits extends number | bigint>(value: number, bits: Bits, goesUp: boolean, one: Bits): Bits {
  const grows = value > 0 === goesUp;
  return (grows ? (bits as number) + (one as number) : (bits as number) - (one as number)) as Bits;
}

function largestDifference(a: Tensor, b: Tensor): number {
  let largest = 0;
  for (let i = 0; i < a.data.length; i++)
    largest = Math.max(largest, Math.abs((a.data[i] as number) - (b.data[i] as number)));
  return largest;
}
