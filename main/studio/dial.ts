import { Failure } from '../contract/failures.ts';
import type { DialPath, DialStop } from '../contract/models.ts';
import type { GenerationSettings } from '../contract/settings.ts';

/** The knobs that the dial turns. */
export type DialKnobs = Pick<DialStop, 'guidanceScale' | 'guidanceInterval' | 'densityWeight' | 'densityThreshold'>;

/**
 * The knobs at a position of the dial, between the two nearest stops: linear in guidance scale, interval and percentile,
 * geometric in the weight (it is a ratio). Where only one of the stops guides within an interval, the nearer one decides.
 *
 * @throws bad-input outside −1 … 1
 */
export function knobsAt({ stops }: DialPath, dial: number): DialKnobs {
  if (!(dial >= -1 && dial <= 1))
    throw new Failure('bad-input', `dial: expected a number from -1 to 1, got ${dial}`, 'dial');
  const above = stops.findIndex((stop) => stop.dial >= dial);
  const high = stops[above];
  const low = stops[Math.max(0, above - 1)];
  if (high === undefined || low === undefined)
    throw new Failure('model-broken', `dial: the path has no stop at or beyond ${dial}`, 'dial');
  const share = high.dial === low.dial ? 1 : (dial - low.dial) / (high.dial - low.dial);
  const between = (from: number, to: number): number => from + share * (to - from);
  return {
    guidanceScale: between(low.guidanceScale, high.guidanceScale),
    guidanceInterval:
      low.guidanceInterval === null || high.guidanceInterval === null
        ? (share < 0.5 ? low : high).guidanceInterval
        : {
            low: between(low.guidanceInterval.low, high.guidanceInterval.low),
            high: between(low.guidanceInterval.high, high.guidanceInterval.high),
          },
    densityWeight: Math.exp(between(Math.log(low.densityWeight), Math.log(high.densityWeight))),
    densityThreshold: between(low.densityThreshold, high.densityThreshold),
  };
}

/**
 * Settings with the knobs that their dial stands for; without a dial, as they are.
 *
 * @throws bad-input when a dial is asked of a model that was never calibrated
 */
export function applyDial(settings: GenerationSettings, path: DialPath | null): GenerationSettings {
  if (settings.dial === null) return settings;
  if (path === null)
    throw new Failure(
      'bad-input',
      `dial: model ${settings.model} has no calibration; run gamut calibrate --model ${settings.model}, or set the knobs themselves`,
      'dial',
    );
  return { ...settings, ...knobsAt(path, settings.dial) };
}
