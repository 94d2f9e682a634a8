import { Failure } from '../../../contract/failures.ts';
import { intAttribute, stringAttribute, type Node } from '../../graph/model.ts';
import type { Operators } from '../../graph/operators.ts';
import type { Decomposition } from './decomposition.ts';

/** Coordinates along one spatial axis of the image, and its extent as a number and as an index. */
interface Axis {
  readonly at: string;
  readonly extent: string;
  readonly count: string;
}

/** Image [N, C, ..extents] read at the places of a grid [N, ..places, axes], whose last axis counts from the last extent. */
const gridSample: Decomposition = ({ node, inputs: [x = '', grid = ''], make }) => {
  const mode = stringAttribute(node, 'mode', 'linear');
  if (mode === 'cubic' || mode === 'bicubic') throw new Failure('unsupported', `GridSample of the mode "${mode}"`);
  const half = make.typeOf(grid) === 'float16' || make.typeOf(grid) === 'bfloat16';
  const places = half ? make.cast(grid, 'float32') : grid;
  const spatial = make.rank(x) - 2;
  const axes = Array.from({ length: spatial }, (_, index): Axis => {
    const count = make.extentOf(x, index + 2);
    const extent = make.cast(count, make.typeOf(places));
    const relative = make.gather(places, make.graph.constant('int64', [], [spatial - 1 - index]), spatial + 1);
    return { at: padded(make, node, inPixels(make, node, relative, extent), extent), extent, count };
  });
  const rows = make.reshape(x, [make.extentOf(x, 0), make.extentOf(x, 1), -1]);
  const read = (corner: readonly string[]): string => readAt(make, rows, axes, corner, places);
  if (mode === 'nearest') return [read(axes.map(({ at }) => nearest(make, at)))];
  const lows = axes.map(({ at }) => make.floor(at));
  const terms = Array.from({ length: 2 ** spatial }, (_, bits) => {
    const corner = lows.map((low, index) => ((bits >> index) & 1 ? make.shift(low, 1) : low));
    // A corner weighs as much as the volume that the place leaves on the other side.
    const weight = axes
      .map(({ at }, index) => make.shift(make.neg(make.abs(make.sub(at, corner[index] ?? ''))), 1))
      .reduce(make.mul);
    return make.mul(read(corner), make.cast(make.unsqueeze(weight, [1]), make.typeOf(x)));
  });
  return [terms.reduce(make.add)];
};

/** From −1 … 1 to places of pixels: the ends are centres of the outermost pixels, or their outer borders. */
function inPixels(make: Operators, node: Node, relative: string, extent: string): string {
  const up = make.shift(relative, 1);
  return intAttribute(node, 'align_corners', 0) === 1
    ? make.scale(make.mul(up, make.shift(extent, -1)), 0.5)
    : make.scale(make.shift(make.mul(up, extent), -1), 0.5);
}

/** Brings places beyond the image back into it; one at the border or beyond has no gradient there, as in torch. */
function padded(make: Operators, node: Node, at: string, extent: string): string {
  const mode = stringAttribute(node, 'padding_mode', 'zeros');
  if (mode === 'zeros') return at;
  const inside = mode === 'reflection' ? reflected(make, node, at, extent) : at;
  const [first, last] = [make.scalar(0, at), make.shift(extent, -1)];
  const below = make.where(make.greaterOrEqual(inside, last), last, inside);
  return make.where(make.lessOrEqual(inside, first), first, below);
}

/** Folds a line back and forth onto the span of the image. */
function reflected(make: Operators, node: Node, at: string, extent: string): string {
  const aligned = intAttribute(node, 'align_corners', 0) === 1;
  const low = aligned ? 0 : -0.5;
  const span = aligned ? make.shift(extent, -1) : extent;
  const distance = make.abs(make.shift(at, -low));
  const turns = make.floor(make.div(distance, span));
  const rest = make.sub(distance, make.mul(turns, span));
  const isEven = make.equal(turns, make.scale(make.floor(make.scale(turns, 0.5)), 2));
  return make.shift(make.where(isEven, rest, make.sub(span, rest)), low);
}

/** The next whole number, the even one of two; WebGPU has no kernel of Round. */
function nearest(make: Operators, at: string): string {
  const up = make.floor(make.shift(at, 0.5));
  const even = make.scale(make.floor(make.scale(up, 0.5)), 2);
  return make.where(make.equal(make.sub(up, at), make.scalar(0.5, at)), even, up);
}

/** The pixels at whole-numbered places, as [N, C, ..places]; zero outside of the image. */
function readAt(
  make: Operators,
  rows: string,
  axes: readonly Axis[],
  corner: readonly string[],
  places: string,
): string {
  const isInside = axes
    .flatMap(({ extent }, index): readonly string[] => {
      const at = corner[index] ?? '';
      return [make.greaterOrEqual(at, make.scalar(0, at)), make.less(at, extent)];
    })
    .reduce(make.and);
  const index = axes
    .map(({ count }, axis) => ({
      count,
      at: make.cast(make.where(isInside, corner[axis] ?? '', make.scalar(0, places)), 'int64'),
    }))
    .reduce((outer, inner) => ({ count: inner.count, at: make.add(make.mul(outer.at, inner.count), inner.at) })).at;
  const flat = make.reshape(index, [make.extentOf(index, 0), 1, -1]);
  const target = make.vector([make.extentOf(rows, 0), make.extentOf(rows, 1), make.extentOf(flat, 2)]);
  const taken = make.one('GatherElements', [rows, make.expandTo(flat, target)], { axis: 2 });
  const spread = axes.map((_, axis) => make.extentOf(index, axis + 1));
  const image = make.reshape(taken, [make.extentOf(rows, 0), make.extentOf(rows, 1), ...spread]);
  return make.where(make.unsqueeze(isInside, [1]), image, make.scalar(0, image));
}

/** Images read at free places. */
export const gridSamples: Readonly<Record<string, Decomposition>> = { GridSample: gridSample };
