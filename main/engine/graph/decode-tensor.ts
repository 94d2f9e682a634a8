import { Failure } from '../../contract/failures.ts';
import { byteLengthOf, elementTypeOf, type ElementType } from './element-type.ts';
import { TensorProto_DataLocation, type TensorProto } from './generated/onnx-ml_pb.js';
import type { Content, TensorConstant } from './model.ts';

const utf8 = new TextDecoder('utf-8');

/** A constant from the file; typed fields become bytes, raw bytes stay a view. Sizes that disagree are `model-broken`. */
export function decodeTensor(proto: TensorProto, rankLimit: number): TensorConstant {
  const where = `tensor "${proto.name}"`;
  const elementType = elementTypeOf(proto.dataType);
  if (elementType === undefined)
    throw new Failure('unsupported', `${where}: expected a known element type, got code ${proto.dataType}`);
  const dims = proto.dims.map(Number);
  if (dims.length > rankLimit || dims.some((dim) => !Number.isSafeInteger(dim) || dim < 0))
    throw new Failure('model-broken', `${where}: expected dims of a tensor, got [${dims.join(', ')}]`);
  const count = dims.reduce((size, dim) => size * dim, 1);
  if (!Number.isSafeInteger(count))
    throw new Failure('model-broken', `${where}: dims [${dims.join(', ')}] hold more elements than can be counted`);
  return { elementType, dims, content: contentOf(proto, elementType, count, where) };
}

function contentOf(proto: TensorProto, type: ElementType, count: number, where: string): Content {
  const expected = byteLengthOf(type, count);
  if (proto.dataLocation === TensorProto_DataLocation.EXTERNAL) return external(proto, expected, where);
  if (type === 'string') {
    if (proto.stringData.length !== count)
      throw new Failure('model-broken', `${where}: expected ${count} strings, got ${proto.stringData.length}`);
    return { kind: 'strings', strings: proto.stringData.map((text) => utf8.decode(text)) };
  }
  const bytes = proto.rawData.length > 0 ? proto.rawData : fromFields(proto, type, where);
  if (bytes.length !== expected)
    throw new Failure('model-broken', `${where}: expected ${expected} bytes, got ${bytes.length}`);
  return { kind: 'bytes', bytes };
}

function external(proto: TensorProto, expected: number, where: string): Content {
  const entries = new Map(proto.externalData.map(({ key, value }) => [key, value]));
  const location = entries.get('location');
  if (location === undefined) throw new Failure('model-broken', `${where}: external data without a location`);
  const offset = Number(entries.get('offset') ?? 0);
  const length = Number(entries.get('length') ?? expected);
  if (!Number.isSafeInteger(offset) || offset < 0 || length !== expected)
    throw new Failure(
      'model-broken',
      `${where}: expected ${expected} bytes in "${location}", got offset ${offset} and length ${length}`,
    );
  return { kind: 'external', location, offset, length };
}

/** The schema's typed fields: halves, small integers and booleans travel in int32_data, one element each. */
function fromFields(proto: TensorProto, type: ElementType, where: string): Uint8Array {
  const fields = proto.int32Data;
  switch (type) {
    case 'float32':
    case 'complex64':
      return bytesOf(Float32Array.from(proto.floatData));
    case 'float64':
    case 'complex128':
      return bytesOf(Float64Array.from(proto.doubleData));
    case 'int64':
      return bytesOf(BigInt64Array.from(proto.int64Data));
    case 'uint64':
      return bytesOf(BigUint64Array.from(proto.uint64Data));
    case 'uint32':
      return bytesOf(Uint32Array.from(proto.uint64Data, Number));
    case 'int32':
      return bytesOf(Int32Array.from(fields));
    case 'float16':
    case 'bfloat16':
    case 'uint16':
    case 'int16':
      return bytesOf(Uint16Array.from(fields));
    case 'uint8':
    case 'int8':
    case 'bool':
    case 'float8e4m3fn':
    case 'float8e4m3fnuz':
    case 'float8e5m2':
    case 'float8e5m2fnuz':
    case 'uint4':
    case 'int4':
    case 'float4e2m1':
      return Uint8Array.from(fields);
    case 'string':
      throw new Failure('model-broken', `${where}: expected strings`);
  }
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}
