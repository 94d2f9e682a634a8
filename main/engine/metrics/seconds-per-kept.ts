import type { Interval } from './bootstrap.ts';

/** Candidates that were made together. */
export interface Round {
  readonly seconds: number;
  /** Tried, whatever became of them; at least 1. */
  readonly candidates: number;
  readonly kept: number;
}

/**
 * Relative 95 % interval of the seconds for each image kept, as factors on the figure: what another batch with the same
 * settings would give. The figure is the mean seconds of a candidate over the share kept; on the logarithm (delta method)
 * the relative variances of both add up:
 *
 * - seconds: the ratio estimator over rounds (Cochran 1977, §6.3), because candidates of one round share their time and
 *   tell nothing of how it varies;
 * - share kept: (1 − p)/kept, of candidates drawn until enough were kept.
 *
 * The quantile is Student's with Satterthwaite's degrees of freedom (1946). null with fewer than three rounds (one says
 * nothing about another, two next to nothing: at one degree of freedom the quantile is 12.7), and where nothing was kept.
 *
 * @param rounds in seconds
 */
export function secondsPerKeptFactors(rounds: readonly Round[]): Interval | null {
  const total = (of: (round: Round) => number): number => rounds.reduce((sum, round) => sum + of(round), 0);
  const [seconds, candidates, kept] = [total((r) => r.seconds), total((r) => r.candidates), total((r) => r.kept)];
  if (rounds.length < fewestRounds || kept === 0 || seconds <= 0) return null;
  const each = seconds / candidates;
  const squares = total((round) => (round.seconds - each * round.candidates) ** 2);
  const degrees = rounds.length - 1;
  const ofSeconds = ((rounds.length / degrees) * squares) / (seconds * seconds);
  const ofShare = (1 - kept / candidates) / kept;
  const variance = ofSeconds + ofShare;
  const half =
    studentQuantile(ofSeconds === 0 ? Infinity : (degrees * variance * variance) / ofSeconds ** 2) *
    Math.sqrt(variance);
  return { low: Math.exp(-half), high: Math.exp(half) };
}

const fewestRounds = 3;

/** 97.5 % quantiles of Student's distribution with 1, 2, … degrees of freedom. */
const smallQuantiles = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];

/** 97.5 % quantile of Student's distribution; beyond ten degrees by Fisher's expansion, right to 0.001. */
function studentQuantile(degrees: number): number {
  const small = smallQuantiles[Math.max(1, Math.floor(degrees)) - 1];
  if (small !== undefined) return small;
  const z = 1.959963984540054;
  return z + (z ** 3 + z) / (4 * degrees) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * degrees * degrees);
}
