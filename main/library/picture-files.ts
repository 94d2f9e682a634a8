import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import sharp from 'sharp';
import { Failure, toFailure } from '../contract/failures.ts';
import { foreignSettingsSchema, type ImageDetail } from '../contract/library.ts';
import { imageRecordSchema } from '../contract/images.ts';
import { makeFolder, statOrNull, writeFileAtomically } from './files.ts';
import { mostPixels } from './image-file/read-image-file.ts';
import { imageSummaries, keysOf } from './image-rows.ts';
import type { Library } from './library.ts';
import { thumbnailPath, thumbnailSide } from './thumbnail-path.ts';
import { imagePath } from './trash.ts';

export interface PictureFile {
  readonly path: string;
  readonly mediaType: 'image/png' | 'image/jpeg' | 'image/webp';
}

/** The file of an image, wherever it is while it moves. @throws Failure not-found when there is no such image or file. */
export async function pictureFile(library: Library, id: string): Promise<PictureFile> {
  const [key = -1] = keysOf(library, [id]);
  const row = library.database.get('SELECT batch, file, deleted FROM images WHERE key = ?', key) ?? {};
  const [batch, file] = [String(row['batch']), String(row['file'])];
  const mediaType = file.endsWith('.png') ? 'image/png' : file.endsWith('.jpg') ? 'image/jpeg' : 'image/webp';
  for (const deleted of [row['deleted'] === 1, row['deleted'] !== 1]) {
    const path = imagePath(library, batch, file, deleted);
    if ((await statOrNull(path)) !== null) return { path, mediaType };
  }
  throw new Failure('not-found', `the file of image '${id}' is gone; 'gamut library verify' tells more`, id);
}

/** Bytes of an image's file. @throws Failure not-found */
export async function pictureBytes(library: Library, id: string): Promise<Uint8Array<ArrayBuffer>> {
  const { path } = await pictureFile(library, id);
  return Uint8Array.from(await readFile(path));
}

/** A small WebP of an image, made once and kept in the cache. Small images are given enlarged by nobody: as they are. */
export async function thumbnail(library: Library, id: string): Promise<Uint8Array<ArrayBuffer>> {
  const [key = -1] = keysOf(library, [id]);
  const row = library.database.get('SELECT pixel_hash FROM images WHERE key = ?', key) ?? {};
  const path = thumbnailPath(library.folders, String(row['pixel_hash']));
  if ((await statOrNull(path)) !== null) return Uint8Array.from(await readFile(path));
  const bytes = await sharp(await pictureBytes(library, id), { limitInputPixels: mostPixels })
    .resize(thumbnailSide, thumbnailSide, { fit: 'inside', withoutEnlargement: true })
    .webp({ quality: 86 })
    .toBuffer();
  await makeFolder(dirname(path)).catch((error: unknown) => {
    throw toFailure(error);
  });
  await writeFileAtomically(path, bytes);
  return Uint8Array.from(bytes);
}

/** Everything known about one image. @throws Failure not-found */
export function imageDetail(library: Library, id: string): ImageDetail {
  const [summary] = imageSummaries(library, [id]);
  const row = library.database.get(
    `SELECT key, file, file_bytes, record, foreign_settings FROM images JOIN image_records ON image = key WHERE id = ?`,
    id,
  );
  if (summary === undefined || row === undefined) throw new Failure('not-found', `there is no image '${id}'`, id);
  const json = (name: string): unknown => (row[name] == null ? null : (JSON.parse(String(row[name])) as unknown));
  const collections = library.database.all(
    'SELECT collection FROM collection_images WHERE image = ? ORDER BY collection',
    Number(row['key']),
  );
  return {
    summary,
    record: imageRecordSchema.nullable().parse(json('record')),
    foreign: foreignSettingsSchema.nullable().parse(json('foreign_settings')),
    collections: collections.map((each) => String(each['collection'])),
    fileName: String(row['file']),
    fileBytes: Number(row['file_bytes']),
  };
}
