import type { Dim } from '../dimension.ts';
import type { Fact } from './fact.ts';

/** Dims from a tensor that holds them: its elements where known, else at least their number. */
export function dimsFrom(shape: Fact | undefined, fresh: (what: string) => Dim): readonly Dim[] | undefined {
  if (shape?.known !== undefined) return shape.known;
  const rank = shape?.dims?.[0];
  return typeof rank === 'number' && rank < 64
    ? Array.from({ length: rank }, (_, axis) => fresh(`dim ${axis}`))
    : undefined;
}

/** Every index of every axis; undefined where an extent has no number. */
export function allPlaces(dims: readonly Dim[]): number[][] | undefined {
  if (!dims.every((dim) => typeof dim === 'number')) return undefined;
  return dims.map((dim) => Array.from({ length: dim }, (_, index) => index));
}

/** The known elements at these places of each axis, row-major over the axes in `order`. */
export function knownAt(
  known: readonly Dim[],
  dims: readonly Dim[],
  places: readonly (readonly number[])[] | undefined,
  order: readonly number[] = dims.map((_, axis) => axis),
): readonly Dim[] | undefined {
  if (places === undefined) return undefined;
  const stride = (axis: number): number => dims.slice(axis + 1).reduce<number>((size, dim) => size * Number(dim), 1);
  const offsets = order.reduce<number[]>(
    (sums, axis) => sums.flatMap((sum) => (places[axis] ?? []).map((place) => sum + place * stride(axis))),
    [0],
  );
  return offsets.map((offset) => known[offset] ?? NaN);
}
