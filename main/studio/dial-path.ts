import type { Measure, MeasureName } from '../contract/measures.ts';
import type { DialStop } from '../contract/models.ts';
import { note } from '../contract/notes.ts';
import { takeRows } from '../engine/features/features.ts';
import { resampledFrechetDistance } from '../engine/metrics/frechet-distance.ts';
import { vendiScore } from '../engine/metrics/vendi-score.ts';
import {
  clearlyDominates,
  dominates,
  drawsOf,
  intervalOverBriefs,
  meanOf,
  poolOf,
  type CalibrationBrief,
  type MeasuredSetting,
  type MeasureOptions,
} from './calibration-measures.ts';

/** A setting that keeps fewer than this share costs too much for a dial. */
const leastAcceptance = 0.2;
/** Measured on pools that hold fewer accepted candidates than are drawn, a setting would look tamer than it is. */
const mostShortfall = 0.02;
/** Difference of precision or recall that some 16 briefs of a few images each cannot tell from none. */
const uncertain = 0.01;
/** Stops on each side of 0. */
const stopsASide = 4;

type Means = Pick<MeasuredSetting, 'precision' | 'recall'>;

/** A measured setting with its place on the dial. */
export type Stop = MeasuredSetting & { readonly dial: number };

/**
 * The dial's stops, −1 to 1, chosen among measured settings. The ends are the affordable settings of highest precision and
 * of highest recall. Dial 0 is the usual guidance as it is, or, where that does not lie between the ends in both measures
 * or another guidance clearly beats it, the guidance without reweighting that does and is furthest out, if there is one.
 * Between an end and the middle, precision and recall go one way only, whatever the batch's size; no stop is one that
 * guidance alone beats, and of the settings near their share of the way those furthest out are taken: better in both than
 * the straight line.
 *
 * @param grid measured settings; `usual` is one of them, without reweighting
 * @param seed of the intervals over briefs
 */
export function stopsOf(grid: readonly MeasuredSetting[], usual: MeasuredSetting, seed: number): Stop[] {
  const alone = grid.filter(({ densityWeight }) => densityWeight === 1);
  const affordable = grid.filter(
    (setting) =>
      setting.acceptance >= leastAcceptance &&
      setting.shortfall <= mostShortfall &&
      !alone.some((guidance) => dominates(guidance, setting)),
  );
  const best = (score: (setting: MeasuredSetting) => number): MeasuredSetting =>
    affordable.reduce((top, setting) => (score(setting) > score(top) ? setting : top), usual);
  const faithful = best((setting) => setting.precision + 0.1 * setting.recall);
  const diverse = best((setting) => setting.recall + 0.1 * setting.precision);
  const unweighted = affordable.filter(({ densityWeight }) => densityWeight === 1);
  const [instead = usual] = between(diverse, faithful, unweighted, [1 / 2], 1);
  const isBetween = precedes(diverse, usual, 1) && precedes(usual, faithful, 1);
  const isBeaten = alone.some((guidance) => clearlyDominates(guidance, usual, seed));
  const centre = (isBetween && !isBeaten) || instead.densityWeight !== 1 ? usual : instead;
  const shares = Array.from({ length: stopsASide - 1 }, (_, i) => (i + 1) / stopsASide);
  const faithfulSide = between(centre, faithful, affordable, shares, 1).toReversed();
  const diverseSide = between(centre, diverse, affordable, shares, -1);
  const inner = [faithfulSide.at(-1), diverseSide[0]].map((stop) => stop?.densityThreshold ?? centre.densityThreshold);
  // Without a weight the threshold does nothing; halfway between its neighbours' it does not jump on the way.
  const middle = { ...centre, densityThreshold: meanOf(inner) };
  return [faithful, ...faithfulSide, middle, ...diverseSide, diverse].map((setting, i) => ({
    ...setting,
    dial: i / stopsASide - 1,
  }));
}

/**
 * Whether precision rises and recall falls from a to b; the other way round for direction −1. Ties do both. In smaller
 * batches, whose means are less certain, either may turn back by as little as chance would make it.
 */
function precedes(a: MeasuredSetting, b: MeasuredSetting, direction: 1 | -1): boolean {
  const rises = (from: Means, to: Means, slack: number): boolean =>
    direction * (to.precision - from.precision) >= -slack && direction * (to.recall - from.recall) <= slack;
  return rises(a, b, 0) && a.fewer.every((means, at) => rises(means, b.fewer[at] ?? means, uncertain));
}

/**
 * A setting for each share of the way from the middle to an end.
 *
 * @param direction 1 where precision rises and recall falls on the way, −1 where it is the other way round
 */
function between(
  from: MeasuredSetting,
  to: MeasuredSetting,
  settings: readonly MeasuredSetting[],
  shares: readonly number[],
  direction: 1 | -1,
): MeasuredSetting[] {
  const way = { precision: to.precision - from.precision, recall: to.recall - from.recall };
  const length = Math.hypot(way.precision, way.recall);
  if (length === 0) return shares.map(() => from);
  const scoreOf = ({ precision, recall }: MeasuredSetting, share: number): number => {
    const [right, up] = [recall - from.recall, precision - from.precision];
    const along = (up * way.precision + right * way.recall) / length ** 2;
    const outward = (up * Math.abs(way.recall) + right * Math.abs(way.precision)) / length;
    return outward - Math.abs(along - share) * length;
  };
  const allowed = [
    from,
    to,
    ...settings.filter((setting) => precedes(from, setting, direction) && precedes(setting, to, direction)),
  ].toSorted((a, b) => direction * (a.precision - b.precision) || direction * (b.recall - a.recall));
  // The best chain that ends at each setting, share by share.
  let chains: { readonly score: number; readonly chain: readonly MeasuredSetting[] }[] = allowed.map((setting) => ({
    score: scoreOf(setting, shares[0] ?? 0),
    chain: [setting],
  }));
  for (const share of shares.slice(1))
    chains = allowed.map((setting, i) => {
      const before = chains
        .filter((_, j) => j === i || precedes(allowed[j] ?? setting, setting, direction))
        .reduce((top, one) => (one.score > top.score ? one : top));
      return { score: before.score + scoreOf(setting, share), chain: [...before.chain, setting] };
    });
  return [...chains.reduce((top, one) => (one.score > top.score ? one : top)).chain];
}

/** A stop as the dial's path holds it: means over briefs, intervals by resampling briefs. */
export function dialStopOf(
  briefs: readonly CalibrationBrief[],
  stop: Stop,
  options: MeasureOptions,
  features: string,
): DialStop {
  const frechet: number[] = [];
  const vendi: number[] = [];
  for (const [at, brief] of briefs.entries()) {
    const [first] = drawsOf(brief, at, stop, options);
    if (first === undefined) continue;
    const kept = takeRows(poolOf(brief, stop).features, first);
    frechet.push(resampledFrechetDistance(brief.moments, kept).evaluate(new Int32Array(kept.count).fill(1)));
    vendi.push(vendiScore(kept));
  }
  const references = Math.round(meanOf(briefs.map(({ reference }) => reference.count)));
  const measure = (name: MeasureName, values: readonly number[]): Measure => {
    const interval = intervalOverBriefs(values, options.seed);
    return {
      name,
      value: meanOf(values),
      low: interval?.low ?? null,
      high: interval?.high ?? null,
      generatedCount: options.kept * values.length,
      referenceCount: references,
      features,
      note: note('meanOverBriefs', { briefs: values.length, kept: options.kept }),
    };
  };
  return {
    dial: stop.dial,
    guidanceScale: stop.guidanceScale,
    guidanceInterval: stop.guidanceInterval,
    densityWeight: stop.densityWeight,
    densityThreshold: stop.densityThreshold,
    measures: [
      measure('precision', stop.precisions),
      measure('recall', stop.recalls),
      measure('frechetDistance', frechet),
      measure('vendiScore', vendi),
    ],
    byCount: [...stop.fewer, { count: options.kept, precision: stop.precision, recall: stop.recall }],
    acceptance: stop.acceptance,
    secondsPerKept: meanOf(briefs.map((brief) => poolOf(brief, stop).secondsPerImage)) / stop.acceptance,
  };
}
