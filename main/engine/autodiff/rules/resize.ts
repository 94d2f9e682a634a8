import { same } from '../../graph/dimension.ts';
import { fromFront } from '../../graph/inference/fact.ts';
import { intsAttribute, stringAttribute, type Node } from '../../graph/model.ts';
import type { GivenAttributes } from '../../graph/builder.ts';
import type { Operators } from '../../graph/operators.ts';
import { unsupported, type Rule } from '../rule.ts';

/**
 * Resizing is linear along each axis. Whole-number nearest repetition is undone by a sum over blocks; every other mode by
 * the transposed matrix of its axis, which is what the same operator makes of the identity matrix.
 */
const resizeRule: Rule = ({ node, inputs: [x = ''], outputs: [y = ''], dy, make }) => {
  const mode = stringAttribute(node, 'coordinate_transformation_mode', 'half_pixel');
  if (mode === 'tf_crop_and_resize') throw unsupported(node, 'for tf_crop_and_resize');
  if (stringAttribute(node, 'keep_aspect_ratio_policy', 'stretch') !== 'stretch')
    throw unsupported(node, 'where the aspect ratio is kept');
  const rank = make.rank(x);
  const axes = changedAxes(make, node, x, y);
  const factors = axes.map((axis) => repetition(make, node, axis, x, y));
  if (factors.every((factor) => factor !== undefined)) return [sumBlocks(make, dy, x, axes, factors)];
  return [axes.reduce((gradient, axis) => alongAxis(make, gradient, axis, rank, matrixOf(make, node, x, axis)), dy)];
};

/** The axes the node speaks of, in its own order. */
function spokenAxes(make: Operators, node: Node, x: string): readonly number[] {
  const rank = make.rank(x);
  return (
    intsAttribute(node, 'axes')?.map((axis) => fromFront(axis, rank)) ?? Array.from({ length: rank }, (_, axis) => axis)
  );
}

function changedAxes(make: Operators, node: Node, x: string, y: string): readonly number[] {
  const scales = make.numbersIn(node.inputs[2] ?? '');
  return spokenAxes(make, node, x).filter((axis, index) => {
    if (scales !== undefined && scales.length > 0) return scales[index] !== 1;
    return !same(make.dimsOf(x)[axis] ?? 1, make.dimsOf(y)[axis] ?? 1);
  });
}

/** How often each element appears in a row along `axis`, where it is a plain repetition. */
function repetition(make: Operators, node: Node, axis: number, x: string, y: string): number | undefined {
  if (stringAttribute(node, 'mode', 'nearest') !== 'nearest') return undefined;
  const scales = make.numbersIn(node.inputs[2] ?? '');
  const [extent, out] = [make.dimsOf(x)[axis], make.dimsOf(y)[axis]];
  const bySizes = typeof extent === 'number' && typeof out === 'number' ? out / extent : undefined;
  const factor = scales?.length ? scales[spokenAxes(make, node, x).indexOf(axis)] : bySizes;
  if (factor === undefined || !Number.isInteger(factor) || factor < 1) return undefined;
  const coordinates = stringAttribute(node, 'coordinate_transformation_mode', 'half_pixel');
  const rounding = stringAttribute(node, 'nearest_mode', 'round_prefer_floor');
  const blocks =
    coordinates === 'asymmetric' ? rounding === 'floor' : coordinates === 'half_pixel' && rounding.startsWith('round');
  return blocks ? factor : undefined;
}

/** [.., n·s, ..] → [.., n, s, ..], summed over s. */
function sumBlocks(
  make: Operators,
  dy: string,
  x: string,
  axes: readonly number[],
  factors: readonly number[],
): string {
  const extents: (number | string)[] = [];
  const summed: number[] = [];
  for (let axis = 0; axis < make.rank(x); axis += 1) {
    extents.push(make.extentOf(x, axis));
    const factor = factors[axes.indexOf(axis)];
    if (factor === undefined) continue;
    summed.push(extents.length);
    extents.push(factor);
  }
  return make.reduceSum(make.reshape(dy, extents), summed, false);
}

/** [out, in]: the node itself, run along one axis of the identity. */
function matrixOf(make: Operators, node: Node, x: string, axis: number): string {
  const index = spokenAxes(make, node, x).indexOf(axis);
  const extent = make.extentOf(x, axis);
  const count = make.range(extent);
  const identity = make.cast(make.equal(make.unsqueeze(count, [1]), make.unsqueeze(count, [0])), make.typeOf(x));
  const image = make.unsqueeze(identity, [0, 1]);
  const [, , scales = '', sizes = ''] = node.inputs;
  const own = (vector: string): string => make.slice(vector, make.ints([index]), make.ints([index + 1]), [0]);
  const ones = make.graph.constant('float32', [2], [1, 1]);
  const one = make.graph.constant('float32', [1], [1]);
  const given = resizeAttributes(node);
  const target =
    sizes === ''
      ? ['', make.concat([ones, own(scales), one], 0), '']
      : ['', '', make.concat([make.ints([1, 1]), own(sizes), extent], 0)];
  return make.squeeze(make.one('Resize', [image, ...target], given), [0, 1]);
}

function resizeAttributes(node: Node): GivenAttributes {
  return Object.fromEntries(
    Object.entries(node.attributes).flatMap(([name, attribute]): [string, GivenAttributes[string]][] => {
      if (name === 'axes' || name === 'keep_aspect_ratio_policy') return [];
      if (attribute.kind === 'int' || attribute.kind === 'string') return [[name, attribute.value]];
      return attribute.kind === 'float' ? [[name, { float: attribute.value }]] : [];
    }),
  );
}

/** Multiplies `matrix` [out, in] into `axis` of the gradient: out → in. */
function alongAxis(make: Operators, gradient: string, axis: number, rank: number, matrix: string): string {
  if (axis === rank - 1) return make.matMul(gradient, matrix);
  if (axis === rank - 2) return make.matMul(make.transpose(matrix, [1, 0]), gradient);
  const order = Array.from({ length: rank }, (_, index) => index);
  const swapped = order.map((index) => (index === axis ? rank - 1 : index === rank - 1 ? axis : index));
  return make.transpose(make.matMul(make.transpose(gradient, swapped), matrix), swapped);
}

/** Changes of size. */
export const resize: Readonly<Record<string, Rule>> = { Resize: resizeRule };
