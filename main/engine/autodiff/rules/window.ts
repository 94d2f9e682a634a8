import { Failure } from '../../../contract/failures.ts';
import { add, ceilDivide, multiply, subtract, type Dim } from '../../graph/dimension.ts';
import { reach, windowOf, type Window } from '../../graph/inference/contractions.ts';
import { intsAttribute, type Node } from '../../graph/model.ts';
import type { Operators } from '../../graph/operators.ts';
import { columnsOf, mirroredOffsets, tapTable } from './taps.ts';

/** A window whose padding is spelled out. */
export interface PaddedWindow extends Window {
  readonly pads: readonly number[];
}

/** The kernel's extents: said by the node, or the weight's own. */
export function kernelOf(make: Operators, node: Node, weight: string | undefined): readonly number[] {
  const kernel = intsAttribute(node, 'kernel_shape') ?? (weight && make.staticDims(weight)?.slice(2));
  if (kernel === undefined || kernel === '')
    throw new Failure('unsupported', 'a kernel whose extents are only known at run time');
  return kernel;
}

/** The window of a node over `spatial` extents, with automatic padding worked out. */
export function paddedWindow(node: Node, kernel: readonly number[], spatial: readonly Dim[]): PaddedWindow {
  const window = windowOf(node, kernel);
  if (window.pads !== undefined) return { ...window, pads: window.pads };
  const totals = spatial.map((extent, axis) => {
    const stride = window.strides[axis] ?? 1;
    if (stride === 1) return reach(window, axis) - 1;
    if (typeof extent !== 'number')
      throw new Failure('unsupported', 'automatic padding of an extent only known at run time');
    const last = (Number(ceilDivide(extent, stride)) - 1) * stride;
    return Math.max(last + reach(window, axis) - extent, 0);
  });
  return { ...window, pads: splitPads(totals, window.autoPad === 'SAME_LOWER') };
}

/** Halves of the totals before and after; an odd one goes after, or before under SAME_LOWER. */
export function splitPads(totals: readonly number[], oddBefore: boolean): readonly number[] {
  const before = totals.map((total) => (oddBefore ? Math.ceil(total / 2) : Math.floor(total / 2)));
  return [...before, ...totals.map((total, axis) => total - (before[axis] ?? 0))];
}

/**
 * The transpose of a convolution in its input: dX from dY, for `weight` [M, C/group, ...kernel].
 * Stride 1 is a convolution with the flipped kernel, which is free for constant weights; where turning a weight that
 * changes costs more than the few places gain (measured), it is one product of matrices, or ConvTranspose.
 *
 * @param input the value whose spatial extents the result takes
 */
export function spreadBack(
  make: Operators,
  dy: string,
  weight: string,
  window: PaddedWindow,
  group: number,
  input: string,
): string {
  const rank = window.kernel.length;
  const axes = window.kernel.map((_, axis) => axis);
  const inner = axes.map((axis) => reach(window, axis) - 1);
  const mirrored = [...axes, ...axes].map((axis, index) => (inner[axis] ?? 0) - (window.pads[index] ?? 0));
  const dilations = window.dilations;
  const dims = make.staticDims(weight);
  const mirrors = window.strides.every((stride) => stride === 1) && mirrored.every((pad) => pad >= 0);
  if (dims !== undefined && mirrors) {
    const isFixed = make.graph.isConstant(weight);
    const isSmall = window.kernel.every((extent) => extent === 1);
    const hasFewPlaces = places(make, dy) < placesPerChannel * (dims[1] ?? 1);
    const product = isFixed || isSmall || !hasFewPlaces || group > 1;
    const byProduct = product ? undefined : spreadByProduct(make, dy, weight, window, mirrored, input);
    if (byProduct !== undefined) return byProduct;
    if (isFixed || isSmall || !(places(make, dy) < fewPlaces))
      return make.one('Conv', [dy, flipped(make, weight, dims, group)], {
        dilations,
        pads: mirrored,
        group,
        kernel_shape: window.kernel,
      });
  }

  const spatial = make.dimsOf(input).slice(2);
  const outputs = make.dimsOf(dy).slice(2);
  const missing = axes.map((axis) => {
    const pads = (window.pads[axis] ?? 0) + (window.pads[axis + rank] ?? 0);
    const steps = multiply(subtract(outputs[axis] ?? 1, 1), window.strides[axis] ?? 1);
    return subtract(spatial[axis] ?? 1, add(steps, reach(window, axis) - pads));
  });
  if (missing.every((each) => typeof each === 'number')) {
    const given = { strides: window.strides, dilations, pads: window.pads, group, output_padding: missing };
    return make.one('ConvTranspose', [dy, weight], { ...given, kernel_shape: window.kernel });
  }
  // At run time: as long as it can get, then cut to the input's extents.
  const pads = [...axes.map((axis) => window.pads[axis] ?? 0), ...axes.map(() => 0)];
  const given = {
    strides: window.strides,
    dilations,
    pads,
    group,
    output_padding: window.strides.map((stride) => stride - 1),
  };
  const long = make.one('ConvTranspose', [dy, weight], { ...given, kernel_shape: window.kernel });
  const ends = make.one('Shape', [input], { start: 2 });
  return make.slice(
    long,
    make.ints(axes.map(() => 0)),
    ends,
    axes.map((axis) => axis + 2),
  );
}

/** Places of all images together; NaN where they are only known at run time. */
export function places(make: Operators, x: string): number {
  return make.dimsOf(x).reduce<number>((count, dim, axis) => (axis === 1 ? count : count * Number(dim)), 1);
}

/** Fewer places than this do not pay for turning a weight that changes. */
const fewPlaces = 1024;
/** Nor do fewer places than so many a channel pay for anything but a product with the weight as it lies. */
const placesPerChannel = 3;

/** Every tap's view of dY side by side [N · places, taps · M], times the weight with its taps in front. */
function spreadByProduct(
  make: Operators,
  dy: string,
  weight: string,
  window: PaddedWindow,
  mirrored: readonly number[],
  input: string,
): string | undefined {
  const spatial = make.staticDims(input)?.slice(2);
  const [outputs = 1, inputs = 1] = make.staticDims(weight) ?? [];
  const ones = window.kernel.map(() => 1);
  const table = tapTable(make, dy, mirrored, spatial, ones, mirroredOffsets(window));
  if (table === undefined || spatial === undefined) return undefined;
  const tapsFirst = make.transpose(make.reshape(weight, [outputs, inputs, -1]), [2, 0, 1]);
  const rows = make.matMul(columnsOf(make, table), make.reshape(tapsFirst, [-1, inputs]));
  const axes = spatial.map((_, axis) => axis + 1);
  return make.transpose(make.reshape(rows, [-1, ...spatial, inputs]), [0, spatial.length + 1, ...axes]);
}

/** [M, C/g, ...k] → [C, M/g, ...k] with the kernel reversed along its axes. */
function flipped(make: Operators, weight: string, dims: readonly number[], group: number): string {
  const [outputs = 1, inputs = 1, ...kernel] = dims;
  const taps = kernel.reduce((count, extent) => count * extent, 1);
  if (group === 1) {
    // Channels change places as a plain matrix, and the taps are reversed as whole rows: several times quicker than
    // moving runs of a few numbers.
    const turned = make.transpose(make.reshape(weight, [outputs, -1]), [1, 0]);
    if (taps === 1) return make.reshape(turned, [inputs, outputs, ...kernel]);
    const backwards = make.ints(Array.from({ length: taps }, (_, tap) => taps - 1 - tap));
    const reversed = make.gather(make.reshape(turned, [inputs, taps, outputs]), backwards, 1);
    return make.reshape(make.transpose(reversed, [0, 2, 1]), [inputs, outputs, ...kernel]);
  }
  const apart = make.reshape(weight, [group, outputs / group, inputs, -1]);
  const turned = make.reshape(make.transpose(apart, [0, 2, 1, 3]), [group * inputs, outputs / group, ...kernel]);
  const long = kernel.flatMap((extent, axis) => (extent > 1 ? [axis] : []));
  if (long.length === 0) return turned;
  const starts = make.ints(long.map(() => -1));
  const ends = make.ints(long.map((axis) => -(kernel[axis] ?? 1) - 1));
  return make.slice(
    turned,
    starts,
    ends,
    long.map((axis) => axis + 2),
    long.map(() => -1),
  );
}
