import type { Operators } from '../../graph/operators.ts';
import { columnsOf, tapOffsets, tapTable, tapsOf, viewsOf } from './taps.ts';
import { places, type PaddedWindow } from './window.ts';

/** More taps than this are not worth a product each. */
const manyTaps = 25;
/** Up to this many numbers all taps together stay near the processor: one product then beats one per tap (measured). */
const smallColumns = 6e5;

/**
 * The gradient of a convolution's kernel, [M, C/group, ...k], from its input [N, C, ...] and the gradient of its output
 * [N, M, ...]: a product of matrices per tap, or one of all taps side by side; for very large kernels a convolution.
 */
export function kernelGradient(
  make: Operators,
  x: string,
  dy: string,
  window: PaddedWindow,
  group: number,
  dims: readonly number[],
): string {
  const taps = window.kernel.reduce((count, extent) => count * extent, 1);
  if (group > 1) return byGroups(make, x, dy, window, group, dims);
  return taps > manyTaps ? byConvolution(make, x, dy, window, dims) : byTaps(make, x, dy, window, dims);
}

/** Channels take the part of the batch: dW[c, m] = x[c] ⋆ dy[m], stride and dilation change places. */
function byConvolution(make: Operators, x: string, dy: string, window: PaddedWindow, dims: readonly number[]): string {
  const axes = window.kernel.map((_, axis) => axis + 2);
  const order = [1, 0, ...axes];
  const [image, kernel] = [make.transpose(x, order), make.transpose(dy, order)];
  const given = { strides: window.dilations, dilations: window.strides, pads: window.pads };
  const long = make.one('Conv', [image, kernel], given);
  // A stride that does not fit leaves the last rows of the input unseen, and here rows too many.
  const starts = make.ints(axes.map(() => 0));
  const strided = window.strides.some((stride) => stride > 1);
  const cut = strided ? make.slice(long, starts, make.ints(window.kernel), axes) : long;
  // Extents known at run time alone do not tell that these are the kernel's.
  return make.reshape(make.transpose(cut, order), dims);
}

/** dW[:, tap] = dY · X(shifted by the tap), summed over images and places. */
function byTaps(make: Operators, x: string, dy: string, window: PaddedWindow, dims: readonly number[]): string {
  const [outputs = 1, inputs = 1] = dims;
  const spatial = window.kernel.map((_, axis) => axis + 2);
  const left = make.reshape(make.transpose(dy, [1, 0, ...spatial]), [outputs, -1]);
  const out = make.staticDims(dy)?.slice(2);
  const table = tapTable(make, x, window.pads, out, window.strides, tapOffsets(window));
  const views = (): string[] => (table === undefined ? slicedViews(make, x, dy, window) : viewsOf(make, table));

  const taps = window.kernel.reduce((count, extent) => count * extent, 1);
  let products: string;
  if (places(make, dy) * inputs * taps <= smallColumns) {
    const columns = table === undefined ? make.concat(views(), -1) : columnsOf(make, table);
    // The taps must come to lie innermost: of the columns and their product the one with fewer rows is turned.
    if (places(make, dy) < outputs) {
      const turned = make.transpose(make.reshape(columns, [-1, taps, inputs]), [0, 2, 1]);
      return make.reshape(make.matMul(left, make.reshape(turned, [-1, inputs * taps])), [...dims]);
    }
    products = make.matMul(left, columns);
  } else {
    // Side by side before they are turned: whole rows to copy.
    const rows = views().map((view) => make.reshape(make.matMul(left, view), [outputs, 1, inputs]));
    products = make.concat(rows, 1);
  }
  const turned = make.transpose(make.reshape(products, [outputs, taps, inputs]), [0, 2, 1]);
  return make.reshape(turned, [...dims]);
}

/** [places, C] per tap, cut out of the image with channels last. */
function slicedViews(make: Operators, x: string, dy: string, window: PaddedWindow): string[] {
  const axes = window.kernel.map((_, axis) => axis + 2);
  const last = make.transpose(withPads(make, x, window), [0, ...axes, 1]);
  const inputs = make.extentOf(x, 1);
  return tapsOf(window.kernel).map((tap) => make.reshape(shifted(make, last, dy, window, tap, 1), [-1, inputs]));
}

/** The same per group, channels first. */
function byGroups(
  make: Operators,
  x: string,
  dy: string,
  window: PaddedWindow,
  group: number,
  dims: readonly number[],
): string {
  const [outputs = 1, inputs = 1] = dims;
  const spatial = window.kernel.map((_, axis) => axis + 2);
  const padded = withPads(make, x, window);
  const grouped = (value: string, channels: number): string =>
    make.reshape(make.transpose(value, [1, 0, ...spatial]), [group, channels, -1]);
  const left = grouped(dy, outputs / group);
  const products = tapsOf(window.kernel).map((tap) => {
    const view = grouped(shifted(make, padded, dy, window, tap, 2), inputs);
    return make.matMul(left, make.transpose(view, [0, 2, 1]));
  });
  const flat = products.map((each) => make.reshape(each, [1, outputs * inputs]));
  return make.reshape(make.transpose(make.concat(flat, 0), [1, 0]), [...dims]);
}

function withPads(make: Operators, x: string, window: PaddedWindow): string {
  const rank = window.kernel.length;
  const around = [0, 0, ...window.pads.slice(0, rank), 0, 0, ...window.pads.slice(rank)];
  return around.some((pad) => pad !== 0) ? make.pad(x, make.ints(around)) : x;
}

/** The places of the padded input that one tap of the kernel sees; its spatial axes start at `first`. */
function shifted(
  make: Operators,
  padded: string,
  dy: string,
  window: PaddedWindow,
  tap: readonly number[],
  first: number,
): string {
  if (window.kernel.every((extent) => extent === 1) && window.strides.every((stride) => stride === 1)) return padded;
  const starts = tap.map((index, axis) => index * (window.dilations[axis] ?? 1));
  const ends = starts.map((start, axis) => {
    const stride = window.strides[axis] ?? 1;
    const steps = make.add(make.extentOf(dy, axis + 2), make.ints([-1]));
    return make.add(make.mul(steps, make.ints([stride])), make.ints([start + 1]));
  });
  const axes = window.kernel.map((_, axis) => axis + first);
  return make.slice(padded, make.ints(starts), make.vector(ends), axes, window.strides);
}
