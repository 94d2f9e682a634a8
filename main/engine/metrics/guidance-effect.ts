import { Failure } from '../../contract/failures.ts';
import { meanOf, squaredDistance } from '../features/distances.ts';
import type { Features } from '../features/features.ts';
import { bootstrap, type Interval } from './bootstrap.ts';
import { reciprocalProbability, type ReciprocalProbability } from './reciprocal-probability.ts';

/** What one guidance scale gave: the i-th entry of every scale comes from the same starting noise. */
export interface GuidanceSample {
  readonly guidanceScale: number;
  /** ln P(c|x) of the intended class, one an image. */
  readonly logProbabilities: ArrayLike<number>;
  /** Features of the same images, for the spread; null when not wanted. */
  readonly features: Features | null;
}

export interface GuidanceStep {
  readonly guidanceScale: number;
  readonly reciprocal: ReciprocalProbability;
  /** Mean P(c|x); guidance may lower it while 1/P falls (PAPERS.md §2c). */
  readonly meanProbability: number;
  /** Root mean squared distance of the features from their mean. */
  readonly spread: number | null;
  /** Against the first scale, seed by seed: share and positions of those whose P fell. */
  readonly worseShare: number;
  readonly worse: readonly number[];
  /** Mean change of 1/P against the first scale over pairs, with its interval. */
  readonly change: { readonly mean: number; readonly interval: Interval | null };
}

export interface GuidanceEffect {
  readonly steps: readonly GuidanceStep[];
  /** The scale where the spread has halved against the first, between grid points by interpolation in ln spread. */
  readonly knee: number | null;
}

/**
 * The measured effect of guidance (Li & Jiao 2025; PAPERS.md §2b, d): mean 1/P and spread on a grid of scales with paired
 * seeds, and the seeds made worse. A statement about the average, not about each image.
 *
 * @param samples ascending in scale; the first is what the others are compared with (scale 1: no guidance)
 * @throws bad-input when scales are out of order or not paired
 */
export function guidanceEffect(samples: readonly GuidanceSample[], random: () => number): GuidanceEffect {
  const [base] = samples;
  if (base === undefined) throw new Failure('bad-input', 'guidance effect: expected at least one scale, got none');
  samples.forEach(({ guidanceScale, logProbabilities }, i) => {
    if (logProbabilities.length !== base.logProbabilities.length)
      throw new Failure(
        'bad-input',
        `guidance scale ${guidanceScale}: expected ${base.logProbabilities.length} paired seeds, got ${logProbabilities.length}`,
      );
    const before = samples[i - 1]?.guidanceScale;
    if (before !== undefined && before >= guidanceScale)
      throw new Failure('bad-input', `guidance scales: expected ascending, got ${guidanceScale} after ${before}`);
  });
  const steps = samples.map((sample) => stepOf(sample, base, random));
  return { steps, knee: kneeOf(steps) };
}

function stepOf(sample: GuidanceSample, base: GuidanceSample, random: () => number): GuidanceStep {
  const count = sample.logProbabilities.length;
  const logs = Float64Array.from(sample.logProbabilities);
  const worse = [...logs.keys()].filter((i) => (logs[i] as number) < (base.logProbabilities[i] as number));
  const changes = logs.map((log, i) => Math.exp(-log) - Math.exp(-(base.logProbabilities[i] as number)));
  const meanChange = (times: ArrayLike<number> | null): number =>
    changes.reduce((sum, value, i) => sum + value * (times?.[i] ?? 1), 0) / count;
  const mean = meanChange(null);
  return {
    guidanceScale: sample.guidanceScale,
    reciprocal: reciprocalProbability(logs, random),
    meanProbability: logs.reduce((sum, log) => sum + Math.exp(log), 0) / count,
    spread: sample.features === null ? null : spreadOf(sample.features),
    worseShare: worse.length / count,
    worse,
    change: { mean, interval: bootstrap(count, mean, meanChange, random) },
  };
}

/** Root mean squared distance of a set's rows from their mean. */
export function spreadOf(set: Features): number {
  const centre = { count: 1, width: set.width, values: meanOf(set) };
  let sum = 0;
  for (let i = 0; i < set.count; i++) sum += squaredDistance(set, i, centre, 0);
  return Math.sqrt(sum / set.count);
}

function kneeOf(steps: readonly GuidanceStep[]): number | null {
  const first = steps[0]?.spread;
  if (first === undefined || first === null) return null;
  for (let i = 1; i < steps.length; i++) {
    const [before, after] = [steps[i - 1], steps[i]];
    if (before?.spread == null || after?.spread == null || after.spread > first / 2) continue;
    const share =
      after.spread === 0 ? 1 : Math.log(before.spread / (first / 2)) / Math.log(before.spread / after.spread);
    return before.guidanceScale + share * (after.guidanceScale - before.guidanceScale);
  }
  return null;
}

/**
 * Whether an unguided mean 1/P agrees with 1/prior, as it must for exact scores (PAPERS.md §2a.1): a large gap means that
 * classifier or sampler does not fit the prior, and the other rows mean little.
 *
 * @param prior P(c) under the classifier's label set
 */
export function unguidedCheck(unguided: ReciprocalProbability, prior: number) {
  const expected = 1 / prior;
  const { interval } = unguided;
  return {
    expected,
    found: unguided.mean,
    consistent: interval !== null && interval.low <= expected && expected <= interval.high,
  };
}
