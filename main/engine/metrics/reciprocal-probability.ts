import { Failure } from '../../contract/failures.ts';
import { bootstrap, quantile, type Interval } from './bootstrap.ts';

/** Mean 1/P(c|x) over a batch: what guidance provably lowers (Li & Jiao 2025, PAPERS.md §2). */
export interface ReciprocalProbability {
  readonly count: number;
  /** Natural logarithm of the mean: finite even where the mean overflows. */
  readonly logMean: number;
  /** Infinity where `logMean` is beyond the range of numbers. */
  readonly mean: number;
  readonly interval: Interval | null;
  /** 1/P at the 99 % quantile. */
  readonly quantile99: number;
  /** (Σ 1/P)² / Σ (1/P)²: how many images the mean really rests on. */
  readonly effectiveSampleSize: number;
  /** Share of the sum that the largest single 1/P makes up. */
  readonly largestShare: number;
}

/**
 * Mean reciprocal of a classifier's probability of the intended class, through log-sum-exp.
 *
 * @param logProbabilities ln P(c|x) of each image, at most 0
 * @throws bad-input when there are none or one is positive or NaN
 */
export function reciprocalProbability(
  logProbabilities: ArrayLike<number>,
  random: () => number,
): ReciprocalProbability {
  const logs = Float64Array.from(logProbabilities, (value) => -value);
  if (logs.length === 0) throw new Failure('bad-input', 'mean 1/P: expected at least one probability, got none');
  const bad = logs.findIndex((value) => !(value >= -1e-6));
  if (bad >= 0) throw new Failure('bad-input', `mean 1/P: expected ln P ≤ 0, got ${logProbabilities[bad]} at ${bad}`);
  const largest = Math.max(...logs);
  // Relative to the largest, so that nothing overflows; P = 0 leaves an infinite mean, which is the truth.
  const relative = logs.map((value) => (value === largest ? 1 : Math.exp(value - largest)));
  const sum = relative.reduce((total, value) => total + value, 0);
  const logMean = largest + Math.log(sum / logs.length);
  const interval = bootstrap(
    logs.length,
    sum / logs.length,
    (times) => relative.reduce((total, value, i) => total + value * (times[i] as number), 0) / logs.length,
    random,
    { lowest: Math.exp(-largest) },
  );
  const scale = Math.exp(largest);
  return {
    count: logs.length,
    logMean,
    mean: Math.exp(logMean),
    interval: interval === null ? null : { low: interval.low * scale, high: interval.high * scale },
    quantile99: Math.exp(quantile(logs.slice().sort(), 0.99)),
    effectiveSampleSize: (sum * sum) / relative.reduce((total, value) => total + value * value, 0),
    largestShare: 1 / sum,
  };
}
