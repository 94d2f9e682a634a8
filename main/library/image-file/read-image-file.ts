import sharp from 'sharp';
import { Failure } from '../../contract/failures.ts';
import { imageRecordSchema, type ImageRecord } from '../../contract/images.ts';
import type { ForeignSettings } from '../../contract/library.ts';
import { foreignSettings } from '../foreign/foreign-settings.ts';
import { recordKeyword, xmpKeyword, type Pixels } from './encode-image-file.ts';
import { userCommentOf } from './exif.ts';
import { isPng, pngSize, readPngChunks, readPngTexts } from './png-chunks.ts';
import { recordTextInXmp } from './xmp.ts';

/** Largest picture that is decoded at all: 16384 × 8192 and the like; a bomb claims more. */
export const mostPixels = 1 << 27;
/** Largest file that is read into memory. */
export const mostFileBytes = 512 << 20;

export interface ImageFile {
  readonly format: 'png' | 'jpeg' | 'webp';
  readonly width: number;
  readonly height: number;
  /** Decodes to interleaved 8-bit RGB, transparency over white; decodes anew on every call. */
  readonly pixels: () => Promise<Pixels>;
  /** Our own record, complete and valid; null in a file that has none. */
  readonly record: ImageRecord | null;
  /** Settings that another program left, as far as they map; null where there are none, or ours are there. */
  readonly foreign: ForeignSettings | null;
}

/**
 * Reads a PNG, JPEG or WebP file with whatever settings it carries. Nothing of it is trusted: sizes, checksums, text
 * lengths and the record's schema are checked, and pixels are decoded only on request.
 * @throws Failure bad-input for anything that is not a whole image file.
 */
export async function readImageFile(bytes: Uint8Array): Promise<ImageFile> {
  if (bytes.length === 0) throw new Failure('bad-input', 'expected an image file, got an empty one');
  if (bytes.length > mostFileBytes)
    throw new Failure(
      'bad-input',
      `expected an image of at most ${mostFileBytes >> 20} MiB, got ${bytes.length} bytes`,
    );
  const { format, width, height, texts } = isPng(bytes) ? pngTexts(bytes) : await otherTexts(bytes);
  if (width * height > mostPixels)
    throw new Failure('bad-input', `expected at most ${mostPixels} pixels, the file claims ${width}x${height}`);
  const record = recordOf(texts);
  return {
    format,
    width,
    height,
    pixels: () => decodePixels(bytes, width, height),
    record,
    foreign: record === null ? foreignSettings(texts) : null,
  };
}

interface Texts {
  readonly format: ImageFile['format'];
  readonly width: number;
  readonly height: number;
  readonly texts: ReadonlyMap<string, string>;
}

function pngTexts(bytes: Uint8Array): Texts {
  const chunks = readPngChunks(bytes);
  return { format: 'png', ...pngSize(chunks), texts: readPngTexts(chunks) };
}

/** JPEG and WebP: the `parameters` text is EXIF's UserComment, the record is in XMP. */
async function otherTexts(bytes: Uint8Array): Promise<Texts> {
  const metadata = await sharp(bytes, { limitInputPixels: mostPixels })
    .metadata()
    .catch((error: unknown) => {
      throw notAnImage(error);
    });
  if (metadata.format !== 'jpeg' && metadata.format !== 'webp')
    throw new Failure('bad-input', `expected a PNG, JPEG or WebP file, got ${metadata.format}`);
  const texts = new Map<string, string>();
  if (metadata.xmp !== undefined) texts.set(xmpKeyword, metadata.xmp.toString('utf8'));
  const comment = metadata.exif === undefined ? null : userCommentOf(metadata.exif);
  if (comment !== null) texts.set(comment.trimStart().startsWith('{') ? 'prompt' : 'parameters', comment);
  return { format: metadata.format, width: metadata.width, height: metadata.height, texts };
}

/** The record in the `gamut` text, or in XMP; a damaged one is an error, since it claims to be ours. */
function recordOf(texts: ReadonlyMap<string, string>): ImageRecord | null {
  const xmp = texts.get(xmpKeyword);
  const text = texts.get(recordKeyword) ?? (xmp === undefined ? null : recordTextInXmp(xmp));
  if (text === null) return null;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new Failure('bad-input', "expected JSON in the file's Gamut record, got other text", recordKeyword, {
      cause: error,
    });
  }
  const parsed = imageRecordSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new Failure(
    'bad-input',
    `the file's Gamut record is not one: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`,
    recordKeyword,
  );
}

async function decodePixels(bytes: Uint8Array, width: number, height: number): Promise<Pixels> {
  const { data, info } = await sharp(bytes, { limitInputPixels: mostPixels, failOn: 'error' })
    .flatten({ background: '#ffffff' })
    .toColourspace('srgb')
    .removeAlpha()
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
    .catch((error: unknown) => {
      throw notAnImage(error);
    });
  if (info.width !== width || info.height !== height || info.channels !== 3)
    throw new Failure(
      'bad-input',
      `expected ${width}x${height} RGB, decoded ${info.width}x${info.height} in ${info.channels} channels`,
    );
  return { width, height, data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
}

function notAnImage(error: unknown): Failure {
  const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
  return new Failure('bad-input', `expected a readable PNG, JPEG or WebP file: ${reason}`, undefined, { cause: error });
}
