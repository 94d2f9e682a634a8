import { Failure } from '../../contract/failures.ts';
import type { ElementType } from './element-type.ts';
import { fromBrain, fromHalf, toBrain, toHalf } from './half.ts';
import type { TensorConstant } from './model.ts';

/**
 * The numbers of a constant, or undefined where they are not at hand (external data, strings, packed types).
 * Booleans read as 0 and 1; int64 beyond 2^53 loses its last digits, which only "no limit" markers do.
 */
export function numbersOf({ elementType, content }: TensorConstant): number[] | undefined {
  if (content.kind !== 'bytes') return undefined;
  // A copy: the view may lie at any address, and typed arrays want theirs aligned. (Slice of a Buffer is none.)
  const { buffer } = new Uint8Array(content.bytes);
  switch (elementType) {
    case 'float32':
      return [...new Float32Array(buffer)];
    case 'float64':
      return [...new Float64Array(buffer)];
    case 'float16':
      return Array.from(new Uint16Array(buffer), fromHalf);
    case 'bfloat16':
      return Array.from(new Uint16Array(buffer), fromBrain);
    case 'int64':
      return Array.from(new BigInt64Array(buffer), Number);
    case 'uint64':
      return Array.from(new BigUint64Array(buffer), Number);
    case 'int32':
      return [...new Int32Array(buffer)];
    case 'uint32':
      return [...new Uint32Array(buffer)];
    case 'int16':
      return [...new Int16Array(buffer)];
    case 'uint16':
      return [...new Uint16Array(buffer)];
    case 'int8':
      return [...new Int8Array(buffer)];
    case 'uint8':
    case 'bool':
      return [...new Uint8Array(buffer)];
    default:
      return undefined;
  }
}

/** A constant tensor of these numbers, rounded to the element type. */
export function constantOf(
  elementType: ElementType,
  dims: readonly number[],
  numbers: readonly number[],
): TensorConstant {
  const count = dims.reduce((size, dim) => size * dim, 1);
  if (count !== numbers.length)
    throw new RangeError(`a constant of dims [${dims.join(', ')}] needs ${count} numbers, got ${numbers.length}`);
  const view = viewOf(elementType, numbers);
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  return { elementType, dims, content: { kind: 'bytes', bytes } };
}

function viewOf(elementType: ElementType, numbers: readonly number[]): ArrayBufferView {
  switch (elementType) {
    case 'float32':
      return Float32Array.from(numbers);
    case 'float64':
      return Float64Array.from(numbers);
    case 'float16':
      return Uint16Array.from(numbers, toHalf);
    case 'bfloat16':
      return Uint16Array.from(numbers, toBrain);
    case 'int64':
      return BigInt64Array.from(numbers, (value) => (value >= 2 ** 63 ? 2n ** 63n - 1n : BigInt(value)));
    case 'uint64':
      return BigUint64Array.from(numbers, BigInt);
    case 'int32':
      return Int32Array.from(numbers);
    case 'uint32':
      return Uint32Array.from(numbers);
    case 'int16':
      return Int16Array.from(numbers);
    case 'uint16':
      return Uint16Array.from(numbers);
    case 'int8':
      return Int8Array.from(numbers);
    case 'uint8':
    case 'bool':
      return Uint8Array.from(numbers);
    default:
      throw new Failure('unsupported', `expected an element type that constants are made of, got ${elementType}`);
  }
}
