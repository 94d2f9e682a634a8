import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure, toFailure } from '../contract/failures.ts';
import { featureSet, type Features } from '../engine/features/features.ts';
import type { PictureFeatures } from '../library/appearance.ts';
import type { FeatureEncoder } from '../model-packages/feature-encoder.ts';
import type { EngineProcess } from './engine-process.ts';
import { FeatureCache, type PictureVectors } from './feature-cache.ts';
import { preprocessImage, sizedPicture, type PictureSource, type SizedPicture } from './preprocess-image.ts';

/** Pictures a call of the encoder takes. */
const batchSize = 16;

/** Output names a vector is asked from; `features` stands for a foreign encoder's only output. */
function outputsOf(encoder: FeatureEncoder): readonly string[] {
  const named = [encoder.featureOutput, encoder.embeddingOutput, ...encoder.attributes.map(({ output }) => output)];
  return [...new Set(named.filter((name) => name !== null))];
}

/** The name under which a picture's features are found in its vectors. */
export function featureName(encoder: FeatureEncoder): string {
  return encoder.featureOutput ?? 'features';
}

/**
 * Vectors of pictures, in their order, in batches; cached by content where a cache is given.
 *
 * @throws bad-input when a picture cannot be decoded
 */
export async function encodePictures(
  engine: EngineProcess,
  encoder: FeatureEncoder,
  pictures: readonly PictureSource[],
  options: { readonly cache?: FeatureCache; readonly signal?: AbortSignal } = {},
): Promise<PictureVectors[]> {
  const { cache, signal } = options;
  const names = encoder.featureOutput === null ? ['features'] : outputsOf(encoder);
  const found: PictureVectors[] = [];
  for (let from = 0; from < pictures.length; from += batchSize) {
    const part = pictures.slice(from, from + batchSize);
    const keys = part.map((picture) => (cache === undefined ? '' : FeatureCache.keyOf(contentOf(picture))));
    const known = await Promise.all(keys.map((key) => cache?.get(key, names) ?? null));
    const missing = part.flatMap((picture, at) => (known[at] == null ? [{ picture, at }] : []));
    const sized = await Promise.all(missing.map(({ picture }) => sizedPicture(picture, encoder.preprocessing)));
    const vectors = missing.length === 0 ? [] : await encodeBatch(engine, encoder, sized, signal);
    for (const [i, { at }] of missing.entries()) {
      known[at] = vectors[i] as PictureVectors;
      await cache?.set(keys[at] as string, known[at]);
    }
    found.push(...known.filter((entry) => entry !== null));
  }
  return found;
}

function contentOf(picture: PictureSource): Uint8Array {
  return picture.kind === 'encoded' ? picture.bytes : picture.pixels;
}

async function encodeBatch(
  engine: EngineProcess,
  encoder: FeatureEncoder,
  pictures: readonly SizedPicture[],
  signal: AbortSignal | undefined,
): Promise<PictureVectors[]> {
  const [first] = pictures;
  if (first === undefined) return [];
  const { width, height } = first;
  if (pictures.some((picture) => picture.width !== width || picture.height !== height))
    throw new Failure(
      'bad-input',
      `${encoder.label}: pictures of one batch differ in size; the encoder's preprocessing sets none`,
    );
  const pixels = new Uint8Array(Buffer.concat(pictures.map((picture) => picture.pixels)));
  const batch = { count: pictures.length, width, height, pixels };
  const { rescaleFactor, mean, deviation } = encoder.preprocessing;
  const input = { name: 'pixel_values', pictures: batch, normalisation: { rescaleFactor, mean, deviation } };
  const outputs = encoder.featureOutput === null ? null : outputsOf(encoder);
  const encoded = await engine.answer('encode', { model: encoder.imageModel, input, outputs }, signal);
  return pictures.map((_, row) =>
    Object.fromEntries(
      Object.entries(encoded.outputs).map(([name, { width, values }]) => [
        outputs === null ? 'features' : name,
        values.slice(row * width, (row + 1) * width),
      ]),
    ),
  );
}

/** Embeddings of texts by the encoder's text half. */
export async function encodeTexts(
  engine: EngineProcess,
  encoder: FeatureEncoder,
  texts: readonly string[],
  signal?: AbortSignal,
): Promise<Features> {
  if (encoder.text === null) throw new Failure('unsupported', `${encoder.label}: no text encoder comes with it`);
  const { model, output, read } = encoder.text;
  const rows = texts.map((text) => read(text).windows[0] ?? []);
  const length = rows[0]?.length ?? 0;
  const feed = { dims: [rows.length, length], data: rows.flat() };
  const input = { name: 'input_ids', feed };
  const found = (await engine.answer('encode', { model, input, outputs: [output] }, signal)).outputs[output];
  if (found === undefined) throw new Failure('internal', `${encoder.label}: the engine gave no output '${output}'`);
  return featureSet(found.values, texts.length, found.width, 'text embeddings');
}

/** One output of many pictures as a feature set. */
export function featuresOf(vectors: readonly PictureVectors[], name: string, what: string): Features {
  const width = vectors[0]?.[name]?.length ?? 0;
  const values = new Float32Array(vectors.length * width);
  vectors.forEach((vector, row) => {
    values.set(vector[name] ?? [], row * width);
  });
  return featureSet(values, vectors.length, width, what);
}

/**
 * The output that tells how like a picture is to another: the embedding that is compared with text, where there is one,
 * because it says what is shown. Features made to see defects put a JPEG copy further away than another vase.
 */
function likenessOutput(encoder: FeatureEncoder): string {
  return encoder.embeddingOutput ?? featureName(encoder);
}

/** The name that the library keeps an encoder's features under. */
export function likenessEncoder(encoder: FeatureEncoder): string {
  return `${encoder.fingerprint}:${likenessOutput(encoder)}`;
}

/** What of a picture's vectors the library judges likeness by. */
export function likenessFeatures(vectors: PictureVectors, encoder: FeatureEncoder): PictureFeatures {
  const output = likenessOutput(encoder);
  const values = vectors[output];
  if (values === undefined) throw new Failure('internal', `${encoder.label}: the engine gave no output '${output}'`);
  return { encoder: likenessEncoder(encoder), values };
}

/** A folder's pictures that could be read, and those that could not, by name. */
export interface EncodedFolder {
  readonly files: readonly string[];
  readonly vectors: readonly PictureVectors[];
  readonly skipped: readonly { readonly file: string; readonly reason: string }[];
}

/** PNG, JPEG and WebP files of a folder (not of folders within), by name; a batch's own contact sheet is no picture. */
export async function picturesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const found = entries
    .filter((entry) => !entry.isDirectory() && /\.(png|jpe?g|webp)$/i.test(entry.name))
    .map(({ name }) => name)
    .filter((name) => !/^contact-sheet\./i.test(name))
    .sort();
  if (found.length === 0)
    throw new Failure('bad-input', `${folder}: expected PNG, JPEG or WebP pictures, found none`, folder);
  return found.map((name) => join(folder, name));
}

/**
 * Encodes a folder of pictures. A corrupt one, and one without finite features, is named, skipped and counted.
 *
 * @throws bad-input when no picture of the folder can be read
 */
export async function encodeFolder(
  engine: EngineProcess,
  encoder: FeatureEncoder,
  folder: string,
  options: {
    readonly cache?: FeatureCache;
    readonly signal?: AbortSignal;
    readonly onProgress?: (done: number, all: number) => void;
  } = {},
): Promise<EncodedFolder> {
  const all = await picturesIn(folder);
  const files: string[] = [];
  const vectors: PictureVectors[] = [];
  const skipped: { file: string; reason: string }[] = [];
  for (let from = 0; from < all.length; from += batchSize) {
    const part = all.slice(from, from + batchSize);
    const pictures = await Promise.all(part.map(readPicture));
    const good: { readonly file: string; readonly picture: PictureSource }[] = [];
    pictures.forEach((picture, at) => {
      const file = part[at] as string;
      if (picture.kind === 'broken') skipped.push({ file, reason: picture.reason });
      else good.push({ file, picture });
    });
    const encoded = await encodePictures(
      engine,
      encoder,
      good.map(({ picture }) => picture),
      options,
    );
    // An encoder may divide by a picture's contrast: one of a single colour must not spoil the folder.
    good.forEach(({ file }, at) => {
      const vector = encoded[at] as PictureVectors;
      if (areFinite(vector)) {
        files.push(file);
        vectors.push(vector);
      } else skipped.push({ file, reason: 'its features are not finite numbers' });
    });
    options.onProgress?.(from + part.length, all.length);
  }
  if (files.length === 0)
    throw new Failure(
      'bad-input',
      `${folder}: none of ${all.length} pictures could be read; the first: ${skipped[0]?.reason}`,
      folder,
    );
  return { files, vectors, skipped };
}

function areFinite(vector: PictureVectors): boolean {
  return Object.values(vector).every((values) => values.every(Number.isFinite));
}

/** Decodes once to find out whether a file is a whole picture. */
async function readPicture(
  file: string,
): Promise<PictureSource | { readonly kind: 'broken'; readonly reason: string }> {
  const whole = {
    resize: null,
    resample: 'nearest',
    centreCrop: null,
    rescaleFactor: 1,
    mean: [0, 0, 0],
    deviation: [1, 1, 1],
  } as const;
  try {
    const bytes = await readFile(file);
    await preprocessImage({ kind: 'encoded', bytes }, whole);
    return { kind: 'encoded', bytes };
  } catch (error) {
    // libvips loses its message at times, where several files fail at once.
    const [line = ''] = toFailure(error).message.split('\n');
    return { kind: 'broken', reason: line === '' || line === 'Unknown error' ? 'cannot be decoded' : line };
  }
}
