import { featureBytes, type PictureFeatures } from './appearance.ts';
import type { Library } from './library.ts';
import { timeSlices } from './time-slices.ts';

/** Rows looked at at once. */
const readAtOnce = 500;

/** A stored picture, as far as it takes to find its file and to know it again. */
export interface StoredPicture {
  readonly key: number;
  readonly id: string;
  readonly width: number;
  readonly height: number;
  readonly pixelHash: string;
}

/** A stored picture as an encoder sees it. */
export interface SeenPicture {
  readonly picture: StoredPicture;
  readonly features: PictureFeatures;
}

/**
 * Keys of the images without features of an encoder (`PictureFeatures.encoder`), newest first; those in the trash are left
 * out. A slice of time at a time.
 *
 * @param batch the images of one batch; null: the whole library
 */
export async function keysWithoutFeatures(
  library: Library,
  encoder: string,
  batch: string | null,
  signal?: AbortSignal,
): Promise<number[]> {
  const pause = timeSlices();
  const { from, to } = keyRange(library, batch);
  const keys: number[] = [];
  for (let last = to; last >= from; last -= readAtOnce) {
    await pause();
    signal?.throwIfAborted();
    const rows = library.database.all(
      `SELECT image FROM image_records CROSS JOIN images ON key = image
       WHERE image > ? AND image <= ? AND feature_encoder IS NOT ? AND deleted = 0 AND batch = ifnull(?, batch)
       ORDER BY image DESC`,
      last - readAtOnce,
      last,
      encoder,
      batch,
    );
    for (const row of rows) keys.push(Number(row['image']));
  }
  return keys;
}

function keyRange({ database }: Library, batch: string | null): { readonly from: number; readonly to: number } {
  const row =
    batch === null
      ? database.get('SELECT (SELECT min(key) FROM images) AS low, (SELECT max(key) FROM images) AS high')
      : database.get('SELECT min(key) AS low, max(key) AS high FROM images WHERE batch = ?', batch);
  // Without any image both are null: a range of nothing.
  return { from: Number(row?.['low'] ?? 1), to: Number(row?.['high'] ?? 0) };
}

/** The pictures of some keys, in their order; images that went meanwhile are left out. */
export function storedPictures(library: Library, keys: readonly number[]): StoredPicture[] {
  return keys.flatMap((key) => {
    const row = library.database.get('SELECT id, width, height, pixel_hash FROM images WHERE key = ?', key);
    if (row === undefined) return [];
    const [width, height] = [Number(row['width']), Number(row['height'])];
    return [{ key, id: String(row['id']), width, height, pixelHash: String(row['pixel_hash']) }];
  });
}

/**
 * Keeps features of pictures, all or none. An image that went meanwhile, or shows another picture since, is passed over.
 * @returns how many were kept
 */
export function keepFeatures({ database }: Library, seen: readonly SeenPicture[]): number {
  return database.transaction(() =>
    seen.reduce(
      (kept, { picture: { key, pixelHash }, features }) =>
        kept +
        database.run(
          `UPDATE image_records SET feature_encoder = ?, features = ?
           WHERE image = (SELECT key FROM images WHERE key = ? AND pixel_hash = ?)`,
          features.encoder,
          featureBytes(features),
          key,
          pixelHash,
        ).changes,
      0,
    ),
  );
}
