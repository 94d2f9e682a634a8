import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import type { Measure, MeasureName } from '../../contract/measures.ts';
import { joinNotes, note } from '../../contract/notes.ts';
import { checkSameWidth, takeRows, type Features } from '../features/features.ts';
import { bootstrap, shareInterval, type BootstrapOptions, type Interval } from './bootstrap.ts';
import { frechetDistanceOf, momentsOf, resampledFrechetDistance } from './frechet-distance.ts';
import { compareManifolds, coverage, density, precision, recall, type ManifoldOptions } from './manifolds.ts';
import { meanPairwiseDistance, medianDistance, pairTable, rke } from './pairwise.ts';
import { effectiveNumber, resampledSpectrum, vendiScore } from './vendi-score.ts';

export interface BatchMeasureOptions extends ManifoldOptions {
  /** What the vectors are, for the reader: "built-in defect features", "DINOv2", "rows of a .npy file". */
  readonly features: string;
  /** Uniform numbers in [0, 1) for the intervals. */
  readonly random: () => number;
  /** Order of the Vendi score. */
  readonly vendiOrder?: number;
}

/** Below this many images a nearest-neighbour measure says little. */
const fewForManifolds = 50;
/** Rows a feature below which a covariance, and with it the Fréchet distance, is clearly off. */
const rowsForCovariance = 10;
/** Below this many images a count of different ones says little. */
const fewForModes = 8;
/** Pair statistics look at this many images at most; beyond, more change nothing. */
const mostForPairs = 1500;
/** Floating-point operations that the interval of one measure may cost. */
const intervalBudget = 3e9;
/** Fewer replicates give no 95 % interval worth the name. */
const fewestReplicates = 40;

/**
 * Fidelity and diversity of a batch against references: the eight set measures, each with its 95 % interval and an honest
 * note where the sets are too small to mean anything. What cannot be computed is null, with the reason.
 *
 * @throws bad-input when the widths differ
 */
export async function measureBatch(
  reference: Features,
  generated: Features,
  options: BatchMeasureOptions,
): Promise<Measure[]> {
  checkSameWidth(reference, generated);
  const report: Report = { reference, generated, options };
  const measures = await manifoldMeasures(report);
  for (const next of [frechetMeasure, vendiMeasure, pairMeasures]) {
    // Lets a stop through, and the process's signs of life.
    await turnOfTheLoop();
    options.signal?.throwIfAborted();
    measures.push(...[next(report)].flat());
  }
  return measures;
}

interface Report {
  readonly reference: Features;
  readonly generated: Features;
  readonly options: BatchMeasureOptions;
}

async function manifoldMeasures(report: Report): Promise<Measure[]> {
  const { reference, generated, options } = report;
  const { k, convention = 'strict' } = options;
  const names = ['precision', 'recall', 'density', 'coverage'] as const;
  const smallest = Math.min(reference.count, generated.count);
  if (smallest <= k) {
    const reason = note('tooFewForNeighbours', { k });
    return names.map((name) => measure(report, name, null, null, reason));
  }
  const manifolds = await compareManifolds(reference, generated, options);
  const few = smallest < fewForManifolds ? note('fewForNeighbours', { images: smallest }) : null;
  const how = note(convention === 'strict' ? 'neighboursWithin' : 'neighboursUpTo', { k });
  return names.map((name) => {
    const statistic = { precision, recall, density, coverage }[name];
    const value = statistic(manifolds);
    const bounds = name === 'density' ? { lowest: 0 } : { lowest: 0, highest: 1 };
    const words = (reference.count * generated.count) / 32;
    const resampled = intervalOf(report, value, (times) => statistic(manifolds, times), words, bounds);
    const isFlat = resampled !== null && resampled.low === resampled.high;
    // Precision is a share of independent images, which has an interval of its own.
    const interval = isFlat && name === 'precision' ? shareInterval(value, generated.count) : resampled;
    const flat = isFlat && name !== 'precision' ? note('flatInterval') : null;
    return measure(report, name, value, interval, joinNotes(how, few, flat));
  });
}

function frechetMeasure(report: Report): Measure {
  const { reference, generated } = report;
  const smallest = Math.min(reference.count, generated.count);
  if (smallest < 2) return measure(report, 'frechetDistance', null, null, note('tooFewForCovariance'));
  const moments = momentsOf(reference);
  const value = frechetDistanceOf(moments, momentsOf(generated));
  const { part, partly } = resampledPart(generated);
  const { evaluate, cost } = resampledFrechetDistance(moments, part);
  const interval = intervalOf(report, value, evaluate, cost, { lowest: 0 }, part.count);
  const few =
    smallest < Math.max(fewForManifolds, rowsForCovariance * generated.width)
      ? note(smallest <= generated.width ? 'fewerThanFeatures' : 'fewForCovariance', {
          images: smallest,
          features: generated.width,
        })
      : null;
  return measure(report, 'frechetDistance', value, interval, joinNotes(few, partly));
}

function vendiMeasure(report: Report): Measure {
  const { generated, options } = report;
  const q = options.vendiOrder ?? 1;
  const value = vendiScore(generated, q);
  const { part, partly } = resampledPart(generated);
  const { evaluate, cost } = resampledSpectrum(part);
  const statistic = (times: Int32Array): number => effectiveNumber(evaluate(times), q);
  const interval = intervalOf(report, value, statistic, cost, { lowest: 1, highest: generated.count }, part.count);
  const few = fewModes(generated.count);
  return measure(report, 'vendiScore', value, interval, joinNotes(note('cosineKernel', { order: q }), few, partly));
}

function fewModes(count: number): string | null {
  return count < fewForModes ? note('fewForModes', { images: count }) : null;
}

/** The rows that an eigenvalue measure's interval resamples: all, or as many as the budget allows. */
function resampledPart(generated: Features): { readonly part: Features; readonly partly: string | null } {
  const cost = (rows: number): number => {
    const side = Math.min(rows, generated.width);
    return rows * generated.width * side + 1.5 * side ** 3;
  };
  let rows = generated.count;
  while (rows > 100 && cost(rows) * fewestReplicates > 2 * intervalBudget) rows = Math.ceil(rows / 1.5);
  if (rows === generated.count) return { part: generated, partly: null };
  return { part: atMost(generated, rows), partly: note('intervalFromRows', { rows }) };
}

function pairMeasures(report: Report): Measure[] {
  const { reference } = report;
  const generated = atMost(report.generated, mostForPairs);
  const cut = { ...report, generated };
  if (generated.count < 2)
    return (['rke', 'meanPairwiseDistance'] as const).map((name) =>
      measure(cut, name, null, null, note('tooFewForPairs')),
    );
  const table = pairTable(generated);
  const bandwidth = medianDistance(pairTable(atMost(reference, 500)));
  const cost = generated.count ** 2 * 4;
  const first = generated.count < report.generated.count ? note('firstImages', { images: generated.count }) : null;
  const few = generated.count < fewForModes ? note('fewImages', { images: generated.count }) : null;
  const distance = meanPairwiseDistance(table);
  const spread = (times: Int32Array): number => meanPairwiseDistance(table, times);
  const distanceInterval = generated.count < 4 ? null : intervalOf(cut, distance, spread, cost, { lowest: 0 });
  const distanceMeasure = measure(cut, 'meanPairwiseDistance', distance, distanceInterval, joinNotes(first, few));
  if (bandwidth === 0) return [measure(cut, 'rke', null, null, note('noBandwidth')), distanceMeasure];
  const modes = rke(table, bandwidth);
  const modesInterval = intervalOf(cut, modes, (times) => rke(table, bandwidth, times), cost * 5, {
    lowest: 1,
    highest: generated.count,
  });
  const kernel = note('gaussianKernel', { bandwidth: bandwidth.toPrecision(4) });
  return [
    measure(cut, 'rke', modes, modesInterval, joinNotes(kernel, first, fewModes(generated.count))),
    distanceMeasure,
  ];
}

function atMost(set: Features, count: number): Features {
  return set.count <= count
    ? set
    : takeRows(
        set,
        Array.from({ length: count }, (_, i) => i),
      );
}

function intervalOf(
  { generated, options }: Report,
  value: number,
  statistic: (multiplicities: Int32Array) => number,
  cost: number,
  bounds: BootstrapOptions,
  resampled = generated.count,
): Interval | null {
  const replicates = Math.round(Math.min(200, Math.max(fewestReplicates, intervalBudget / cost)));
  const scale = Math.sqrt(resampled / generated.count);
  return bootstrap(resampled, value, statistic, options.random, { ...bounds, replicates, scale });
}

function measure(
  { reference, generated, options }: Report,
  name: MeasureName,
  value: number | null,
  interval: Interval | null,
  said: string | null,
): Measure {
  return {
    name,
    value,
    low: interval?.low ?? null,
    high: interval?.high ?? null,
    generatedCount: generated.count,
    referenceCount: reference.count,
    features: options.features,
    note: said,
  };
}
