import { statSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { Failure } from '../contract/failures.ts';
import { featureSet, type Features } from '../engine/features/features.ts';
import { fromHalves } from '../engine/graph/half.ts';
import type { Values } from '../engine/tensor/tensor.ts';
import { timeSlices } from '../library/time-slices.ts';

/** An array of a .npy file (NumPy's NEP 1): C order, widened to the nearest float type that holds every value. */
export interface NpyArray {
  readonly type: NpyType;
  readonly shape: readonly number[];
  readonly values: Values;
}

const magic = Buffer.from('\x93NUMPY', 'latin1');

/**
 * Element types that are read; all little-endian, as every machine is that Electron runs on. Whole arrays at a time: a view
 * of the bytes costs a third of reading number by number, and a reference set holds millions.
 */
const types = {
  '<f2': { size: 2, read: (bytes: ArrayBuffer): Values => fromHalves(new Uint16Array(bytes)) },
  '<f4': { size: 4, read: (bytes: ArrayBuffer): Values => new Float32Array(bytes) },
  '<f8': { size: 8, read: (bytes: ArrayBuffer): Values => new Float64Array(bytes) },
  '|u1': { size: 1, read: (bytes: ArrayBuffer): Values => new Float32Array(new Uint8Array(bytes)) },
  '|i1': { size: 1, read: (bytes: ArrayBuffer): Values => new Float32Array(new Int8Array(bytes)) },
  '<i2': { size: 2, read: (bytes: ArrayBuffer): Values => new Float32Array(new Int16Array(bytes)) },
  '<i4': { size: 4, read: (bytes: ArrayBuffer): Values => new Float64Array(new Int32Array(bytes)) },
  '<i8': { size: 8, read: (bytes: ArrayBuffer): Values => Float64Array.from(new BigInt64Array(bytes), Number) },
} as const;
export type NpyType = keyof typeof types;

/** Where the values of a file are and what they are. */
interface Located {
  readonly type: NpyType;
  readonly shape: readonly number[];
  readonly count: number;
  /** Their first byte. */
  readonly start: number;
}

/**
 * Parses a .npy file.
 *
 * @param where the file's name, for messages
 * @param allowed element types that are taken
 * @throws bad-input when it is not .npy, not little-endian, in Fortran order, or of another length than its shape says
 */
export function parseNpy(
  bytes: Uint8Array,
  where: string,
  allowed: readonly NpyType[] = Object.keys(types) as NpyType[],
): NpyArray {
  const located = locate(bytes, where, allowed);
  const { type, shape, count } = located;
  return { type, shape, values: valuesOf(bytes, located, 0, count) };
}

/** Values `from` to `to`. A copy: the values of a file need not begin where a view of their type may. */
function valuesOf(bytes: Uint8Array, { type, start }: Located, from: number, to: number): Values {
  const { size, read } = types[type];
  return read(Uint8Array.prototype.slice.call(bytes, start + from * size, start + to * size).buffer);
}

function locate(bytes: Uint8Array, where: string, allowed: readonly NpyType[]): Located {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const refuse = (message: string): Failure => new Failure('bad-input', `${where}: ${message}`, where);
  if (file.length < 10 || !file.subarray(0, 6).equals(magic))
    throw refuse('expected a .npy file (NumPy array), found other content');
  const version = file.readUInt8(6);
  if (version < 1 || version > 3) throw refuse(`expected .npy version 1 to 3, got ${version}`);
  const start = version === 1 ? 10 : 12;
  if (file.length < start) throw refuse('the header is cut off');
  const end = start + (version === 1 ? file.readUInt16LE(8) : file.readUInt32LE(8));
  if (file.length < end) throw refuse('the header is cut off');
  const { descr, fortran, shape } = parseHeader(file.toString('latin1', start, end), refuse);
  const type = allowed.find((one) => one === descr);
  if (type === undefined) {
    const listed = allowed.join(', ').replace(/, (?=[^,]*$)/, ' or ');
    throw refuse(`expected elements of ${listed} (little-endian), got ${descr}`);
  }
  if (fortran && shape.length > 1) throw refuse('expected C order, got Fortran order; save numpy.ascontiguousarray(x)');
  const count = shape.reduce((product, side) => product * side, 1);
  const { size } = types[type];
  if (file.length - end !== count * size)
    throw refuse(`expected ${count * size} bytes of values for shape (${shape.join(', ')}), got ${file.length - end}`);
  return { type, shape, count, start: end };
}

function parseHeader(header: string, refuse: (message: string) => Failure) {
  const descr = /'descr'\s*:\s*'([^']*)'/.exec(header)?.[1];
  const fortran = /'fortran_order'\s*:\s*(True|False)/.exec(header)?.[1];
  const shape = /'shape'\s*:\s*\(([\d\s,]*)\)/.exec(header)?.[1];
  if (descr === undefined || fortran === undefined || shape === undefined)
    throw refuse(`expected a header with descr, fortran_order and shape, got ${header.trim().slice(0, 120)}`);
  const sides = shape.split(',').flatMap((side) => (side.trim() === '' ? [] : [Number(side)]));
  return { descr, fortran: fortran === 'True', shape: sides };
}

/** Values read between two looks at whether others wait. */
const block = 65_536;

/**
 * Feature rows of a .npy file: float16, float32 or float64, two-dimensional, C order, every value finite. Others run in
 * between: a reference set has millions of values.
 *
 * @throws bad-input naming the file and what was wrong; not-found
 */
export async function readFeatures(path: string): Promise<Features> {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true)
    throw new Failure('bad-input', `${path}: expected a .npy file, got a folder`, path);
  const bytes = await readFile(path);
  const located = locate(bytes, path, ['<f2', '<f4', '<f8']);
  const { shape } = located;
  const [count, width] = shape;
  if (shape.length !== 2 || count === undefined || width === undefined)
    throw new Failure(
      'bad-input',
      `${path}: expected two dimensions (rows, features), got (${shape.join(', ')})`,
      path,
    );
  const values = located.type === '<f8' ? new Float64Array(located.count) : new Float32Array(located.count);
  const rest = timeSlices();
  for (let from = 0; from < located.count; from += block) {
    values.set(valuesOf(bytes, located, from, Math.min(from + block, located.count)), from);
    await rest();
  }
  return featureSet(values, count, width, path);
}

/** A .npy file of feature rows, float32 or float64 as they are held. */
export function npyBytes({ count, width, values }: Features): Uint8Array {
  const descr = values instanceof Float64Array ? '<f8' : '<f4';
  const head = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${count}, ${width}), }`;
  // The whole header is a multiple of 64 bytes and ends in a newline.
  const padded = head.padEnd(Math.ceil((head.length + 11) / 64) * 64 - 11, ' ') + '\n';
  const file = Buffer.alloc(10 + padded.length + values.byteLength);
  magic.copy(file);
  file.writeUInt8(1, 6);
  file.writeUInt16LE(padded.length, 8);
  file.write(padded, 10, 'latin1');
  const size = values.BYTES_PER_ELEMENT;
  values.forEach((value: number, i: number) => {
    if (size === 8) file.writeDoubleLE(value, 10 + padded.length + i * 8);
    else file.writeFloatLE(value, 10 + padded.length + i * 4);
  });
  return file;
}

export async function writeFeatures(path: string, features: Features): Promise<void> {
  await writeFile(path, npyBytes(features));
}
