import { fromHalf, toHalf } from '../graph/half.ts';

/**
 * Float16 tensors as ONNX Runtime takes them here: the bits in a `Uint16Array` (see `onnxruntime.ts`), on every Node,
 * with or without `Float16Array`.
 */
export function encodeFloat16(values: ArrayLike<number>): Uint16Array {
  const bits = new Uint16Array(values.length);
  for (let index = 0; index < bits.length; index++) bits[index] = toHalf(values[index] ?? 0);
  return bits;
}

/** The numbers that the bits mean; exact. */
export function decodeFloat16(bits: Uint16Array): Float32Array {
  const values = new Float32Array(bits.length);
  for (let index = 0; index < values.length; index++) values[index] = fromHalf(bits[index] ?? 0);
  return values;
}
