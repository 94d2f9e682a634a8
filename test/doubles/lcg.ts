import type { Features } from '../../main/engine/features/features.ts';

/** The reference figures' generator: s ← (1664525 s + 1013904223) mod 2³², value s / 2³². */
export function lcg(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(1664525, state) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** [count, width] uniform values, row-major. */
export function lcgFeatures(seed: number, count: number, width: number): Features {
  const next = lcg(seed);
  return { count, width, values: Float64Array.from({ length: count * width }, next) };
}
