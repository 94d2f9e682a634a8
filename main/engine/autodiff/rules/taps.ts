import { reach, type Window } from '../../graph/inference/contractions.ts';
import type { Operators } from '../../graph/operators.ts';

/** Tables of more places than this make a graph's file large for nothing: slices serve as well there. */
const largestTable = 1 << 17;

/** Every position in the kernel, row-major. */
export function tapsOf(kernel: readonly number[]): number[][] {
  return positionsOf(kernel);
}

/** Every position within `extents`, row-major. */
function positionsOf(extents: readonly number[]): number[][] {
  return extents.reduce<number[][]>(
    (positions, extent) => positions.flatMap((each) => Array.from({ length: extent }, (_, index) => [...each, index])),
    [[]],
  );
}

/** Rows of channels, one a place of the padded image, and which of them each tap of a kernel sees. */
export interface TapTable {
  /** [N · places, C] */
  readonly rows: string;
  /** Per tap, one row a place: image by image, row-major. */
  readonly seen: readonly (readonly number[])[];
}

/**
 * What the taps of a kernel see of `x` [N, C, ...] at `places` extents, as rows to gather: one copy of whole rows that
 * ONNX Runtime spreads over the processors, which it does not do with slices. Undefined where extents are only known at
 * run time, padding cuts, or the table were too large.
 *
 * @param pads zeros around x: all the befores, then all the afters
 * @param firstOf the padded place that a tap sees at the place 0, along each axis; `strides` on from there
 */
export function tapTable(
  make: Operators,
  x: string,
  pads: readonly number[],
  places: readonly number[] | undefined,
  strides: readonly number[],
  firsts: readonly (readonly number[])[],
): TapTable | undefined {
  const dims = make.staticDims(x);
  if (dims === undefined || places === undefined || pads.some((pad) => pad < 0)) return undefined;
  const [images = 1, channels = 1, ...spatial] = dims;
  const count = places.reduce((product, extent) => product * extent, images);
  if (count * firsts.length > largestTable) return undefined;

  const rank = spatial.length;
  const padded = spatial.map((extent, axis) => extent + (pads[axis] ?? 0) + (pads[axis + rank] ?? 0));
  const size = padded.reduce((product, extent) => product * extent, 1);
  const last = make.transpose(x, [0, ...spatial.map((_, axis) => axis + 2), 1]);
  const around = [0, ...pads.slice(0, rank), 0, 0, ...pads.slice(rank), 0];
  const image = pads.some((pad) => pad !== 0) ? make.pad(last, make.ints(around)) : last;
  const rowOf = (place: readonly number[], first: readonly number[]): number =>
    padded.reduce(
      (row, extent, axis) => row * extent + (place[axis] ?? 0) * (strides[axis] ?? 1) + (first[axis] ?? 0),
      0,
    );
  const positions = positionsOf(places);
  const seen = firsts.map((first) => {
    const own = positions.map((place) => rowOf(place, first));
    return Array.from({ length: images }, (_, image) => own.map((row) => image * size + row)).flat();
  });
  return { rows: make.reshape(image, [-1, channels]), seen };
}

/** [N · places, taps · C]: what all taps see, side by side. */
export function columnsOf(make: Operators, { rows, seen }: TapTable): string {
  const [first = []] = seen;
  const index = make.graph.constant(
    'int64',
    [first.length, seen.length],
    first.flatMap((_, place) => seen.map((tap) => tap[place] ?? NaN)),
  );
  const channels = make.dimsOf(rows)[1];
  return make.reshape(make.gather(rows, index, 0), [-1, Number(channels) * seen.length]);
}

/** [N · places, C] per tap. */
export function viewsOf(make: Operators, { rows, seen }: TapTable): string[] {
  return seen.map((tap) => make.gather(rows, make.ints(tap), 0));
}

/** Where each tap of a window looks first. */
export function tapOffsets(window: Window): number[][] {
  return tapsOf(window.kernel).map((tap) => tap.map((index, axis) => index * (window.dilations[axis] ?? 1)));
}

/** The same seen from the input: a tap of the mirrored window looks from the far end. */
export function mirroredOffsets(window: Window): number[][] {
  return tapOffsets(window).map((tap) => tap.map((offset, axis) => reach(window, axis) - 1 - offset));
}
