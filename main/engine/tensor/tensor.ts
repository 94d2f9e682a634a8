/** Flat storage of a tensor: float32 in production, float64 where figures are checked. */
export type Values = Float32Array | Float64Array;

/** Row-major tensor of floats. `data.length` is the product of `dims`. */
export interface Tensor<V extends Values = Values> {
  readonly dims: readonly number[];
  readonly data: V;
}

/** Number of elements that `dims` hold. */
export function sizeOf(dims: readonly number[]): number {
  return dims.reduce((size, dim) => size * dim, 1);
}

/** A tensor over existing storage; throws when storage and dims disagree. */
export function tensor<V extends Values>(data: V, dims: readonly number[]): Tensor<V> {
  if (sizeOf(dims) !== data.length)
    throw new RangeError(`tensor of dims [${dims.join(', ')}] needs ${sizeOf(dims)} values, got ${data.length}`);
  return { dims, data };
}

/** New storage of the same precision as `values`, filled with zeros. */
export function emptyLike<V extends Values>(values: V, length: number = values.length): V {
  return (values instanceof Float64Array ? new Float64Array(length) : new Float32Array(length)) as V;
}
