import { squaredDistance } from '../features/distances.ts';
import type { Features } from '../features/features.ts';

/** Distances between all items of a set, [count, count]. */
export interface PairTable {
  readonly count: number;
  readonly distances: Float64Array;
}

export function pairTable(set: Features): PairTable {
  const { count } = set;
  const distances = new Float64Array(count * count);
  for (let i = 0; i < count; i++)
    for (let j = i + 1; j < count; j++)
      distances[i * count + j] = distances[j * count + i] = Math.sqrt(squaredDistance(set, i, set, j));
  return { count, distances };
}

/** Mean Euclidean distance over pairs of different items; copies of one item (in a bootstrap) are no pair. */
export function meanPairwiseDistance({ count, distances }: PairTable, multiplicities?: ArrayLike<number>): number {
  let sum = 0;
  let pairs = 0;
  for (let i = 0; i < count; i++)
    for (let j = i + 1; j < count; j++) {
      const weight = (multiplicities?.[i] ?? 1) * (multiplicities?.[j] ?? 1);
      sum += weight * (distances[i * count + j] as number);
      pairs += weight;
    }
  return sum / pairs;
}

/**
 * RKE, the order-2 Rényi kernel score: n² / Σ k(i, j)² with the Gaussian kernel k = exp(−d² / 2h²) (Jalali et al. 2023).
 * It counts modes at the scale of the bandwidth; 1 … n.
 */
export function rke({ count, distances }: PairTable, bandwidth: number, multiplicities?: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const mi = multiplicities?.[i] ?? 1;
    if (mi === 0) continue;
    sum += mi * mi;
    for (let j = i + 1; j < count; j++) {
      const distance = (distances[i * count + j] as number) / bandwidth;
      sum += 2 * mi * (multiplicities?.[j] ?? 1) * Math.exp(-distance * distance);
    }
  }
  return (count * count) / sum;
}

/** Median distance between different items: the usual bandwidth. */
export function medianDistance({ count, distances }: PairTable): number {
  const pairs: number[] = [];
  for (let i = 0; i < count; i++) for (let j = i + 1; j < count; j++) pairs.push(distances[i * count + j] as number);
  const sorted = Float64Array.from(pairs).sort();
  return sorted[sorted.length >> 1] ?? 0;
}
