import type { Features } from '../engine/features/features.ts';
import { squaredDistance } from '../engine/features/distances.ts';
import { acceptanceProbability } from '../engine/features/reweighting.ts';
import { uniformNumbers } from '../engine/features/uniform.ts';
import { bootstrap, quantile } from '../engine/metrics/bootstrap.ts';
import type { Interval } from '../engine/metrics/bootstrap.ts';
import { momentsOf, type Moments } from '../engine/metrics/frechet-distance.ts';
import { manifoldRadii } from '../engine/metrics/manifolds.ts';
import { philoxStream } from '../engine/tensor/philox.ts';
import { timeSlices } from '../library/time-slices.ts';
import { guidanceKey, type Guidance } from './calibration-guidance.ts';
import type { Pool } from './calibration-pools.ts';
import { densityJudge, type DensityJudge, type JudgedDensity } from './density-judge.ts';

/** One brief with its references and its pools, ready to be measured. */
export interface CalibrationBrief {
  readonly reference: Features;
  readonly radii: Float64Array;
  readonly moments: Moments;
  readonly judge: DensityJudge;
  /** By `guidanceKey`. */
  readonly pools: ReadonlyMap<string, JudgedPool>;
}

type JudgedPool = Pool & { readonly densities: readonly JudgedDensity[] };

/** Knobs of the dial that a calibration tries. */
export interface Setting extends Guidance {
  readonly densityWeight: number;
  /** Percentile of the references. */
  readonly densityThreshold: number;
}

/** What a setting does, one number a brief, and the means. */
export interface MeasuredSetting extends Setting {
  readonly precisions: readonly number[];
  readonly recalls: readonly number[];
  readonly precision: number;
  readonly recall: number;
  readonly acceptance: number;
  /** Share of the images wanted that the pools hold too few candidates of a side for; above 0 the draws are too tame. */
  readonly shortfall: number;
  /** The means where fewer images are kept, `MeasureOptions.fewer` of them each. */
  readonly fewer: readonly CountedMeans[];
}

/** Means over briefs at a number of images kept of each. */
export interface CountedMeans {
  readonly count: number;
  readonly precision: number;
  readonly recall: number;
}

export interface MeasureOptions {
  /** Neighbour of precision and recall. */
  readonly k: number;
  /** Images kept a brief: all settings are compared at this count. */
  readonly kept: number;
  /** Smaller numbers of images kept that settings are measured at as well; none where absent. */
  readonly fewer?: readonly number[];
  readonly seed: number;
}

/** Draws of the kept images whose measures are averaged: at least so many draws, and so many images in all. */
const [fewestDraws, fewestDrawn] = [6, 250];
/** Weights tried, and their reciprocals. */
const weights = [2, 4, 16];
/** Thresholds tried, as shares of the candidates that lie below: close together where few candidates are like references. */
const thresholdShares = [0.15, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95];

export async function calibrationBrief(
  reference: Features,
  pools: readonly Pool[],
  k: number,
): Promise<CalibrationBrief> {
  const judge = await densityJudge(reference);
  const judged = new Map<string, JudgedPool>();
  for (const pool of pools) judged.set(guidanceKey(pool), { ...pool, densities: await judge.judge(pool.features) });
  return { reference, radii: await manifoldRadii(reference, k), moments: momentsOf(reference), judge, pools: judged };
}

/**
 * Thresholds worth trying, in percent of the references: where they part the candidates of all briefs. Generated pictures
 * are seldom as dense as real ones, so that fixed percentiles would leave nothing to choose.
 */
export function candidateThresholds(briefs: readonly CalibrationBrief[]): number[] {
  const all = briefs.flatMap(({ pools }) =>
    [...pools.values()].flatMap(({ densities }) => densities.map(({ percentile }) => percentile)),
  );
  const sorted = Float64Array.from(all).sort();
  return [...new Set(thresholdShares.map((share) => Math.round(100 * quantile(sorted, share)) / 100))];
}

/** Every setting worth trying: guidance alone, and both directions of reweighting at each guidance. */
export function settingsGrid(guidances: readonly Guidance[], thresholds: readonly number[]): Setting[] {
  const reweightings = [...weights, ...weights.map((weight) => 1 / weight)];
  return guidances.flatMap((guidance) => [
    ...alone([guidance], thresholds[thresholds.length >> 1]),
    ...reweightings.flatMap((densityWeight) =>
      thresholds.map((densityThreshold) => ({ ...guidance, densityWeight, densityThreshold })),
    ),
  ]);
}

/** Guidance without reweighting. */
export function alone(guidances: readonly Guidance[], densityThreshold = 50): Setting[] {
  return guidances.map(({ guidanceScale, guidanceInterval }) => ({
    guidanceScale,
    guidanceInterval,
    densityWeight: 1,
    densityThreshold,
  }));
}

/** Measures settings on every brief, at equal counts, a brief at a time. */
export async function measureSettings(
  briefs: readonly CalibrationBrief[],
  settings: readonly Setting[],
  options: MeasureOptions,
  signal?: AbortSignal,
): Promise<MeasuredSetting[]> {
  const figures = settings.map(() => [] as BriefFigures[]);
  const rest = timeSlices();
  for (const [at, brief] of briefs.entries()) {
    const distances = new Map<string, PoolDistances>();
    for (const [i, setting] of settings.entries()) {
      await rest();
      signal?.throwIfAborted();
      const pool = poolOf(brief, setting);
      const key = guidanceKey(setting);
      const known = distances.get(key) ?? poolDistances(brief, pool.features);
      distances.set(key, known);
      figures[i]?.push(measureBrief(brief, at, setting, known, options));
    }
  }
  return settings.map((setting, i) => {
    const all = figures[i] ?? [];
    const precisions = all.map(({ precision }) => precision);
    const recalls = all.map(({ recall }) => recall);
    return {
      ...setting,
      precisions,
      recalls,
      precision: meanOf(precisions),
      recall: meanOf(recalls),
      acceptance: meanOf(all.map(({ acceptance }) => acceptance)),
      shortfall: meanOf(all.map(({ shortfall }) => shortfall)),
      fewer: (options.fewer ?? []).map((count, at) => ({
        count,
        precision: meanOf(all.map(({ fewer }) => fewer[at]?.precision ?? NaN)),
        recall: meanOf(all.map(({ fewer }) => fewer[at]?.recall ?? NaN)),
      })),
    };
  });
}

interface BriefFigures {
  readonly precision: number;
  readonly recall: number;
  readonly acceptance: number;
  readonly shortfall: number;
  readonly fewer: readonly { readonly precision: number; readonly recall: number }[];
}

function measureBrief(
  brief: CalibrationBrief,
  at: number,
  setting: Setting,
  distances: PoolDistances,
  options: MeasureOptions,
): BriefFigures {
  const probabilities = acceptancesOf(brief, setting);
  const meansOf = (kept: number) => {
    const draws = drawsOf(brief, at, setting, { kept, seed: options.seed });
    return {
      precision: meanOf(draws.map((rows) => meanOf(rows.map((row) => distances.inside[row] ?? NaN)))),
      recall: meanOf(draws.map((rows) => recallOf(distances, rows, options.k))),
    };
  };
  return {
    ...meansOf(options.kept),
    acceptance: meanOf(probabilities),
    shortfall: shortfallOf(probabilities, options.kept),
    fewer: (options.fewer ?? []).map(meansOf),
  };
}

/**
 * Rows of the pool that are kept, a list a draw, by their acceptance; the same random numbers for every setting.
 *
 * Accept/reject keeps images of the favoured side of the threshold, and of the other, in fixed shares: so many of each side
 * are drawn, each at most once. (Weighted draws without repeats from a pool not much larger than the draw would run out of
 * the favoured and look tamer than the dial is.)
 */
export function drawsOf(
  brief: CalibrationBrief,
  at: number,
  setting: Setting,
  { kept, seed }: Pick<MeasureOptions, 'kept' | 'seed'>,
): readonly (readonly number[])[] {
  const probabilities = acceptancesOf(brief, setting);
  const repeats = Math.max(fewestDraws, Math.ceil(fewestDrawn / kept));
  return Array.from({ length: repeats }, (_, repeat) => {
    const random = uniformNumbers(philoxStream(seed, at * repeats + repeat, 'selection'));
    return keptRows(probabilities, kept, random);
  });
}

/** The chance of each candidate of a setting's pool to be kept. */
function acceptancesOf(brief: CalibrationBrief, setting: Setting): number[] {
  const threshold = brief.judge.threshold(setting.densityThreshold);
  return poolOf(brief, setting).densities.map(({ density }) =>
    acceptanceProbability(density, { weight: setting.densityWeight, threshold }),
  );
}

/**
 * One draw of the rows that accept/reject keeps of a pool.
 *
 * @param probabilities of acceptance, a row each: 1 on the favoured side, one smaller number on the other
 * @param random uniform numbers in [0, 1): one for the shares' remainder, one a row
 */
export function keptRows(probabilities: readonly number[], kept: number, random: () => number): number[] {
  const wanted = Math.floor(kept * favouredShare(probabilities) + random());
  const keys = probabilities.map(random);
  const ordered = [...keys.keys()].sort((a, b) => (keys[a] ?? 0) - (keys[b] ?? 0));
  const favoured = ordered.filter((row) => probabilities[row] === 1);
  const others = ordered.filter((row) => probabilities[row] !== 1);
  // Where a side has too few, the other fills up: counted as shortfall.
  const fewest = Math.max(wanted, kept - others.length);
  return [...favoured.slice(0, fewest), ...others.slice(0, kept - Math.min(fewest, favoured.length))];
}

/** Share of the kept that lies on the favoured side of the threshold: q / (q + p (1 − q)), PAPERS.md §3b.2. */
function favouredShare(probabilities: readonly number[]): number {
  const favoured = probabilities.filter((probability) => probability === 1).length;
  return favoured / probabilities.reduce((sum, probability) => sum + probability, 0);
}

function shortfallOf(probabilities: readonly number[], kept: number): number {
  const favoured = probabilities.filter((probability) => probability === 1).length;
  const share = favouredShare(probabilities);
  const short = (wanted: number, there: number): number => Math.max(0, wanted - there) / kept;
  return short(share * kept, favoured) + short((1 - share) * kept, probabilities.length - favoured);
}

export function poolOf(brief: CalibrationBrief, setting: Guidance): JudgedPool {
  const pool = brief.pools.get(guidanceKey(setting));
  if (pool === undefined) throw new RangeError(`calibration: no pool at guidance ${guidanceKey(setting)}`);
  return pool;
}

/** What precision and recall of any part of a pool follow from. */
interface PoolDistances {
  readonly count: number;
  /** 1 for candidates within a reference's ball, 0 for others. */
  readonly inside: Uint8Array;
  /** Squared distances [candidate, candidate] and [candidate, reference]. */
  readonly among: Float64Array;
  readonly toReferences: Float64Array;
  readonly referenceCount: number;
}

export function poolDistances({ reference, radii }: CalibrationBrief, features: Features): PoolDistances {
  const { count } = features;
  const among = new Float64Array(count * count);
  const toReferences = new Float64Array(count * reference.count);
  const inside = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < i; j++) among[i * count + j] = among[j * count + i] = squaredDistance(features, i, features, j);
    for (let r = 0; r < reference.count; r++) {
      const squared = squaredDistance(reference, r, features, i);
      toReferences[i * reference.count + r] = squared;
      if (Math.sqrt(squared) < (radii[r] ?? 0)) inside[i] = 1;
    }
  }
  return { count, inside, among, toReferences, referenceCount: reference.count };
}

/** Recall of some rows of a pool (Kynkäänniemi et al. 2019): the references in a ball of any row to its k-th neighbour. */
export function recallOf(
  { count, among, toReferences, referenceCount }: PoolDistances,
  rows: readonly number[],
  k: number,
): number {
  const covered = new Uint8Array(referenceCount);
  const others = new Float64Array(rows.length - 1);
  for (const row of rows) {
    let at = 0;
    for (const other of rows) if (other !== row) others[at++] = among[row * count + other] ?? NaN;
    const radius = Math.sqrt(others.sort()[k - 1] ?? 0);
    for (let r = 0; r < referenceCount; r++)
      if (Math.sqrt(toReferences[row * referenceCount + r] ?? NaN) < radius) covered[r] = 1;
  }
  return covered.reduce((sum, one) => sum + one, 0) / referenceCount;
}

/** 95 % interval of a mean over briefs, by resampling briefs; null where there are too few. */
export function intervalOverBriefs(values: readonly number[], seed: number): Interval | null {
  const random = uniformNumbers(philoxStream(seed, 0, 'bootstrap'));
  const mean = (times: Int32Array): number =>
    values.reduce((sum, one, i) => sum + one * (times[i] ?? 0), 0) / values.length;
  return bootstrap(values.length, meanOf(values), mean, random);
}

export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Whether the mean of `b` is above that of `a` by more than the interval over briefs, taken brief by brief. */
export function clearlyAbove(a: readonly number[], b: readonly number[], seed: number): boolean {
  const differences = b.map((value, i) => value - (a[i] ?? NaN));
  return (intervalOverBriefs(differences, seed)?.low ?? 0) > 0;
}

/** Whether one setting is at least as good as another in both measures, and better in one. */
export function dominates(one: MeasuredSetting, other: MeasuredSetting): boolean {
  const [precision, recall] = [one.precision - other.precision, one.recall - other.recall];
  return precision >= 0 && recall >= 0 && precision + recall > 0;
}

/** The same, and in one measure by more than the interval over briefs. */
export function clearlyDominates(one: MeasuredSetting, other: MeasuredSetting, seed: number): boolean {
  return (
    dominates(one, other) &&
    (clearlyAbove(other.precisions, one.precisions, seed) || clearlyAbove(other.recalls, one.recalls, seed))
  );
}
