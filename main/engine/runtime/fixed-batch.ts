import type { Tensor } from '../tensor/tensor.ts';
import type { Declaration, Feed } from './session.ts';

/** The batch size a model was exported with, or null where it is free. */
export function fixedBatchOf(inputs: readonly Declaration[]): number | null {
  const leading = inputs.filter(({ dims }) => dims.length >= 2).map(({ dims }) => dims[0]);
  const fixed = leading.find((dim) => typeof dim === 'number');
  return typeof fixed === 'number' ? fixed : null;
}

/** Rows `from` up to `from + count` of every input that has a batch axis; a chunk beyond the end repeats the last row. */
export function chunkOf(
  feeds: Readonly<Record<string, Feed>>,
  inputs: readonly Declaration[],
  batch: number,
  from: number,
  count: number,
): Record<string, Feed> {
  const chunk: Record<string, Feed> = {};
  for (const [name, feed] of Object.entries(feeds)) {
    const declared = inputs.find((input) => input.name === name);
    const batched = feed.dims[0] === batch && declared !== undefined && declared.dims[0] === count;
    chunk[name] = batched ? rows(feed, from, count) : feed;
  }
  return chunk;
}

function rows(feed: Feed, from: number, count: number): Feed {
  const batch = feed.dims[0] ?? 0;
  const width = feed.data.length / Math.max(1, batch);
  const source = feed.data;
  const data =
    source instanceof BigInt64Array
      ? new BigInt64Array(count * width)
      : source instanceof Int32Array
        ? new Int32Array(count * width)
        : new Float64Array(count * width);
  for (let row = 0; row < count; row++) {
    const start = Math.min(from + row, batch - 1) * width;
    const part = source.slice(start, start + width);
    (data as { set(values: ArrayLike<unknown>, offset: number): void }).set(part, row * width);
  }
  return { dims: [count, ...feed.dims.slice(1)], data };
}

/** Outputs of the chunks, one under the other, cut to `batch` rows. */
export function joinChunks(
  chunks: readonly Readonly<Record<string, Tensor<Float32Array>>>[],
  batch: number,
): Record<string, Tensor<Float32Array>> {
  const joined: Record<string, Tensor<Float32Array>> = {};
  for (const [name, first] of Object.entries(chunks[0] ?? {})) {
    const width = first.data.length / (first.dims[0] ?? 1);
    const data = new Float32Array(batch * width);
    let offset = 0;
    for (const chunk of chunks) {
      const part = chunk[name]?.data.subarray(0, data.length - offset) ?? new Float32Array();
      data.set(part, offset);
      offset += part.length;
    }
    joined[name] = { dims: [batch, ...first.dims.slice(1)], data };
  }
  return joined;
}
