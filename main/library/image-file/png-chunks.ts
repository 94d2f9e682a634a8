import { crc32, inflateSync } from 'node:zlib';
import { Failure } from '../../contract/failures.ts';

/** One chunk of a PNG file: its four-letter type and its payload (a view, not a copy). */
export interface PngChunk {
  readonly type: string;
  readonly payload: Uint8Array;
}

const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
/** Real files have a few hundred; a million empty chunks are an attack on whoever lists them. */
const mostChunks = 100_000;
/** Bytes of one text and of all texts, decompressed: the largest ComfyUI graphs seen are a few hundred kB. */
const longestText = 8 << 20;
const longestTexts = 32 << 20;

/** Whether bytes begin like a PNG file. */
export function isPng(bytes: Uint8Array): boolean {
  return bytes.length >= signature.length && signature.every((byte, i) => bytes[i] === byte);
}

function broken(message: string): Failure {
  return new Failure('bad-input', `PNG: ${message}`);
}

/**
 * Splits a PNG file into its chunks and checks every length and every CRC (PNG specification §5).
 * @throws Failure bad-input naming the chunk and its offset.
 */
export function readPngChunks(bytes: Uint8Array): PngChunk[] {
  if (!isPng(bytes)) throw broken('expected the PNG signature, got other bytes');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const chunks: PngChunk[] = [];
  let offset = signature.length;
  for (;;) {
    if (offset + 12 > bytes.length) throw broken(`cut off at byte ${offset}: expected a chunk, IEND was not seen`);
    const length = view.getUint32(offset);
    const type = String.fromCharCode(...bytes.subarray(offset + 4, offset + 8));
    if (!/^[A-Za-z]{4}$/.test(type)) throw broken(`expected a chunk type of four letters at byte ${offset + 4}`);
    if (length > bytes.length - offset - 12)
      throw broken(`chunk ${type} at byte ${offset} claims ${length} bytes, ${bytes.length - offset - 12} are left`);
    const payload = bytes.subarray(offset + 8, offset + 8 + length);
    const expected = view.getUint32(offset + 8 + length);
    const actual = crc32(bytes.subarray(offset + 4, offset + 8 + length));
    if (actual !== expected) throw broken(`chunk ${type} at byte ${offset} fails its checksum: the file is damaged`);
    chunks.push({ type, payload });
    if (chunks.length > mostChunks) throw broken(`more than ${mostChunks} chunks`);
    if (type === 'IEND') break;
    offset += 12 + length;
  }
  if (chunks[0]?.type !== 'IHDR' || chunks[0].payload.length !== 13) throw broken('expected IHDR as the first chunk');
  return chunks;
}

/** Width and height from the first chunk. */
export function pngSize(chunks: readonly PngChunk[]): { readonly width: number; readonly height: number } {
  const header = chunks[0];
  if (header?.type !== 'IHDR') throw broken('expected IHDR as the first chunk');
  const view = new DataView(header.payload.buffer, header.payload.byteOffset, header.payload.byteLength);
  const width = view.getUint32(0);
  const height = view.getUint32(4);
  if (width === 0 || height === 0) throw broken(`expected a positive size, got ${width}x${height}`);
  return { width, height };
}

/** Puts chunks together again, with fresh checksums. */
export function writePngChunks(chunks: readonly PngChunk[]): Uint8Array {
  const size = chunks.reduce((sum, chunk) => sum + 12 + chunk.payload.length, signature.length);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  bytes.set(signature);
  let offset = signature.length;
  for (const { type, payload } of chunks) {
    view.setUint32(offset, payload.length);
    bytes.set(Buffer.from(type, 'latin1'), offset + 4);
    bytes.set(payload, offset + 8);
    view.setUint32(offset + 8 + payload.length, crc32(bytes.subarray(offset + 4, offset + 8 + payload.length)));
    offset += 12 + payload.length;
  }
  return bytes;
}

/**
 * A text under a keyword: tEXt where Latin-1 holds it (what most readers look for), else iTXt in UTF-8.
 * NUL ends a keyword in the format, so a text may not hold one.
 */
export function textChunk(keyword: string, text: string): PngChunk {
  if (!/^[\x21-\x7e](?:[\x20-\x7e]{0,77}[\x21-\x7e])?$/.test(keyword))
    throw broken(`expected a keyword of 1 to 79 printable characters, got ${JSON.stringify(keyword)}`);
  const safe = text.toWellFormed().replaceAll('\0', '\ufffd');
  // eslint-disable-next-line no-control-regex -- the format's own set: Latin-1 without NUL
  const latin = /^[\x01-\x7f\xa0-\xff]*$/.test(safe);
  if (latin) return { type: 'tEXt', payload: Buffer.from(`${keyword}\0${safe}`, 'latin1') };
  return utf8TextChunk(keyword, safe);
}

/** An iTXt chunk, uncompressed, without language: what XMP and JSON go into. */
export function utf8TextChunk(keyword: string, text: string): PngChunk {
  return {
    type: 'iTXt',
    payload: Buffer.from(`${keyword}\0\0\0\0\0${text.toWellFormed().replaceAll('\0', '\ufffd')}`),
  };
}

/** Every text of a file by keyword; where a keyword occurs twice the first one counts. */
export function readPngTexts(chunks: readonly PngChunk[]): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  let total = 0;
  for (const chunk of chunks) {
    const text = readText(chunk);
    if (text === undefined) continue;
    total += text.value.length;
    if (total > longestTexts) throw broken(`its texts hold more than ${longestTexts >> 20} MiB`);
    if (!texts.has(text.keyword)) texts.set(text.keyword, text.value);
  }
  return texts;
}

function readText({ type, payload }: PngChunk): { readonly keyword: string; readonly value: string } | undefined {
  if (type !== 'tEXt' && type !== 'zTXt' && type !== 'iTXt') return undefined;
  const end = payload.indexOf(0);
  if (end < 1 || end > 79) throw broken(`a ${type} chunk has no keyword of 1 to 79 bytes`);
  const keyword = Buffer.from(payload.subarray(0, end)).toString('latin1');
  let rest = payload.subarray(end + 1);
  let compressed = type === 'zTXt';
  if (compressed) rest = rest.subarray(1);
  if (type === 'iTXt') {
    compressed = rest[0] === 1;
    const language = rest.indexOf(0, 2);
    const translated = language < 0 ? -1 : rest.indexOf(0, language + 1);
    if (translated < 0) throw broken(`the iTXt chunk ${keyword} is cut off`);
    rest = rest.subarray(translated + 1);
  }
  const raw = compressed ? inflate(rest, keyword) : rest;
  if (raw.length > longestText) throw broken(`the text ${keyword} is longer than ${longestText >> 20} MiB`);
  // sharp writes UTF-8 into zTXt although the format says Latin-1: take UTF-8 wherever it is valid.
  return { keyword, value: type === 'iTXt' ? decodeUtf8(raw, keyword) : decodeLoosely(raw, type) };
}

function inflate(bytes: Uint8Array, keyword: string): Uint8Array {
  try {
    return inflateSync(bytes, { maxOutputLength: longestText });
  } catch (error) {
    throw new Failure(
      'bad-input',
      `PNG: the compressed text ${keyword} is damaged or longer than ${longestText >> 20} MiB`,
      undefined,
      { cause: error },
    );
  }
}

function decodeUtf8(bytes: Uint8Array, keyword: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new Failure('bad-input', `PNG: the text ${keyword} is not valid UTF-8`, undefined, { cause: error });
  }
}

function decodeLoosely(bytes: Uint8Array, type: 'tEXt' | 'zTXt'): string {
  const latin = Buffer.from(bytes).toString('latin1');
  if (type === 'tEXt') return latin;
  const utf8 = new TextDecoder('utf-8').decode(bytes);
  return utf8.includes('\ufffd') ? latin : utf8;
}
