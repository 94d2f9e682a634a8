import type { Measure, MeasureName } from '../../contract/measures.ts';
import { checkSameWidth, takeRows, type Features } from '../features/features.ts';
import { bootstrap, type BootstrapOptions, type Interval } from './bootstrap.ts';
import { momentsOf, resampledFrechetDistance } from './frechet-distance.ts';
import { compareManifolds, coverage, density, precision, recall, type ManifoldOptions } from './manifolds.ts';
import { meanPairwiseDistance, medianDistance, pairTable, rke } from './pairwise.ts';
import { effectiveNumber, resampledSpectrum } from './vendi-score.ts';

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
/** Pair statistics look at this many images at most; beyond, more change nothing. */
const mostForPairs = 1500;
/** Floating-point operations that the interval of one measure may cost. */
const intervalBudget = 3e9;

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
  return [...(await manifoldMeasures(report)), frechetMeasure(report), vendiMeasure(report), ...pairMeasures(report)];
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
    const reason = `needs more than k = ${k} images in each set`;
    return names.map((name) => measure(report, name, null, null, reason));
  }
  const manifolds = await compareManifolds(reference, generated, options);
  const few = smallest < fewForManifolds ? `only ${smallest} images in the smaller set: very uncertain` : null;
  const how = `k = ${k}, ${convention === 'strict' ? 'distance < radius' : 'distance ≤ radius'}`;
  return names.map((name) => {
    const statistic = { precision, recall, density, coverage }[name];
    const value = statistic(manifolds);
    const bounds = name === 'density' ? { lowest: 0 } : { lowest: 0, highest: 1 };
    const words = (reference.count * generated.count) / 32;
    const interval = intervalOf(report, value, (times) => statistic(manifolds, times), words, bounds);
    return measure(report, name, value, interval, joined(how, few));
  });
}

function frechetMeasure(report: Report): Measure {
  const { reference, generated } = report;
  const smallest = Math.min(reference.count, generated.count);
  if (smallest < 2) return measure(report, 'frechetDistance', null, null, 'needs at least 2 images in each set');
  const { evaluate, cost } = resampledFrechetDistance(momentsOf(reference), generated);
  const value = evaluate(new Int32Array(generated.count).fill(1));
  const interval = intervalOf(report, value, evaluate, cost, { lowest: 0 });
  const singular =
    smallest <= generated.width
      ? `only ${smallest} images for ${generated.width} features: too high by an unknown amount, compare equal counts only`
      : null;
  return measure(report, 'frechetDistance', value, interval, singular);
}

function vendiMeasure(report: Report): Measure {
  const { generated, options } = report;
  const q = options.vendiOrder ?? 1;
  const { evaluate, cost } = resampledSpectrum(generated);
  const value = effectiveNumber(evaluate(new Int32Array(generated.count).fill(1)), q);
  const bounds = { lowest: 1, highest: generated.count };
  const interval = intervalOf(report, value, (times) => effectiveNumber(evaluate(times), q), cost, bounds);
  const few = generated.count < 8 ? `only ${generated.count} images: bounded by their number` : null;
  return measure(report, 'vendiScore', value, interval, joined(`cosine kernel, order ${q}`, few));
}

function pairMeasures(report: Report): Measure[] {
  const { reference } = report;
  const generated = atMost(report.generated, mostForPairs);
  const cut = { ...report, generated };
  if (generated.count < 2)
    return (['rke', 'meanPairwiseDistance'] as const).map((name) =>
      measure(cut, name, null, null, 'needs at least 2 images'),
    );
  const table = pairTable(generated);
  const bandwidth = medianDistance(pairTable(atMost(reference, 500)));
  const cost = generated.count ** 2 * 4;
  const first = generated.count < report.generated.count ? `of the first ${generated.count} images` : null;
  const distance = meanPairwiseDistance(table);
  const spread = (times: Int32Array): number => meanPairwiseDistance(table, times);
  const distanceInterval = generated.count < 4 ? null : intervalOf(cut, distance, spread, cost, { lowest: 0 });
  const distanceMeasure = measure(cut, 'meanPairwiseDistance', distance, distanceInterval, first);
  if (bandwidth === 0)
    return [measure(cut, 'rke', null, null, 'the references do not differ, so there is no bandwidth'), distanceMeasure];
  const modes = rke(table, bandwidth);
  const modesInterval = intervalOf(cut, modes, (times) => rke(table, bandwidth, times), cost * 5, {
    lowest: 1,
    highest: generated.count,
  });
  const kernel = `Gaussian kernel, bandwidth ${bandwidth.toPrecision(4)} (median distance of references)`;
  return [measure(cut, 'rke', modes, modesInterval, joined(kernel, first)), distanceMeasure];
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
): Interval | null {
  const replicates = Math.round(Math.min(200, Math.max(40, intervalBudget / cost)));
  return bootstrap(generated.count, value, statistic, options.random, { ...bounds, replicates });
}

function joined(...notes: readonly (string | null)[]): string | null {
  const said = notes.filter((note) => note !== null);
  return said.length === 0 ? null : said.join('; ');
}

function measure(
  { reference, generated, options }: Report,
  name: MeasureName,
  value: number | null,
  interval: Interval | null,
  note: string | null,
): Measure {
  return {
    name,
    value,
    low: interval?.low ?? null,
    high: interval?.high ?? null,
    generatedCount: generated.count,
    referenceCount: reference.count,
    features: options.features,
    note,
  };
}
