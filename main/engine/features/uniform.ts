import type { RandomStream } from '../tensor/philox.ts';

/** Uniform numbers in [0, 1) one at a time, drawn from a stream in blocks. */
export function uniformNumbers(stream: RandomStream): () => number {
  const block = new Float64Array(256);
  let at = block.length;
  return () => {
    if (at === block.length) {
      stream.uniform(block);
      at = 0;
    }
    return block[at++] as number;
  };
}
