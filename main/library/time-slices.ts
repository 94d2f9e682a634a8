import { setImmediate } from 'node:timers/promises';

/** Milliseconds of uninterrupted work; windows are answered in between. */
const slice = 12;

/** A function to be awaited in long loops: returns at once until a slice of time is used up, then lets others run. */
export function timeSlices(): () => Promise<void> {
  let start = performance.now();
  return async () => {
    if (performance.now() - start < slice) return;
    await setImmediate();
    start = performance.now();
  };
}
