import { describeGuidance } from './calibration-guidance.ts';
import { clearlyAbove, clearlyDominates, type MeasuredSetting } from './calibration-measures.ts';
import type { Stop } from './dial-path.ts';

/** What a calibrated path is held to; measured, and written down whichever way it came out. */
export interface Verdict {
  /** Precision at −1 less that at +1, and recall at +1 less that at −1. */
  readonly precisionApart: number;
  readonly recallApart: number;
  /** Steps of the dial on which precision rises, or recall falls, towards diversity by more than the interval. */
  readonly backwards: string[];
  /** Stops that guidance alone equals or beats in both measures, and beats in one by more than the interval over briefs. */
  readonly dominated: string[];
}

/**
 * Holds a path against itself and against guidance alone. Differences are taken brief by brief on the same seeds, and
 * their intervals come from resampling briefs.
 */
export function verdictOn(stops: readonly Stop[], guidanceAlone: readonly MeasuredSetting[], seed: number): Verdict {
  const first = stops[0];
  const last = stops.at(-1);
  const backwards = stops.slice(1).flatMap((stop, i) => {
    const before = stops[i];
    if (before === undefined) return [];
    const wrong = [
      ...(clearlyAbove(before.precisions, stop.precisions, seed) ? ['precision'] : []),
      ...(clearlyAbove(stop.recalls, before.recalls, seed) ? ['recall'] : []),
    ];
    return wrong.map((measure) => `${measure} from ${before.dial} to ${stop.dial}`);
  });
  const dominated = stops.flatMap((stop) => {
    const better = guidanceAlone.find((one) => clearlyDominates(one, stop, seed));
    return better === undefined ? [] : [`${stop.dial} by ${describeGuidance(better)}`];
  });
  return {
    precisionApart: (first?.precision ?? 0) - (last?.precision ?? 0),
    recallApart: (last?.recall ?? 0) - (first?.recall ?? 0),
    backwards,
    dominated,
  };
}
