import { toHalf } from '../graph/half.ts';

/**
 * Float16 tensors as ONNX Runtime takes them here: the bits in a `Uint16Array` (see `onnxruntime.ts`), on every Node,
 * with or without `Float16Array`. What it gives is read with `fromHalves`.
 */
export function encodeFloat16(values: ArrayLike<number>): Uint16Array {
  const bits = new Uint16Array(values.length);
  for (let index = 0; index < bits.length; index++) bits[index] = toHalf(values[index] ?? 0);
  return bits;
}
