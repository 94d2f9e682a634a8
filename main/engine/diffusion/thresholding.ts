import { emptyLike, type Tensor } from '../tensor/tensor.ts';

/** A change of x0 estimates that keeps them in a range. */
export type Limit = (denoised: Tensor) => Tensor;

/** Cuts values off at ±range. */
export function clipTo(range: number): Limit {
  return ({ dims, data }) => {
    const out = emptyLike(data);
    for (let i = 0; i < data.length; i++) out[i] = Math.min(Math.max(data[i] ?? NaN, -range), range);
    return { dims, data: out };
  };
}

/**
 * Dynamic thresholding, Saharia et al. 2022 (2205.11487), section 2.3: cut each image off at the `ratio` quantile of its
 * absolute values, but at no less than 1 and no more than `largest`, and divide by it.
 */
export function dynamicThreshold(ratio: number, largest: number): Limit {
  return ({ dims, data }) => {
    const size = data.length / (dims[0] ?? 1);
    const out = emptyLike(data);
    for (let start = 0; start < data.length; start += size) {
      const sorted = data
        .slice(start, start + size)
        .map(Math.abs)
        .sort();
      const s = Math.min(Math.max(quantile(sorted, ratio), 1), largest);
      for (let i = start; i < start + size; i++) out[i] = Math.min(Math.max(data[i] ?? NaN, -s), s) / s;
    }
    return { dims, data: out };
  };
}

/** Quantile of ascending values, linear between them. */
function quantile(sorted: ArrayLike<number>, ratio: number): number {
  const position = ratio * (sorted.length - 1);
  const low = Math.floor(position);
  const below = sorted[low] ?? NaN;
  const above = sorted[Math.min(low + 1, sorted.length - 1)] ?? NaN;
  return below + (position - low) * (above - below);
}
