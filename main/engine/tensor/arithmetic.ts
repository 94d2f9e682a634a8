import { emptyLike, type Tensor } from './tensor.ts';

/**
 * Σ weight · tensor, element by element, accumulated in double precision.
 *
 * @param terms tensors of equal dims; the result has the dims and precision of the first
 */
export function combine(...terms: readonly (readonly [weight: number, x: Tensor])[]): Tensor {
  const [first] = terms;
  if (first === undefined) throw new RangeError('combine: expected at least one term');
  const data = emptyLike(first[1].data);
  for (const [, x] of terms)
    if (x.data.length !== data.length)
      throw new RangeError(`combine: expected tensors of ${data.length} values, got one of ${x.data.length}`);
  for (let i = 0; i < data.length; i++) {
    let sum = 0;
    for (const [weight, x] of terms) sum += weight * (x.data[i] ?? 0);
    data[i] = sum;
  }
  return { dims: first[1].dims, data };
}

/** weight · x. */
export function scale(weight: number, x: Tensor): Tensor {
  return combine([weight, x]);
}

/** from + amount · (to − from): `from` at 0, `to` at 1. */
export function lerp(from: Tensor, to: Tensor, amount: number): Tensor {
  return combine([1 - amount, from], [amount, to]);
}

/** Whether every value is finite. */
export function isFiniteTensor(x: Tensor): boolean {
  return x.data.every(Number.isFinite);
}
