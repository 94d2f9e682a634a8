import type { Measure, MeasureName } from '../../main/contract/measures.ts';
import type { DialPath, DialStop } from '../../main/contract/models.ts';

const mix = (a: number, b: number, share: number): number => a + (b - a) * share;

function mixNullable(a: number | null, b: number | null, share: number): number | null {
  return a === null || b === null ? (share < 0.5 ? a : b) : mix(a, b, share);
}

function mixMeasure(a: Measure, b: Measure | undefined, share: number): Measure {
  if (b === undefined) return a;
  return {
    ...a,
    value: mixNullable(a.value, b.value, share),
    low: mixNullable(a.low, b.low, share),
    high: mixNullable(a.high, b.high, share),
  };
}

/**
 * The path as batches of so many images measure on it: in proportion to the logarithm of their number between the counts
 * that were measured, beyond these as the nearest. As it is where a calibration tells nothing of counts. null without one.
 */
export function pathFor(path: DialPath | null, count: number): DialPath | null {
  return path === null ? null : { ...path, stops: path.stops.map((stop) => stopFor(stop, count)) };
}

/** The number of images that the path for so many is measured at; null where a calibration tells nothing of counts. */
export function countMeasured(path: DialPath | null, count: number): number | null {
  const measured = path?.stops[0]?.byCount ?? [];
  const [fewest, most] = [measured[0]?.count, measured.at(-1)?.count];
  return fewest === undefined || most === undefined ? null : Math.max(fewest, Math.min(count, most));
}

function stopFor(stop: DialStop, count: number): DialStop {
  const measured = stop.byCount ?? [];
  const after = measured.find((one) => one.count >= count) ?? measured.at(-1);
  const before = measured.findLast((one) => one.count <= count) ?? measured[0];
  if (before === undefined || after === undefined) return stop;
  const span = Math.log(after.count / before.count);
  const share = span === 0 ? 0 : Math.log(count / before.count) / span;
  const measures = stop.measures.map((measure) =>
    measure.name === 'precision' || measure.name === 'recall'
      ? { ...measure, value: mix(before[measure.name], after[measure.name], share), low: null, high: null }
      : measure,
  );
  return { ...stop, measures };
}

/** What the path promises at a place of the dial: between two stops, in proportion. null without a path. */
export function expectedAt(path: DialPath | null, dial: number): DialStop | null {
  const stops = path?.stops.toSorted((a, b) => a.dial - b.dial) ?? [];
  const after = stops.find((stop) => stop.dial >= dial) ?? stops.at(-1);
  const before = stops.findLast((stop) => stop.dial <= dial) ?? stops[0];
  if (before === undefined || after === undefined) return null;
  const span = after.dial - before.dial;
  const share = span === 0 ? 0 : (dial - before.dial) / span;
  return {
    ...before,
    dial,
    guidanceScale: mix(before.guidanceScale, after.guidanceScale, share),
    guidanceInterval: share < 0.5 ? before.guidanceInterval : after.guidanceInterval,
    // Weights are factors: halfway between 1/2 and 2 is 1.
    densityWeight: Math.exp(mix(Math.log(before.densityWeight), Math.log(after.densityWeight), share)),
    densityThreshold: mix(before.densityThreshold, after.densityThreshold, share),
    measures: before.measures.map((measure) =>
      mixMeasure(
        measure,
        after.measures.find(({ name }) => name === measure.name),
        share,
      ),
    ),
    acceptance: mixNullable(before.acceptance, after.acceptance, share),
    secondsPerKept: mixNullable(before.secondsPerKept, after.secondsPerKept, share),
  };
}

/** A measure's value by name; null where it was not measured. */
export function valueOf(measures: readonly Measure[], name: MeasureName): number | null {
  return measures.find((measure) => measure.name === name)?.value ?? null;
}
