import { Failure } from '../../contract/failures.ts';

/** A choice of K from M: the more quality and the further apart, the better. */
export interface GroupProblem {
  /** What each candidate is worth alone. */
  readonly quality: ArrayLike<number>;
  /** What a pair adds, [M, M], symmetric and not negative; the diagonal is not read. */
  readonly difference: ArrayLike<number>;
  readonly count: number;
  /** λ: weight of the pairs against the qualities. */
  readonly diversityWeight: number;
}

export interface GroupChoice {
  /** Chosen candidates, in the order the greedy search took them (a swap takes the place of what it replaced). */
  readonly chosen: readonly number[];
  /** Σ quality + λ Σ difference over the chosen. */
  readonly value: number;
  /** No choice of this size is worth more. */
  readonly bound: number;
}

/**
 * Chooses `count` of M candidates with large Σ u_i + λ Σ_{i<j} b_ij (Scaling Group Inference, 2508.15773): greedy by
 * marginal gain, then swaps of one chosen for one other as long as they help.
 *
 * The bound gives each candidate its quality and half of its largest K − 1 differences, and adds up the largest K of
 * these: every choice is worth at most that.
 *
 * @throws bad-input when there are fewer candidates than wanted, or a number is not finite
 */
export function selectGroup(problem: GroupProblem): GroupChoice {
  const { quality, difference, count, diversityWeight } = problem;
  const size = quality.length;
  if (!Number.isInteger(count) || count < 1 || count > size)
    throw new Failure('bad-input', `count: expected 1 to ${size}, the number of candidates, got ${count}`, 'count');
  if (!(diversityWeight >= 0 && Number.isFinite(diversityWeight)))
    throw new Failure('bad-input', `diversity weight: expected a number ≥ 0, got ${diversityWeight}`);
  const between = (i: number, j: number): number => diversityWeight * (difference[i * size + j] as number);
  const chosen = greedy(quality, between, count);
  improve(chosen, quality, between);
  return { chosen, value: groupValue(problem, chosen), bound: upperBound(problem) };
}

/** Σ quality + λ Σ difference of a choice. */
export function groupValue({ quality, difference, diversityWeight }: GroupProblem, chosen: readonly number[]): number {
  let value = 0;
  chosen.forEach((i, at) => {
    value += quality[i] as number;
    for (const j of chosen.slice(0, at)) value += diversityWeight * (difference[i * quality.length + j] as number);
  });
  return value;
}

type Pair = (i: number, j: number) => number;

function greedy(quality: ArrayLike<number>, between: Pair, count: number): number[] {
  const size = quality.length;
  const chosen: number[] = [];
  const gains = Float64Array.from(quality);
  const taken = new Uint8Array(size);
  // The first is the better half of the best pair: alone, quality says nothing about distances.
  let next = firstOf(quality, between, count);
  for (;;) {
    chosen.push(next);
    taken[next] = 1;
    if (chosen.length === count) return chosen;
    let best = -Infinity;
    const last = next;
    for (let i = 0; i < size; i++) {
      if (taken[i] === 1) continue;
      gains[i] = (gains[i] as number) + between(i, last);
      if ((gains[i] as number) > best) {
        best = gains[i] as number;
        next = i;
      }
    }
  }
}

function firstOf(quality: ArrayLike<number>, between: Pair, count: number): number {
  let best = -Infinity;
  let first = 0;
  for (let i = 0; i < quality.length; i++)
    for (let j = 0; j < (count > 1 ? i : 1); j++) {
      const value =
        count > 1 ? (quality[i] as number) + (quality[j] as number) + between(i, j) : (quality[i] as number);
      if (value > best) {
        best = value;
        first = i;
      }
    }
  return first;
}

/** Swaps as long as one helps by more than rounding; each raises the value, so it ends. */
function improve(chosen: number[], quality: ArrayLike<number>, between: Pair): void {
  for (let rounds = 0; rounds < 100; rounds++) {
    const inside = new Set(chosen);
    let best = { gain: 1e-12, at: -1, by: -1 };
    chosen.forEach((out, at) => {
      const others = chosen.filter((_, place) => place !== at);
      const lost = (quality[out] as number) + others.reduce((sum, j) => sum + between(out, j), 0);
      for (let by = 0; by < quality.length; by++) {
        if (inside.has(by)) continue;
        const gain = (quality[by] as number) + others.reduce((sum, j) => sum + between(by, j), 0) - lost;
        if (gain > best.gain * (1 + 1e-9)) best = { gain, at, by };
      }
    });
    if (best.at < 0) return;
    chosen[best.at] = best.by;
  }
}

function upperBound({ quality, difference, count, diversityWeight }: GroupProblem): number {
  const size = quality.length;
  const most = Array.from({ length: size }, (_, i) => {
    const pairs = Float64Array.from({ length: size }, (_unused, j) =>
      j === i ? 0 : (difference[i * size + j] as number),
    );
    const largest = pairs.sort().subarray(size - (count - 1));
    return (quality[i] as number) + (diversityWeight / 2) * largest.reduce((sum, value) => sum + value, 0);
  });
  return Float64Array.from(most)
    .sort()
    .subarray(size - count)
    .reduce((sum, value) => sum + value, 0);
}
