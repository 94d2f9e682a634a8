import { squaredDistance } from '../engine/features/distances.ts';
import type { Features } from '../engine/features/features.ts';
import type { GroupProblem } from '../engine/features/group-selection.ts';

/**
 * What a choice of `count` rows is worth at a position of the dial, −1 typical to 1 different. Typicality is the rank among
 * the candidates, 0 to 1, which tells them apart also where all lie beyond the references; distances are in units of the
 * candidates' mean, shared out over a choice's pairs. One alone has no pair: it is as different as it is far from the others.
 *
 * @param densities pseudo density of each row of the set
 */
export function dialProblem(
  set: Features,
  rows: readonly number[],
  densities: Float64Array,
  dial: number,
  count: number,
): GroupProblem {
  const difference = new Float64Array(rows.length ** 2);
  let sum = 0;
  rows.forEach((a, i) => {
    rows.forEach((b, j) => {
      difference[i * rows.length + j] = Math.sqrt(squaredDistance(set, a, set, b));
      sum += difference[i * rows.length + j] as number;
    });
  });
  const mean = sum / Math.max(1, rows.length * (rows.length - 1));
  if (mean > 0) for (let at = 0; at < difference.length; at++) difference[at] = (difference[at] as number) / mean;
  const towardsDiversity = (1 + dial) / 2;
  const typicality = ranksOf(rows.map((row) => densities[row] ?? 0));
  const apart = (i: number): number =>
    count > 1 ? 0 : meanOf(difference.subarray(i * rows.length, (i + 1) * rows.length));
  return {
    quality: typicality.map((rank, i) => (1 - towardsDiversity) * rank + towardsDiversity * apart(i)),
    difference,
    count,
    diversityWeight: (2 * towardsDiversity) / Math.max(1, count - 1),
  };
}

/** Share of the others that are smaller, ties half: 0 to 1. */
function ranksOf(values: readonly number[]): number[] {
  const sorted = values.toSorted((a, b) => a - b);
  return values.map((value) => {
    const ties = sorted.lastIndexOf(value) - sorted.indexOf(value);
    return (sorted.indexOf(value) + ties / 2) / Math.max(1, values.length - 1);
  });
}

function meanOf(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0) / values.length;
}
