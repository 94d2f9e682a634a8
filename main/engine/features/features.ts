import { Failure } from '../../contract/failures.ts';
import type { Values } from '../tensor/tensor.ts';

/** A set of feature vectors: `values` is [count, width], row-major. */
export interface Features {
  readonly count: number;
  readonly width: number;
  readonly values: Values;
}

/** Every float32 is smaller; of larger numbers the Fréchet distance, which takes fourth powers, would overflow. */
const largest = 1e60;

/**
 * Checks and names a set of feature vectors.
 *
 * @param what how messages call the set ("reference", "generated", a file's name)
 * @throws bad-input when the storage does not fit, the set is empty, or a number is not finite or too large (its place
 *   is named)
 */
export function featureSet(values: Values, count: number, width: number, what = 'features'): Features {
  if (values.length !== count * width)
    throw new Failure('bad-input', `${what}: expected ${count} × ${width} values, got ${values.length}`, what);
  if (count === 0 || width === 0)
    throw new Failure('bad-input', `${what}: expected at least one row and one column, got ${count} × ${width}`, what);
  let bad = 0;
  // A plain loop: ten times as fast as findIndex over millions of numbers.
  while (bad < values.length && Math.abs(values[bad] ?? NaN) <= largest) bad += 1;
  if (bad < values.length) {
    const expected = Number.isFinite(values[bad]) ? 'numbers within ±1e60' : 'finite numbers';
    const place = `row ${Math.floor(bad / width)}, column ${bad % width}`;
    throw new Failure('bad-input', `${what}: expected ${expected}, got ${values[bad]} at ${place}`, what);
  }
  return { count, width, values };
}

/** Feature vectors from plain rows, in float64. */
export function featuresFromRows(rows: readonly (readonly number[])[], what = 'features'): Features {
  const width = rows[0]?.length ?? 0;
  const odd = rows.findIndex((row) => row.length !== width);
  if (odd >= 0)
    throw new Failure(
      'bad-input',
      `${what}: expected rows of ${width} numbers, got ${rows[odd]?.length} in row ${odd}`,
      what,
    );
  return featureSet(Float64Array.from(rows.flat()), rows.length, width, what);
}

/** @throws bad-input when two sets cannot be compared because their vectors differ in width */
export function checkSameWidth(
  first: Features,
  second: Features,
  firstName = 'reference',
  secondName = 'generated',
): void {
  if (first.width !== second.width)
    throw new Failure(
      'bad-input',
      `${secondName}: expected rows of ${first.width} features as in ${firstName}, got ${second.width}`,
      secondName,
    );
}

/** The vector of one row; a view, not a copy. */
export function rowOf(set: Features, row: number): Values {
  return set.values.subarray(row * set.width, (row + 1) * set.width);
}

/** The named rows as a set of their own (rows may repeat). */
export function takeRows(set: Features, rows: ArrayLike<number>): Features {
  const values = new Float64Array(rows.length * set.width);
  for (let i = 0; i < rows.length; i++) values.set(rowOf(set, rows[i] as number), i * set.width);
  return { count: rows.length, width: set.width, values };
}

/** Rows scaled to length 1; a row of zeros stays as it is. */
export function normalised(set: Features): Features {
  const values = Float64Array.from(set.values);
  for (let row = 0; row < set.count; row++) {
    const vector = values.subarray(row * set.width, (row + 1) * set.width);
    const length = Math.hypot(...vector);
    if (length > 0) for (let i = 0; i < set.width; i++) vector[i] = (vector[i] as number) / length;
  }
  return { count: set.count, width: set.width, values };
}
