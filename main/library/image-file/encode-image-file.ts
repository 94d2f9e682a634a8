import sharp from 'sharp';
import { Failure } from '../../contract/failures.ts';
import { imageRecordSchema, type ImageRecord } from '../../contract/images.ts';
import { parametersText } from './parameters-text.ts';
import { readPngChunks, textChunk, utf8TextChunk, writePngChunks, type PngChunk } from './png-chunks.ts';
import { xmpPacket } from './xmp.ts';

/** Interleaved 8-bit RGB, row by row: `data.length` is width × height × 3. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** Keyword of the complete record in our PNG files. */
export const recordKeyword = 'gamut';
/** Keyword that the XMP specification (part 3, PNG) gives. */
export const xmpKeyword = 'XML:com.adobe.xmp';

/**
 * A PNG file with everything needed to make the image again: `parameters` text, the complete record as JSON, XMP with
 * IPTC's digital source type. The same pixels and record give the same bytes: no clock, no machine in them.
 * Encoding runs off the calling thread.
 */
export async function encodeImageFile(pixels: Pixels, record: ImageRecord): Promise<Uint8Array> {
  checkPixels(pixels);
  if (record.width !== pixels.width || record.height !== pixels.height)
    throw new Failure(
      'internal',
      `expected pixels of the recorded size ${record.width}x${record.height}, got ${pixels.width}x${pixels.height}`,
    );
  const plain = await sharp(pixels.data, { raw: { width: pixels.width, height: pixels.height, channels: 3 } })
    .png({ compressionLevel: 6, adaptiveFiltering: true, palette: false })
    .toBuffer();
  return withMetadata(plain, record);
}

/** The same PNG file with its metadata replaced by the record's: nothing but texts and colour tags changes. */
export function withMetadata(png: Uint8Array, record: ImageRecord): Uint8Array {
  const chunks = readPngChunks(png);
  const kept = chunks.filter((chunk) => !['tEXt', 'zTXt', 'iTXt', 'tIME', 'eXIf'].includes(chunk.type));
  const tagged = kept.some((chunk) => ['sRGB', 'iCCP'].includes(chunk.type));
  const [header, ...rest] = kept;
  if (header === undefined) throw new Failure('internal', 'expected a PNG with IHDR');
  // Before IDAT: several readers stop looking once pixels begin.
  return writePngChunks([header, ...(tagged ? [] : [standardColours]), ...metadataChunks(record), ...rest]);
}

/** sRGB, perceptual intent. */
const standardColours: PngChunk = { type: 'sRGB', payload: Uint8Array.of(0) };

function metadataChunks(record: ImageRecord): PngChunk[] {
  const whole = imageRecordSchema.parse(record);
  return [
    textChunk('parameters', parametersText(whole)),
    utf8TextChunk(recordKeyword, JSON.stringify(whole)),
    utf8TextChunk(xmpKeyword, xmpPacket(whole, false)),
  ];
}

function checkPixels({ width, height, data }: Pixels): void {
  if (!Number.isInteger(width) || !Number.isInteger(height) || width < 1 || height < 1)
    throw new Failure('internal', `expected a size of positive integers, got ${width}x${height}`);
  if (data.length !== width * height * 3)
    throw new Failure(
      'internal',
      `expected ${width * height * 3} bytes of RGB for ${width}x${height}, got ${data.length}`,
    );
}
