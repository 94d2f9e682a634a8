import type { Operators } from '../../graph/operators.ts';
import { reach } from '../../graph/inference/contractions.ts';
import { places, type PaddedWindow } from './window.ts';

/** More taps than this are not worth a product each. */
const manyTaps = 25;
/** Up to this many numbers all taps together stay near the processor: one product then beats one per tap (measured). */
const smallColumns = 1.2e6;

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
  if (group === 1 && taps > manyTaps) return byConvolution(make, x, dy, window, dims);
  return byShiftedProducts(make, x, dy, window, group, dims);
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

/** dW[:, :, tap] = dY · X(shifted by the tap), summed over images and places. */
function byShiftedProducts(
  make: Operators,
  x: string,
  dy: string,
  window: PaddedWindow,
  group: number,
  dims: readonly number[],
): string {
  const [outputs = 1, inputs = 1] = dims;
  const rank = window.kernel.length;
  const axes = window.kernel.map((_, axis) => axis);
  const around = [0, 0, ...window.pads.slice(0, rank), 0, 0, ...window.pads.slice(rank)];
  const padded = around.some((pad) => pad !== 0) ? make.pad(x, make.ints(around)) : x;
  const grouped = (value: string, channels: number): string =>
    make.reshape(make.transpose(value, [1, 0, ...axes.map((axis) => axis + 2)]), [group, channels, -1]);
  const left = group === 1 ? make.reshape(grouped(dy, outputs), [outputs, -1]) : grouped(dy, outputs / group);
  // Channels last, so that every shifted view is rows of channels.
  const last = group === 1 ? make.transpose(padded, [0, ...axes.map((axis) => axis + 2), 1]) : padded;

  const views = tapsOf(window.kernel).map((tap) => shifted(make, last, dy, window, tap, group === 1 ? 1 : 2));
  if (group === 1 && places(make, dy) * inputs * views.length <= smallColumns) {
    const columns = make.reshape(make.concat(views, -1), [-1, views.length * inputs]);
    const product = make.reshape(make.matMul(left, columns), [outputs, views.length, inputs]);
    return make.reshape(make.transpose(product, [0, 2, 1]), [...dims]);
  }
  const products = views.map((view) => {
    if (group === 1) return make.matMul(left, make.reshape(view, [-1, inputs]));
    return make.matMul(left, make.transpose(grouped(view, inputs), [0, 2, 1]));
  });
  // Taps first while they are put together (whole rows to copy), then last.
  const flat = products.map((each) => make.reshape(each, [1, outputs * inputs]));
  return make.reshape(make.transpose(make.concat(flat, 0), [1, 0]), [...dims]);
}

/** Every position in the kernel, row-major. */
export function tapsOf(kernel: readonly number[]): number[][] {
  return kernel.reduce<number[][]>(
    (taps, extent) => taps.flatMap((tap) => Array.from({ length: extent }, (_, index) => [...tap, index])),
    [[]],
  );
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
  if (window.kernel.every((_, axis) => reach(window, axis) === 1) && window.strides.every((stride) => stride === 1))
    return padded;
  const starts = tap.map((index, axis) => index * (window.dilations[axis] ?? 1));
  const ends = starts.map((start, axis) => {
    const stride = window.strides[axis] ?? 1;
    const steps = make.add(make.extentOf(dy, axis + 2), make.ints([-1]));
    return make.add(make.mul(steps, make.ints([stride])), make.ints([start + 1]));
  });
  const axes = window.kernel.map((_, axis) => axis + first);
  return make.slice(padded, make.ints(starts), make.vector(ends), axes, window.strides);
}
