import type { Measure, MeasureName } from '../contract/measures.ts';
import type { DialStop } from '../contract/models.ts';
import { takeRows, type Features } from '../engine/features/features.ts';
import { acceptanceProbability, importanceResample, type Reweighting } from '../engine/features/reweighting.ts';
import { uniformNumbers } from '../engine/features/uniform.ts';
import { bootstrap, quantile } from '../engine/metrics/bootstrap.ts';
import { momentsOf, resampledFrechetDistance, type Moments } from '../engine/metrics/frechet-distance.ts';
import { compareManifolds, manifoldRadii, precision, recall } from '../engine/metrics/manifolds.ts';
import { vendiScore } from '../engine/metrics/vendi-score.ts';
import { philoxStream } from '../engine/tensor/philox.ts';
import type { Pool } from './calibration-pools.ts';
import { densityJudge, type JudgedDensity, type DensityJudge } from './density-judge.ts';

/** One brief with its references and its pools, ready to be measured. */
export interface CalibrationBrief {
  readonly reference: Features;
  readonly radii: Float64Array;
  readonly moments: Moments;
  readonly judge: DensityJudge;
  readonly pools: ReadonlyMap<number, Pool & { readonly densities: readonly JudgedDensity[] }>;
}

/** Knobs of the dial that a calibration tries. */
export interface Setting {
  readonly guidanceScale: number;
  readonly densityWeight: number;
  /** Percentile of the references. */
  readonly densityThreshold: number;
}

/** What a setting does, one number a brief. */
export interface MeasuredSetting extends Setting {
  readonly precisions: readonly number[];
  readonly recalls: readonly number[];
  readonly acceptances: readonly number[];
  readonly precision: number;
  readonly recall: number;
  readonly acceptance: number;
}

export interface PathOptions {
  /** Neighbour of precision and recall. */
  readonly k: number;
  /** Images kept a brief: all settings are compared at this count. */
  readonly kept: number;
  readonly seed: number;
  /** Guidance scale of dial 0. */
  readonly usualScale: number;
}

/** Draws of the kept images whose measures are averaged. */
const repeats = 6;
/** A setting that keeps fewer than this share costs too much for a dial. */
const leastAcceptance = 0.2;
/** Weights tried, and their reciprocals. */
const weights = [2, 4, 16];
/** Thresholds tried, as shares of the candidates that lie below. */
const thresholdShares = [0.15, 0.3, 0.5, 0.7, 0.85];
/** Stops on each side of 0. */
const stopsASide = 4;

export async function calibrationBrief(
  reference: Features,
  pools: readonly Pool[],
  k: number,
): Promise<CalibrationBrief> {
  const judge = await densityJudge(reference);
  const judged = new Map<number, Pool & { readonly densities: readonly JudgedDensity[] }>();
  for (const pool of pools) judged.set(pool.guidanceScale, { ...pool, densities: await judge.judge(pool.features) });
  return { reference, radii: await manifoldRadii(reference, k), moments: momentsOf(reference), judge, pools: judged };
}

/** Measures one setting on every brief, at equal counts. */
export async function measureSetting(
  briefs: readonly CalibrationBrief[],
  setting: Setting,
  options: PathOptions,
): Promise<MeasuredSetting> {
  const measured = await Promise.all(briefs.map((brief, at) => measureBrief(brief, at, setting, options)));
  const precisions = measured.map((figures) => figures.precision);
  const recalls = measured.map((figures) => figures.recall);
  const acceptances = measured.map((figures) => figures.acceptance);
  return {
    ...setting,
    precisions,
    recalls,
    acceptances,
    precision: meanOf(precisions),
    recall: meanOf(recalls),
    acceptance: meanOf(acceptances),
  };
}

async function measureBrief(brief: CalibrationBrief, at: number, setting: Setting, options: PathOptions) {
  const { probabilities, draws } = drawsOf(brief, at, setting, options);
  let inside = 0;
  let covered = 0;
  for (const features of draws) {
    const manifolds = await compareManifolds(brief.reference, features, { k: options.k, referenceRadii: brief.radii });
    inside += precision(manifolds);
    covered += recall(manifolds);
  }
  return { precision: inside / repeats, recall: covered / repeats, acceptance: meanOf(probabilities) };
}

/** The kept images of one brief, drawn by their acceptance; the same random numbers for every setting. */
function drawsOf(brief: CalibrationBrief, at: number, setting: Setting, { kept, seed }: PathOptions) {
  const pool = brief.pools.get(setting.guidanceScale);
  if (pool === undefined) throw new RangeError(`calibration: no pool at guidance scale ${setting.guidanceScale}`);
  const reweighting: Reweighting = {
    weight: setting.densityWeight,
    threshold: brief.judge.threshold(setting.densityThreshold),
  };
  const probabilities = pool.densities.map(({ density }) => acceptanceProbability(density, reweighting));
  const draws = Array.from({ length: repeats }, (_, repeat) => {
    const random = uniformNumbers(philoxStream(seed, at * repeats + repeat, 'selection'));
    return takeRows(pool.features, importanceResample(probabilities, kept, random).chosen);
  });
  return { probabilities, draws };
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
  return [...new Set(thresholdShares.map((share) => Math.round(10 * quantile(sorted, share)) / 10))];
}

/** Every setting worth trying: guidance alone, and both directions of reweighting at each scale. */
export function settingsGrid(scales: readonly number[], thresholds: readonly number[]): Setting[] {
  const reweightings = [...weights, ...weights.map((weight) => 1 / weight)];
  const middle = thresholds[thresholds.length >> 1] ?? 50;
  return scales.flatMap((guidanceScale) => [
    { guidanceScale, densityWeight: 1, densityThreshold: middle },
    ...reweightings.flatMap((densityWeight) =>
      thresholds.map((densityThreshold) => ({ guidanceScale, densityWeight, densityThreshold })),
    ),
  ]);
}

/**
 * The settings of the dial's stops, −1 to 1. The ends are the affordable settings of highest precision and of highest
 * recall on the grid; between an end and the usual setting the weight goes geometrically, the scale over the nearest
 * scales that have a pool, so that every stop can be measured as it is.
 */
export function stopSettings(
  grid: readonly MeasuredSetting[],
  scales: readonly number[],
  usualScale: number,
): (Setting & { readonly dial: number })[] {
  const affordable = grid.filter(({ acceptance }) => acceptance >= leastAcceptance);
  const best = (score: (setting: MeasuredSetting) => number): MeasuredSetting =>
    affordable.reduce((top, setting) => (score(setting) > score(top) ? setting : top));
  const faithful = best((setting) => setting.precision + 0.1 * setting.recall);
  const diverse = best((setting) => setting.recall + 0.1 * setting.precision);
  return Array.from({ length: 2 * stopsASide + 1 }, (_, i) => {
    const dial = i / stopsASide - 1;
    const end = dial < 0 ? faithful : diverse;
    const share = Math.abs(dial);
    const scale = usualScale + share * (end.guidanceScale - usualScale);
    return {
      dial,
      guidanceScale: share === 1 ? end.guidanceScale : nearest(scales, scale),
      densityWeight: end.densityWeight ** share,
      densityThreshold: dial === 0 ? (faithful.densityThreshold + diverse.densityThreshold) / 2 : end.densityThreshold,
    };
  });
}

export function nearest(values: readonly number[], wanted: number): number {
  return values.reduce((best, value) => (Math.abs(value - wanted) < Math.abs(best - wanted) ? value : best));
}

/** A stop with its measures: means over briefs, intervals by resampling briefs. */
export async function measureStop(
  briefs: readonly CalibrationBrief[],
  stop: Setting & { readonly dial: number },
  options: PathOptions,
  features: string,
): Promise<DialStop> {
  const measured = await measureSetting(briefs, stop, options);
  const frechet: number[] = [];
  const vendi: number[] = [];
  for (const [at, brief] of briefs.entries()) {
    const [first] = drawsOf(brief, at, stop, options).draws;
    if (first === undefined) continue;
    frechet.push(resampledFrechetDistance(brief.moments, first).evaluate(new Int32Array(first.count).fill(1)));
    vendi.push(vendiScore(first));
  }
  const references = Math.round(meanOf(briefs.map(({ reference }) => reference.count)));
  const measure = (name: MeasureName, values: readonly number[]): Measure => {
    const value = meanOf(values);
    const random = uniformNumbers(philoxStream(options.seed, 0, 'bootstrap'));
    const mean = (times: Int32Array): number =>
      values.reduce((sum, one, i) => sum + one * (times[i] ?? 0), 0) / values.length;
    const interval = bootstrap(values.length, value, mean, random);
    return {
      name,
      value,
      low: interval?.low ?? null,
      high: interval?.high ?? null,
      generatedCount: options.kept * values.length,
      referenceCount: references,
      features,
      note: `mean over ${values.length} briefs of ${options.kept} kept images each; interval over briefs`,
    };
  };
  const seconds = meanOf(briefs.map(({ pools }) => pools.get(stop.guidanceScale)?.secondsPerImage ?? NaN));
  return {
    dial: stop.dial,
    guidanceScale: stop.guidanceScale,
    guidanceInterval: null,
    densityWeight: stop.densityWeight,
    densityThreshold: stop.densityThreshold,
    measures: [
      measure('precision', measured.precisions),
      measure('recall', measured.recalls),
      measure('frechetDistance', frechet),
      measure('vendiScore', vendi),
    ],
    acceptance: measured.acceptance,
    secondsPerKept: seconds / measured.acceptance,
  };
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
