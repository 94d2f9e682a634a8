import { Failure } from '../../contract/failures.ts';

/** Accept/reject by pseudo density: weight `weight` for samples above `threshold`, 1 below (PAPERS.md §3b.2). */
export interface Reweighting {
  /** > 1 favours typical samples, < 1 unusual ones; 1 accepts everything. */
  readonly weight: number;
  /** A density, not a percentile (see `densityAtPercentile`). */
  readonly threshold: number;
}

/** @throws bad-input unless the weight is a positive finite number */
export function checkWeight(weight: number): void {
  if (!(weight > 0 && Number.isFinite(weight)))
    throw new Failure('bad-input', `density weight: expected a positive number, got ${weight}`, 'densityWeight');
}

/**
 * Whether a candidate of pseudo density `density` is kept, given its uniform number `u` in [0, 1).
 * Li et al. 2024, listing 2: for w > 1 accept when density > tau or u < 1/w; else accept when density < tau or u < w.
 */
export function accepts(density: number, u: number, { weight, threshold }: Reweighting): boolean {
  return weight > 1 ? density > threshold || u < 1 / weight : density < threshold || u < weight;
}

/** Probability over u that a candidate of this density is kept. */
export function acceptanceProbability(density: number, { weight, threshold }: Reweighting): number {
  if (weight > 1) return density > threshold ? 1 : 1 / weight;
  return density < threshold ? 1 : weight;
}

/** Whether a candidate with this `u` is kept whatever its density turns out to be. */
export function acceptsRegardless(u: number, { weight }: Reweighting): boolean {
  return u < (weight > 1 ? 1 / weight : weight);
}

/** Expected share of candidates kept, when a share `q` of them lies above the threshold. */
export function acceptanceRate(q: number, weight: number): number {
  checkWeight(weight);
  return weight > 1 ? q + (1 - q) / weight : weight * q + 1 - q;
}

/** Expected share above the threshold among the kept: w q / (w q + 1 − q). */
export function shareAboveAfter(q: number, weight: number): number {
  checkWeight(weight);
  return (weight * q) / (weight * q + 1 - q);
}

/** Unnormalised importance weight of a sample: w above the threshold, 1 otherwise. */
export function importanceWeight(density: number, { weight, threshold }: Reweighting): number {
  return density > threshold ? weight : 1;
}

/** Kish's effective sample size (Σw)² / Σw²: how many equally weighted samples say as much. */
export function effectiveSampleSize(weights: ArrayLike<number>): number {
  let sum = 0;
  let squares = 0;
  let largest = 0;
  for (let i = 0; i < weights.length; i++) largest = Math.max(largest, weights[i] as number);
  if (largest === 0) return 0;
  for (let i = 0; i < weights.length; i++) {
    // Relative to the largest, so that squares neither overflow nor vanish.
    const weight = (weights[i] as number) / largest;
    sum += weight;
    squares += weight * weight;
  }
  return (sum * sum) / squares;
}

/** What an importance resampling chose. */
export interface Resample {
  /** Chosen candidates in the order drawn. */
  readonly chosen: readonly number[];
  /** Self-normalised weights of all candidates; they sum to 1. */
  readonly weights: Float64Array;
  /** Of the candidates under these weights; far below the number wanted, the choice is poor. */
  readonly effectiveSampleSize: number;
}

/**
 * Self-normalised importance resampling of `count` from M candidates.
 *
 * With `repeats` the draws are systematic (Kitagawa 1996: one uniform number, unbiased, least variance) and a candidate
 * may come several times. Without, each is drawn at most once (exponential races, Efraimidis & Spirakis 2006): what a
 * batch of pictures needs; its law approaches the target as count/M falls.
 *
 * @param weights non-negative, one a candidate
 * @param random uniform numbers in [0, 1)
 * @throws bad-input when a weight is negative or not finite, or too few are positive
 */
export function importanceResample(
  weights: ArrayLike<number>,
  count: number,
  random: () => number,
  repeats = false,
): Resample {
  const total = checkedSum(weights);
  const positive = Array.from(weights).filter((weight) => weight > 0).length;
  if (positive < (repeats ? Math.min(count, 1) : count))
    throw new Failure(
      'bad-input',
      `resampling: expected at least ${count} candidates of positive weight, got ${positive}`,
    );
  const normalised = Float64Array.from(weights, (weight) => weight / total);
  return {
    chosen: repeats ? systematic(normalised, count, random) : race(normalised, count, random),
    weights: normalised,
    effectiveSampleSize: effectiveSampleSize(weights),
  };
}

function checkedSum(weights: ArrayLike<number>): number {
  let total = 0;
  for (let i = 0; i < weights.length; i++) {
    const weight = weights[i] as number;
    if (!(weight >= 0 && Number.isFinite(weight)))
      throw new Failure('bad-input', `weights: expected non-negative numbers, got ${weight} at ${i}`, 'weights');
    total += weight;
  }
  return total;
}

function systematic(weights: Float64Array, count: number, random: () => number): number[] {
  const offset = random();
  const chosen: number[] = [];
  let passed = 0;
  for (let i = 0; i < weights.length && chosen.length < count; i++) {
    passed += weights[i] as number;
    while (chosen.length < count && (offset + chosen.length) / count < passed) chosen.push(i);
  }
  // Rounding may leave the sum just below 1; the last positive candidate owns what is missing.
  while (chosen.length < count) chosen.push(weights.findLastIndex((weight) => weight > 0));
  return chosen;
}

function race(weights: Float64Array, count: number, random: () => number): number[] {
  return Array.from(weights, (weight, index) => ({ index, arrival: -Math.log(1 - random()) / weight }))
    .filter(({ index }) => (weights[index] as number) > 0)
    .sort((a, b) => a.arrival - b.arrival)
    .slice(0, count)
    .map(({ index }) => index);
}
