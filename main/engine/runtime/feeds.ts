import { Failure } from '../../contract/failures.ts';
import { sizeOf } from '../tensor/tensor.ts';
import { encodeFloat16 } from './float16.ts';
import type { Declaration, Feed } from './session.ts';

/** Storage that ONNX Runtime takes for the types models declare. */
export type Storage = Float32Array | Float64Array | Uint16Array | Int32Array | BigInt64Array | Uint8Array;

/** An input as the model wants it. */
export interface ConvertedFeed {
  readonly type: string;
  readonly data: Storage;
  readonly dims: readonly number[];
}

const converters = {
  float32: (feed) => (feed.data instanceof Float32Array ? feed.data : Float32Array.from(feed.data, Number)),
  float64: (feed) => Float64Array.from(feed.data, Number),
  float16: (feed) => encodeFloat16(feed.data instanceof BigInt64Array ? Array.from(feed.data, Number) : feed.data),
  int64: (feed, complain) =>
    feed.data instanceof BigInt64Array ? feed.data : BigInt64Array.from(wholeNumbers(feed, complain), BigInt),
  int32: (feed, complain) =>
    feed.data instanceof Int32Array ? feed.data : Int32Array.from(wholeNumbers(feed, complain), Number),
  bool: (feed, complain) => Uint8Array.from(wholeNumbers(feed, complain), (value) => (Number(value) === 0 ? 0 : 1)),
} satisfies Record<string, (feed: Feed, complain: (came: string) => Failure) => Storage>;

/**
 * Converts one input to the type and rank its model declares. A scalar is repeated for a declared `[B]`; a `[B]` of equal
 * values becomes the scalar a model declares (timesteps come in both forms, and in int64 and float).
 *
 * @param batch repeats of a scalar
 * @throws Failure `bad-input` naming model, input, expected and given type and dims
 */
export function convertFeed(model: string, declared: Declaration, feed: Feed, batch: number): ConvertedFeed {
  const complain = (came: string): Failure =>
    new Failure(
      'bad-input',
      `${model}: input "${declared.name}" expects ${describe(declared.type, declared.dims)}, got ${came}`,
      declared.name,
    );
  const given = describe(typeOf(feed), feed.dims);
  if (sizeOf(feed.dims) !== feed.data.length) throw complain(`${given} with ${feed.data.length} values`);
  const ranked = toRank(feed, declared.dims.length, batch);
  if (ranked === undefined) throw complain(given);
  const fits = declared.dims.every((dim, axis) => typeof dim === 'string' || dim === ranked.dims[axis]);
  if (!fits) throw complain(given);
  if (!Object.hasOwn(converters, declared.type))
    throw new Failure(
      'unsupported',
      `${model}: input "${declared.name}" has type ${declared.type}, which cannot be fed`,
    );
  const convert = converters[declared.type as keyof typeof converters];
  return { type: declared.type, data: convert(ranked, complain), dims: ranked.dims };
}

/** The feed at the declared rank, or undefined where no conversion keeps its meaning. */
function toRank(feed: Feed, rank: number, batch: number): Feed | undefined {
  if (feed.dims.length === rank) return feed;
  const first = feed.data[0];
  if (rank === 0 && feed.dims.length === 1) {
    const equal = feed.data.every((value: number | bigint) => value === first);
    return equal && feed.data.length > 0 ? { dims: [], data: feed.data.slice(0, 1) } : undefined;
  }
  if (rank === 1 && feed.dims.length === 0) {
    const data = feed.data instanceof BigInt64Array ? new BigInt64Array(batch) : new Float64Array(batch);
    if (data instanceof BigInt64Array) data.fill(BigInt(first ?? 0));
    else data.fill(Number(first));
    return { dims: [batch], data };
  }
  return undefined;
}

function wholeNumbers(feed: Feed, complain: (came: string) => Failure): ArrayLike<number> {
  if (feed.data instanceof BigInt64Array) return Array.from(feed.data, Number);
  const fraction = feed.data.find((value: number) => !Number.isInteger(value));
  if (fraction !== undefined) throw complain(`the value ${fraction}`);
  return feed.data;
}

function typeOf(feed: Feed): string {
  if (feed.data instanceof BigInt64Array) return 'int64';
  if (feed.data instanceof Int32Array) return 'int32';
  return feed.data instanceof Float32Array ? 'float32' : 'numbers';
}

/** "float32 [2, 4, height, width]", for messages. */
export function describe(type: string, dims: readonly (number | string)[]): string {
  return dims.length === 0 ? `${type} scalar` : `${type} [${dims.join(', ')}]`;
}
