import { encode } from '../../main/engine/graph/encode.ts';
import type { Model } from '../../main/engine/graph/model.ts';
import { fromHalf } from '../../main/engine/graph/half.ts';
import { loadOnnxRuntime } from '../../main/engine/runtime/onnxruntime.ts';

/** A tensor as the files under test/reference hold it: raw little-endian bytes in base64. */
export interface StoredTensor {
  readonly type: 'float32' | 'float64' | 'float16' | 'int64' | 'int32' | 'bool';
  readonly dims: readonly number[];
  readonly data: string;
}

type Storage = Float32Array | Float64Array | Uint16Array | BigInt64Array | Int32Array | Uint8Array;

export interface RawTensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: Storage;
}

const storage = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  int64: BigInt64Array,
  int32: Int32Array,
  bool: Uint8Array,
} as const;

/** Bytes of a base64 text. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'base64'));
}

export function load({ type, dims, data }: StoredTensor): RawTensor {
  return { type, dims, data: new storage[type](bytesOf(data).buffer as ArrayBuffer) };
}

/** Stored tensors by name, ready to be fed. */
export function loadAll(stored: Readonly<Record<string, StoredTensor>>): Record<string, RawTensor> {
  return Object.fromEntries(Object.entries(stored).map(([name, each]) => [name, load(each)]));
}

/** Numbers of a float tensor of any precision. */
export function numbersOf({ type, data }: RawTensor): number[] {
  return type === 'float16' ? Array.from(data as Uint16Array, fromHalf) : Array.from(data, Number);
}

/**
 * Runs models on the CPU with exactly the types they declare: no conversion, no splitting. One thread is quickest for
 * the small models of tests; 0 takes as many as there are.
 */
export async function openRaw(
  model: Model | Uint8Array,
  intraOpNumThreads = 1,
): Promise<{
  readonly run: (feeds: Readonly<Record<string, RawTensor>>) => Promise<Record<string, RawTensor>>;
  readonly release: () => Promise<void>;
}> {
  const { InferenceSession, Tensor } = await loadOnnxRuntime();
  const session = await InferenceSession.create(model instanceof Uint8Array ? model : encode(model), {
    executionProviders: ['cpu'],
    logSeverityLevel: 3,
    intraOpNumThreads,
    extra: { session: { set_denormal_as_zero: '1' } }, // as the engine has it
  });
  const run = async (feeds: Readonly<Record<string, RawTensor>>): Promise<Record<string, RawTensor>> => {
    const tensors = Object.entries(feeds).map(([name, { type, dims, data }]) => [
      name,
      new Tensor(type as 'float32', data as Float32Array, dims),
    ]);
    const results = await session.run(Object.fromEntries(tensors));
    return Object.fromEntries(
      Object.entries(results).map(([name, { type, dims, data }]) => [name, { type, dims, data: data as Storage }]),
    );
  };
  return { run, release: () => session.release() };
}

/** ‖a − b‖ / ‖b‖, or ‖a‖ where b is zero. */
export function relativeError(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length) return Infinity;
  const norm = (values: readonly number[]): number => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  return norm(a.map((value, index) => value - (b[index] ?? NaN))) / (norm(b) || 1);
}
