import type { ConditionedDenoiser } from '../diffusion/guidance/guided.ts';
import { sizeOf, type Tensor } from '../tensor/tensor.ts';

/** Some rows of a batch, in their order; the batch itself where they are all. */
export function takeRows(x: Tensor, rows: readonly number[]): Tensor {
  if (rows.length === x.dims[0]) return x;
  const rest = x.dims.slice(1);
  const size = sizeOf(rest);
  const data = new Float32Array(rows.length * size);
  rows.forEach((row, at) => {
    data.set(x.data.subarray(row * size, (row + 1) * size), at * size);
  });
  return { dims: [rows.length, ...rest], data };
}

/**
 * A denoiser that computes the live rows of its batch only. The others come back as they are, so that whatever a sampler
 * or a guidance rule does with them stays finite; its history and its random streams stay what they are for the live ones.
 *
 * @param live rows that are still wanted, ascending
 */
export function ofLiveRows(
  denoise: ConditionedDenoiser<Tensor>,
  live: () => readonly number[],
): ConditionedDenoiser<Tensor> {
  return async (x, sigma, conditions) => {
    const rows = live();
    const [batch = 0] = x.dims;
    if (rows.length === batch) return denoise(x, sigma, conditions);
    const size = sizeOf(x.dims.slice(1));
    const estimates = await denoise(
      takeRows(x, rows),
      sigma,
      conditions.map((condition) => (condition.dims[0] === 1 ? condition : takeRows(condition, rows))),
    );
    return estimates.map((estimate) => {
      const data = Float32Array.from(x.data);
      rows.forEach((row, at) => {
        data.set(estimate.data.subarray(at * size, (at + 1) * size), row * size);
      });
      return { dims: x.dims, data };
    });
  };
}
