import { add, ceilDivide, same, subtract, type Dim } from '../dimension.ts';

/** First index and number of elements of a slice; undefined where they cannot be told. */
export function sliceRange(
  extent: Dim,
  start: Dim | undefined,
  end: Dim | undefined,
  step: number | undefined,
): { readonly start: Dim; readonly length: Dim } | undefined {
  if (start === undefined || end === undefined || step === undefined) return undefined;
  if (typeof extent === 'number' && typeof start === 'number' && typeof end === 'number') {
    const clamp = (at: number, low: number, high: number): number =>
      Math.min(Math.max(at < 0 ? at + extent : at, low), high);
    const from = step > 0 ? clamp(start, 0, extent) : clamp(start, 0, extent - 1);
    const to = step > 0 ? clamp(end, 0, extent) : clamp(end, -1, extent - 1);
    return { start: from, length: Math.max(0, Math.ceil((to - from) / step)) };
  }
  const limit = typeof end === 'number' && Math.abs(end) >= 2 ** 31 - 1;
  if (step < 0)
    return start === -1 && limit ? { start: subtract(extent, 1), length: ceilDivide(extent, -step) } : undefined;
  // Extents are at least one; a start beyond it, or an end short of it, cannot be told apart.
  if (start === 0 && (limit || same(end, extent))) return { start: 0, length: ceilDivide(extent, step) };
  if (typeof start !== 'number' || step !== 1) return undefined;
  if (start < 0 && limit) return { start: add(extent, start), length: -start };
  if (start > 0 && (limit || same(end, extent))) return { start, length: subtract(extent, start) };
  return undefined;
}
