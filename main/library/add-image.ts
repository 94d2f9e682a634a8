import { createHash } from 'node:crypto';
import { join } from 'node:path';
import sharp from 'sharp';
import { samplerOf, type ImageRecord } from '../contract/images.ts';
import type { ForeignSettings, ImageSummary } from '../contract/library.ts';
import { featureBytes, type PictureFeatures } from './appearance.ts';
import { beginArriving } from './batches.ts';
import type { Database } from './database.ts';
import { writeFileAtomically } from './files.ts';
import { encodeImageFile, type Pixels } from './image-file/encode-image-file.ts';
import { imageSummaries } from './image-rows.ts';
import type { Library } from './library.ts';
import { lookOf } from './look.ts';
import { indexWords } from './words.ts';

/** Id of an image: its batch and its place there, so that a rebuilt library has the same ids. */
export function imageIdOf(batch: string, position: number): string {
  return `${batch}-${padded(position)}`;
}

export function imageFileName(position: number, format: 'png' | 'jpeg' | 'webp'): string {
  return `${padded(position)}.${format === 'jpeg' ? 'jpg' : format}`;
}

/** The place in a file name of ours; null for any other file. */
export function positionOfFile(file: string): number | null {
  const found = /^(\d{5,9})\.(png|jpg|webp)$/.exec(file);
  return found === null ? null : Number(found[1]);
}

function padded(position: number): string {
  return String(position).padStart(5, '0');
}

/** Identity of a picture whatever its file says: the pixels decide. */
export function pixelHashOf(pixels: Pixels): string {
  return createHash('sha256')
    .update(`${pixels.width}x${pixels.height}:`)
    .update(pixels.data)
    .digest('hex')
    .slice(0, 32);
}

export interface StoreOptions {
  /** A candidate that is not one of the batch's images: reweighting refused it, or enough were there. */
  readonly rejected?: boolean;
  /** The picture as an encoder saw it, where one did: likeness is judged by it. */
  readonly features?: PictureFeatures | null;
}

/**
 * Keeps a generated image: its file first, whole under its name, then its row. Storing the same image again (a job that
 * goes on after a kill) replaces what is there and leaves marks alone. The batch counts as arriving until `endArriving`
 * says that it is done.
 */
export async function storeImage(
  library: Library,
  pixels: Pixels,
  record: ImageRecord,
  { rejected = record.reweighting?.accepted === false, features = null }: StoreOptions = {},
): Promise<ImageSummary> {
  const file = imageFileName(record.index, 'png');
  const [bytes, look] = await Promise.all([encodeImageFile(pixels, record), lookOfPixels(pixels)]);
  // Before the file: a kill between file and row leaves a folder that the next opening looks through.
  await beginArriving(library, record.batch);
  await writeFileAtomically(join(library.folders.images, record.batch, file), bytes);
  // The row need not be on the disk: the file is, and a batch that is arriving is looked through at the next opening.
  insertImage(library, {
    batch: record.batch,
    position: record.index,
    file,
    fileBytes: bytes.length,
    origin: 'generated',
    createdAt: record.createdAt,
    width: pixels.width,
    height: pixels.height,
    record,
    foreign: null,
    pixelHash: pixelHashOf(pixels),
    look,
    features,
    rejected,
  });
  const [summary] = imageSummaries(library, [imageIdOf(record.batch, record.index)]);
  return summary as ImageSummary; // imageSummaries gives one for each id or throws
}

export async function lookOfPixels({ width, height, data }: Pixels): Promise<Uint8Array> {
  return lookOf(sharp(data, { raw: { width, height, channels: 3 } }));
}

export interface NewImage {
  readonly batch: string;
  readonly position: number;
  readonly file: string;
  readonly fileBytes: number;
  readonly origin: 'generated' | 'imported';
  readonly createdAt: string;
  readonly width: number;
  readonly height: number;
  readonly record: ImageRecord | null;
  readonly foreign: ForeignSettings | null;
  readonly pixelHash: string;
  readonly look: Uint8Array;
  /** Not in the file: a library rebuilt from its files has none, and goes by looks until they are computed again. */
  readonly features: PictureFeatures | null;
  readonly rejected: boolean;
}

/** Puts an image's row, record and words into the tables, in one transaction. Its file is there already. */
export function insertImage(library: Library, image: NewImage): void {
  const { database } = library;
  database.transaction(() => {
    const key = upsertRow(database, image);
    database.run(
      `INSERT INTO image_records (image, record, foreign_settings, look, feature_encoder, features)
       VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (image) DO UPDATE SET record = excluded.record, foreign_settings = excluded.foreign_settings,
         look = excluded.look, feature_encoder = excluded.feature_encoder, features = excluded.features`,
      key,
      image.record === null ? null : JSON.stringify(image.record),
      image.foreign === null ? null : JSON.stringify(image.foreign),
      image.look,
      image.features?.encoder ?? null,
      image.features === null ? null : featureBytes(image.features),
    );
    indexWords(library, key);
    // A rejected candidate is a mark too: the file alone does not say enough.
    if (image.rejected) library.sidecars.behind([image.batch]);
  });
}

function upsertRow(database: Database, image: NewImage): number {
  const { record } = image;
  const settings = record?.settings ?? image.foreign?.settings;
  const scores = record?.scores;
  const columns = {
    file: image.file,
    file_bytes: image.fileBytes,
    origin: image.origin,
    created_at: image.createdAt,
    width: image.width,
    height: image.height,
    seed: settings?.seed ?? null,
    step_count: settings?.stepCount ?? null,
    sampler: (record === null ? settings?.sampler : samplerOf(record)) ?? null,
    guidance_scale: settings?.guidanceScale ?? null,
    dial: settings?.dial ?? null,
    pseudo_density: scores?.pseudoDensity ?? null,
    density_percentile: scores?.densityPercentile ?? null,
    text_image_score: scores?.textImageScore ?? null,
    class_probability: scores?.classProbability ?? null,
    model: record?.model.id ?? image.foreign?.model ?? '',
    pixel_hash: image.pixelHash,
    prompt: settings?.prompt ?? '',
  };
  const names = Object.keys(columns);
  database.run(
    `INSERT INTO images (id, batch, position, rejected, ${names.join(', ')})
     VALUES (?, ?, ?, ?, ${names.map(() => '?').join(', ')})
     ON CONFLICT (id) DO UPDATE SET ${names.map((name) => `${name} = excluded.${name}`).join(', ')}`,
    imageIdOf(image.batch, image.position),
    image.batch,
    image.position,
    image.rejected ? 1 : 0,
    ...Object.values(columns),
  );
  const key = database.get('SELECT key FROM images WHERE id = ?', imageIdOf(image.batch, image.position))?.['key'];
  return Number(key);
}
