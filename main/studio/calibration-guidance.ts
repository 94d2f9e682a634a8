import { Failure } from '../contract/failures.ts';

/** How strongly a model is guided, and between which noise levels (sigma); null: everywhere. */
export interface Guidance {
  readonly guidanceScale: number;
  readonly guidanceInterval: { readonly low: number; readonly high: number } | null;
}

/** Equal for equal guidance, whatever else the object holds. */
export function guidanceKey({ guidanceScale, guidanceInterval }: Guidance): string {
  return guidanceInterval === null
    ? String(guidanceScale)
    : `${guidanceScale} ${guidanceInterval.low} ${guidanceInterval.high}`;
}

/** "guidance 3", "guidance 3 within sigma 0.3–4". */
export function describeGuidance({ guidanceScale, guidanceInterval }: Guidance): string {
  const within = guidanceInterval === null ? '' : ` within sigma ${guidanceInterval.low}–${guidanceInterval.high}`;
  return `guidance ${guidanceScale}${within}`;
}

/**
 * What a calibration tries, the most important first, so that a calibration that is cut short can still be used: the usual
 * scale, the ends of the range, the scales between them, then the scales that act within the interval only.
 *
 * @throws bad-input for an empty range, or an interval without room
 */
export function guidancesToTry(
  scales: readonly number[],
  intervalScales: readonly number[],
  interval: { readonly low: number; readonly high: number } | null,
  usualScale: number,
): Guidance[] {
  if (intervalScales.length > 0 && interval === null)
    throw new Failure('bad-input', 'interval scales: expected an interval to use them in', 'interval');
  if (interval !== null && !(interval.low >= 0 && interval.low < interval.high))
    throw new Failure(
      'bad-input',
      `interval: expected LOW,HIGH in sigma with 0 ≤ LOW < HIGH, got ${interval.low},${interval.high}`,
      'interval',
    );
  const sorted = [...new Set(scales)].sort((a, b) => a - b);
  if (sorted.length < 2)
    throw new Failure('bad-input', `scales: expected at least 2 guidance scales, got ${sorted.length}`, 'scales');
  const usual = nearest(sorted, usualScale);
  const ordered = [...new Set([usual, sorted[0] ?? usual, sorted.at(-1) ?? usual, ...sorted])];
  return [
    ...ordered.map((guidanceScale) => ({ guidanceScale, guidanceInterval: null })),
    // At scale 1 there is nothing to limit.
    ...[...new Set(intervalScales)]
      .filter((scale) => scale !== 1)
      .sort((a, b) => b - a)
      .map((guidanceScale) => ({ guidanceScale, guidanceInterval: interval })),
  ];
}

export function nearest(values: readonly number[], wanted: number): number {
  return values.reduce((best, value) => (Math.abs(value - wanted) < Math.abs(best - wanted) ? value : best));
}
