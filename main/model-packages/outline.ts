import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { basename } from 'node:path';
import { Failure } from '../contract/failures.ts';

/** Embedded data of at least this many bytes stays in the file; shapes and axes are smaller. */
const leftFrom = 4096;

type Message = 'model' | 'graph' | 'function' | 'node' | 'attribute' | 'tensor';

/** The fields that lead to tensors, by their numbers in onnx.proto. */
const inside: Readonly<Record<Message, Readonly<Record<number, Message>>>> = {
  model: { 7: 'graph', 25: 'function' },
  graph: { 1: 'node', 5: 'tensor' },
  function: { 7: 'node', 11: 'attribute' },
  node: { 5: 'attribute' },
  attribute: { 5: 'tensor', 6: 'graph', 10: 'tensor', 11: 'graph' },
  tensor: {},
};
const rawData = 9;
const externalData = 13;
const dataLocation = 14;

/**
 * An ONNX file for `decode`, without reading its weights: embedded ones stand in it as external data, whose place is the
 * file itself. So a model of gigabytes opens as fast as its graph is small.
 *
 * @throws Failure `model-broken` for what is not ONNX
 */
export function readOutline(path: string): Uint8Array {
  const descriptor = openSync(path, 'r');
  try {
    const size = fstatSync(descriptor).size;
    const file = new FileReader(descriptor, size);
    return joined(outlineOf(file, size, 'model', basename(path)));
  } finally {
    closeSync(descriptor);
  }
}

/** One message up to `end`, its tensors' data left out. */
function outlineOf(file: FileReader, end: number, message: Message, location: string): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let left: Uint8Array[] = [];
  while (file.position < end) {
    const start = file.position;
    const tag = file.varint();
    const field = Math.floor(tag / 8);
    const length = file.lengthOf(tag % 8);
    const after = file.position + length;
    if (after > end) throw file.broken(`field no ${field} ends behind its message`);
    const next = tag % 8 === 2 ? inside[message][field] : undefined;
    if (next !== undefined) {
      const content = joined(outlineOf(file, after, next, location));
      parts.push(varint(tag), varint(content.length), content);
    } else if (message === 'tensor' && field === rawData && length >= leftFrom) {
      left = reference(location, file.position, length);
      file.position = after;
    } else {
      file.position = start;
      parts.push(file.bytes(after - start));
    }
  }
  // At the end, since the last of several values counts.
  return [...parts, ...left];
}

/** The fields that make a tensor external: where its data lies, `offset` and `length` in bytes. */
function reference(location: string, offset: number, length: number): Uint8Array[] {
  const entries = { location, offset: String(offset), length: String(length) };
  return [
    ...Object.entries(entries).flatMap(([key, value]) => {
      const entry = [...text(1, key), ...text(2, value)];
      return [varint(externalData * 8 + 2), varint(joined(entry).length), ...entry];
    }),
    varint(dataLocation * 8),
    varint(1),
  ];
}

function text(field: number, value: string): Uint8Array[] {
  const bytes = new TextEncoder().encode(value);
  return [varint(field * 8 + 2), varint(bytes.length), bytes];
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) + 128);
  return Uint8Array.from([...bytes, value]);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const pageBytes = 2 ** 16;

/** Protocol buffers' wire format, read from a file page by page. */
class FileReader {
  position = 0;
  readonly #descriptor: number;
  readonly #size: number;
  readonly #page = new Uint8Array(pageBytes);
  #pageStart = 0;
  #pageEnd = 0;

  constructor(descriptor: number, size: number) {
    this.#descriptor = descriptor;
    this.#size = size;
  }

  /** A whole number below 2^53; of larger ones (sign extensions among them) nothing here asks the value. */
  varint(): number {
    let value = 0;
    for (let place = 0; place < 10; place++) {
      const byte = this.#byte();
      value += (byte & 127) * 2 ** (7 * place);
      if (byte < 128) return value;
    }
    throw this.broken('a number of more than ten bytes');
  }

  /** Bytes that the value of a wire type takes from here on; the length in front of a string or message is read. */
  lengthOf(wireType: number): number {
    if (wireType === 0) {
      const start = this.position;
      this.varint();
      const length = this.position - start;
      this.position = start;
      return length;
    }
    if (wireType === 1) return 8;
    if (wireType === 2) return this.varint();
    if (wireType === 5) return 4;
    throw this.broken(`wire type ${wireType}`);
  }

  bytes(count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    const inPage = Math.min(count, this.#pageEnd - this.position);
    const fromPage = this.position >= this.#pageStart && inPage > 0 ? inPage : 0;
    bytes.set(this.#page.subarray(this.position - this.#pageStart, this.position - this.#pageStart + fromPage));
    this.#read(bytes.subarray(fromPage), this.position + fromPage);
    this.position += count;
    return bytes;
  }

  broken(reason: string): Failure {
    return new Failure('model-broken', `expected an ONNX model, got ${this.#size} bytes that do not parse: ${reason}`);
  }

  #byte(): number {
    if (this.position < this.#pageStart || this.position >= this.#pageEnd) {
      const page = this.#page.subarray(0, Math.min(pageBytes, this.#size - this.position));
      if (page.length === 0) throw this.broken('it ends within a field');
      this.#read(page, this.position);
      this.#pageStart = this.position;
      this.#pageEnd = this.position + page.length;
    }
    return this.#page[this.position++ - this.#pageStart] ?? 0;
  }

  #read(target: Uint8Array, from: number): void {
    for (let done = 0; done < target.length;) {
      const count = readSync(this.#descriptor, target, done, target.length - done, from + done);
      if (count === 0) throw this.broken('it ends within a field');
      done += count;
    }
  }
}
