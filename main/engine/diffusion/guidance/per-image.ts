import { emptyLike, type Tensor } from '../../tensor/tensor.ts';

/** Calls `visit(start, end)` with the range of each image of a batch in its tensor's data. */
export function forEachImage({ dims, data }: Tensor, visit: (start: number, end: number) => void): void {
  const size = data.length / (dims[0] ?? 1);
  for (let start = 0; start < data.length; start += size) visit(start, start + size);
}

/** Σ a · b over a range, in double precision. */
export function dot(a: Tensor, b: Tensor, start: number, end: number): number {
  let sum = 0;
  for (let i = start; i < end; i++) sum += (a.data[i] ?? NaN) * (b.data[i] ?? NaN);
  return sum;
}

/** Standard deviation over a range, with n − 1 below. */
export function standardDeviation({ data }: Tensor, start: number, end: number): number {
  let sum = 0;
  for (let i = start; i < end; i++) sum += data[i] ?? NaN;
  const mean = sum / (end - start);
  let squares = 0;
  for (let i = start; i < end; i++) squares += ((data[i] ?? NaN) - mean) ** 2;
  return Math.sqrt(squares / (end - start - 1));
}

/** Σ weight · tensor with weights of their own for each image. */
export function combineEachImage(
  terms: readonly Tensor[],
  weightsOf: (start: number, end: number) => readonly number[],
): Tensor {
  const [first] = terms;
  if (first === undefined) throw new RangeError('combineEachImage: expected at least one tensor');
  const data = emptyLike(first.data);
  forEachImage(first, (start, end) => {
    const weights = weightsOf(start, end);
    for (let i = start; i < end; i++) {
      let sum = 0;
      for (let k = 0; k < terms.length; k++) sum += (weights[k] ?? NaN) * (terms[k]?.data[i] ?? NaN);
      data[i] = sum;
    }
  });
  return { dims: first.dims, data };
}
