import { Failure } from '../../contract/failures.ts';
import type { Features } from './features.ts';
import { nearestNeighbours, neighboursAmong, type NeighbourOptions, type Neighbours } from './neighbours.ts';

/** What a reference set says about density: enough to score any query (Li et al. 2024, PAPERS.md §3a). */
export interface DensityReference {
  readonly k: number;
  readonly exponent: number;
  /** Pseudo density of each reference, self excluded; mean 1. */
  readonly densities: Float64Array;
  /** Mean distance of each reference to its k nearest others, duplicates floored. */
  readonly meanDistances: Float64Array;
  /** density = scale · (floor / mean distance)^exponent: powers relative to the floor stay in range. */
  readonly scale: number;
  /** Mean distances up to `negligible` count as 0 (a pile of duplicates) and take the value `floor` instead. */
  readonly negligible: number;
  readonly floor: number;
  /** `densities` in ascending order, for percentiles. */
  readonly sorted: Float64Array;
}

/** Mean distances below this share of the typical one are rounding: the point lies on a pile of duplicates. */
const duplicateShare = 1e-6;

/** @throws bad-input when the exponent is not a positive number */
function checkExponent(exponent: number): void {
  if (!(Number.isFinite(exponent) && exponent > 0))
    throw new Failure('bad-input', `exponent: expected a positive number, got ${exponent}`, 'exponent');
}

/**
 * Pseudo density of a reference set: density(x) = (1 / d_K(x))^n with d_K the mean distance to the K nearest other
 * references, scaled to mean 1 over the set (PAPERS.md §3a).
 *
 * @throws bad-input when k ≥ the number of references, or when all references are the same point
 */
export async function densityReference(
  references: Features,
  k: number,
  exponent: number,
  options: NeighbourOptions = {},
): Promise<DensityReference> {
  checkExponent(exponent);
  return densityReferenceOf(meanDistancesOf(await neighboursAmong(references, k, options)), k, exponent);
}

/** The same from mean distances already at hand. */
export function densityReferenceOf(meanDistances: Float64Array, k: number, exponent: number): DensityReference {
  checkExponent(exponent);
  const positive = meanDistances.filter((distance) => distance > 0).sort();
  const typical = positive[positive.length >> 1];
  if (typical === undefined)
    throw new Failure('bad-input', 'reference: expected different points, got the same one in every row', 'reference');
  // Duplicates give d = 0 and an infinite density: they count as dense as the densest real point, not denser.
  const negligible = duplicateShare * typical;
  const floor = positive.find((distance) => distance > negligible) ?? typical;
  const floored = meanDistances.map((distance) => (distance > negligible ? distance : floor));
  const raw = floored.map((distance) => (floor / distance) ** exponent);
  const mean = raw.reduce((sum, value) => sum + value, 0) / raw.length;
  const densities = raw.map((value) => value / mean);
  return {
    k,
    exponent,
    densities,
    meanDistances: floored,
    scale: 1 / mean,
    negligible,
    floor,
    sorted: densities.slice().sort(),
  };
}

/**
 * Pseudo density of query rows against a reference set; queries are not self-excluded (PAPERS.md §3f).
 *
 * @returns one density a row, mean 1 over the references
 */
export async function pseudoDensities(
  queries: Features,
  references: Features,
  reference: DensityReference,
  options: NeighbourOptions = {},
): Promise<Float64Array> {
  const neighbours = await nearestNeighbours(queries, references, reference.k, options);
  return densitiesAt(meanDistancesOf(neighbours), reference);
}

/**
 * Pseudo density from mean distances to the k nearest references.
 *
 * @throws bad-input when the exponent takes a row nearer than all references beyond the range of numbers
 */
export function densitiesAt(meanDistances: Float64Array, reference: DensityReference): Float64Array {
  const { negligible, floor, exponent, scale } = reference;
  return meanDistances.map((distance, row) => {
    const density = scale * (floor / (distance > negligible ? distance : floor)) ** exponent;
    if (Number.isFinite(density)) return density;
    throw new Failure(
      'bad-input',
      `exponent: expected one that keeps densities finite, got ${exponent} for a mean distance of ${distance} (row ${row})`,
      'exponent',
    );
  });
}

/** Mean of each row's k distances. */
export function meanDistancesOf({ count, k, distances }: Neighbours): Float64Array {
  const means = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    let sum = 0;
    for (let j = 0; j < k; j++) sum += distances[i * k + j] as number;
    means[i] = sum / k;
  }
  return means;
}

/** Share of the references below a density, in percent; ties count half. 0 unusual … 100 typical. */
export function densityPercentile(density: number, reference: DensityReference): number {
  const { sorted } = reference;
  const below = firstIndex(sorted, (value) => value >= density);
  const notAbove = firstIndex(sorted, (value) => value > density);
  return (50 * (below + notAbove)) / sorted.length;
}

/**
 * The density at a percentile of the references (linear between ranks, as numpy's default).
 *
 * @throws bad-input outside 0–100
 */
export function densityAtPercentile(percentile: number, reference: DensityReference): number {
  if (!(percentile >= 0 && percentile <= 100))
    throw new Failure('bad-input', `density threshold: expected a percentile from 0 to 100, got ${percentile}`);
  const at = (percentile / 100) * (reference.sorted.length - 1);
  const low = reference.sorted[Math.floor(at)] as number;
  const high = reference.sorted[Math.ceil(at)] as number;
  return low + (at - Math.floor(at)) * (high - low);
}

/** First index at which an ascending array satisfies a test that stays true from there on. */
function firstIndex(sorted: Float64Array, test: (value: number) => boolean): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (test(sorted[middle] as number)) high = middle;
    else low = middle + 1;
  }
  return low;
}
