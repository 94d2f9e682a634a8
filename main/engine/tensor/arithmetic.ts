import { emptyLike, type Tensor, type Values } from './tensor.ts';

/**
 * Σ weight · tensor, element by element, accumulated in double precision.
 *
 * @param terms tensors of equal dims; the result has the dims and precision of the first
 */
export function combine(...terms: readonly (readonly [weight: number, x: Tensor])[]): Tensor {
  const [first] = terms;
  if (first === undefined) throw new RangeError('combine: expected at least one term');
  const { dims, data } = first[1];
  const sum = new Float64Array(data.length);
  for (const [weight, x] of terms) {
    if (x.data.length !== sum.length)
      throw new RangeError(`combine: expected tensors of ${sum.length} values, got one of ${x.data.length}`);
    addScaled(sum, weight, x.data);
  }
  if (data instanceof Float64Array) return { dims, data: sum };
  const rounded = emptyLike<Values>(data);
  rounded.set(sum);
  return { dims, data: rounded };
}

/** sum += weight · values, in place. A plain loop over flat storage: the samplers' whole cost is here. */
function addScaled(sum: Float64Array, weight: number, values: Values): void {
  for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + weight * (values[i] as number);
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
export function isFiniteTensor({ data }: Tensor): boolean {
  // x − x is 0 for finite values and NaN for the others, and NaN stays in a sum.
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += (data[i] as number) - (data[i] as number);
  return sum === 0;
}
