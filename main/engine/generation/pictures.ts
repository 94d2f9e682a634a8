import { sizeOf } from '../tensor/tensor.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Picture } from './generation-request.ts';

/** One image of [B, 3, H, W] in −1 … 1 as 8-bit RGB; values beyond the range are clipped. */
export function toPicture(images: Tensor, row: number): Picture {
  const [, , height = 0, width = 0] = images.dims;
  const plane = height * width;
  const from = row * 3 * plane;
  const pixels = new Uint8Array(3 * plane);
  for (let at = 0; at < plane; at++) {
    for (let channel = 0; channel < 3; channel++) {
      const value = images.data[from + channel * plane + at] ?? 0;
      pixels[3 * at + channel] = Math.round(Math.min(Math.max((value + 1) * 127.5, 0), 255));
    }
  }
  return { width, height, pixels };
}

/** 8-bit RGB as [1, 3, H, W] in −1 … 1. */
export function fromPicture({ width, height, pixels }: Picture): Tensor<Float32Array> {
  const plane = width * height;
  const data = new Float32Array(3 * plane);
  for (let at = 0; at < plane; at++) {
    for (let channel = 0; channel < 3; channel++)
      data[channel * plane + at] = (pixels[3 * at + channel] ?? 0) / 127.5 - 1;
  }
  return { dims: [1, 3, height, width], data };
}

/** One row of a batch as a batch of one, a view. */
export function rowOf(x: Tensor, row: number): Tensor {
  const dims = [1, ...x.dims.slice(1)];
  const size = sizeOf(dims);
  return { dims, data: x.data.subarray(row * size, (row + 1) * size) };
}

/** A batch of one as a batch of `count` copies. */
export function repeatRows(one: Tensor, count: number): Tensor<Float32Array> {
  const data = new Float32Array(count * one.data.length);
  for (let row = 0; row < count; row++) data.set(one.data, row * one.data.length);
  return { dims: [count, ...one.dims.slice(1)], data };
}
