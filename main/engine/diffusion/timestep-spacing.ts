import { Failure } from '../../contract/failures.ts';

/** Where the timesteps of a run lie among the training timesteps: table 2 of Lin et al. 2023 (2305.08891). */
export type TimestepSpacing = 'linspace' | 'leading' | 'trailing';

/**
 * `count` values from `start` to `end`, both included. The order of operations is NumPy's: timesteps are rounded later, and at
 * a half the last digit decides.
 */
export function linspace(start: number, end: number, count: number): number[] {
  if (count === 1) return [start];
  const step = (end - start) / (count - 1);
  return Array.from({ length: count }, (_, i) => (i === count - 1 ? end : i * step + start));
}

/** To the nearest integer, halves to the even one. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** start, start − step, … as long as it is above 0. As in NumPy, the step is the difference of the first two values. */
function countdown(start: number, step: number): number[] {
  const delta = start - step - start;
  return Array.from({ length: Math.ceil(start / step) }, (_, i) => start + i * delta);
}

/** Integer timesteps counted down from `last`. Rounding may add one below 0, which is none. */
function trailing(last: number, step: number): number[] {
  return countdown(last, step)
    .map((t) => roundHalfEven(t) - 1)
    .filter((t) => t >= 0);
}

/** Fails where there are fewer training timesteps than steps: they would repeat. */
function checkStepCount(stepCount: number, most: number): void {
  if (stepCount > most)
    throw new Failure(
      'bad-input',
      `steps: expected at most ${most}, got ${stepCount}: the model has no more timesteps in this spacing`,
      'stepCount',
    );
}

/** Integer timesteps, descending, as DDPM and its kin choose them: `stepCount` points on [0, length − 1]. */
export function integerTimesteps(
  spacing: TimestepSpacing,
  length: number,
  stepCount: number,
  offset: number,
): number[] {
  checkStepCount(stepCount, length);
  switch (spacing) {
    case 'linspace':
      return linspace(0, length - 1, stepCount)
        .map(roundHalfEven)
        .reverse();
    case 'leading': {
      const stride = Math.floor(length / stepCount);
      return Array.from({ length: stepCount }, (_, i) => i * stride + offset).reverse();
    }
    case 'trailing':
      return trailing(length, length / stepCount);
  }
}

/** As above for the samplers of Karras et al., which allow timesteps between the integers. */
export function continuousTimesteps(
  spacing: TimestepSpacing,
  length: number,
  stepCount: number,
  offset: number,
): number[] {
  return spacing === 'linspace'
    ? linspace(0, length - 1, stepCount).reverse()
    : integerTimesteps(spacing, length, stepCount, offset);
}

/**
 * As above for the solvers of the DPM family: `stepCount + 1` points, of which the one at the clean end is dropped.
 *
 * @param last number of training timesteps that are used; the noisiest ones may be clipped away
 */
export function solverTimesteps(
  spacing: TimestepSpacing,
  length: number,
  last: number,
  stepCount: number,
  offset: number,
): number[] {
  checkStepCount(stepCount, spacing === 'leading' ? last - 1 : length);
  switch (spacing) {
    case 'linspace':
      return linspace(0, last - 1, stepCount + 1)
        .map(roundHalfEven)
        .reverse()
        .slice(0, -1);
    case 'leading': {
      const stride = Math.floor(last / (stepCount + 1));
      return Array.from({ length: stepCount + 1 }, (_, i) => i * stride + offset)
        .reverse()
        .slice(0, -1);
    }
    case 'trailing':
      return trailing(last, length / stepCount);
  }
}
