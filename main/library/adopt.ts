import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toFailure } from '../contract/failures.ts';
import { imageIdOf, insertImage, lookOfPixels, pixelHashOf, positionOfFile } from './add-image.ts';
import { statOrNull, sweepUnfinished } from './files.ts';
import { keysOf } from './image-rows.ts';
import { readImageFile } from './image-file/read-image-file.ts';
import type { Library } from './library.ts';
import { indexWords } from './words.ts';

/** A kill leaves unfinished files; a living process needs seconds for one. */
const unfinishedAge = 60_000;

/**
 * Tidies the batches that were being written when a process was killed: removes what it left unfinished, and gives rows to
 * files that had arrived without one.
 */
export async function adoptArrivals(library: Library): Promise<void> {
  const sql = 'SELECT id, arriving FROM batches WHERE arriving > 0 OR marks_behind > 0';
  for (const row of library.database.all(sql)) {
    const batch = String(row['id']);
    if (isAlive(Number(row['arriving']))) continue;
    const folder = join(library.folders.images, batch);
    if ((await statOrNull(folder)) === null) continue;
    await sweepUnfinished(folder, Date.now() - unfinishedAge);
    if (row['arriving'] === 0) continue;
    await adoptFiles(library, batch, false);
    library.database.run(
      'UPDATE batches SET arriving = 0 WHERE id = ? AND arriving = ?',
      batch,
      Number(row['arriving']),
    );
  }
}

/** Whether another process with this number exists; it may be another program's, then a later opening settles things. */
export function isAlive(pid: number): boolean {
  if (pid <= 0) return false;
  // This process holds no job yet when it asks: a number of its own is left over from an earlier one.
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

export interface Adoption {
  readonly adopted: readonly string[];
  readonly broken: readonly { readonly file: string; readonly reason: string }[];
}

/**
 * Gives a row to every image file of a batch's folder that has none; what cannot be read is listed and left alone.
 * @param trashed look in the trash instead; the rows are then marked as deleted.
 */
export async function adoptFiles(library: Library, batch: string, trashed: boolean): Promise<Adoption> {
  const folder = join(trashed ? library.folders.trash : library.folders.images, batch);
  const known = new Set(
    library.database.all('SELECT file FROM images WHERE batch = ?', batch).map((row) => String(row['file'])),
  );
  const files = (await readdir(folder)).filter((file) => positionOfFile(file) !== null && !known.has(file)).sort();
  const adopted: string[] = [];
  const broken: { file: string; reason: string }[] = [];
  for (const file of files) {
    const path = join(folder, file);
    try {
      const id = await adoptFile(library, batch, file, path);
      if (trashed) markDeleted(library, id);
      adopted.push(id);
    } catch (error) {
      const failure = toFailure(error);
      if (failure.code !== 'bad-input') throw failure;
      broken.push({ file: path, reason: failure.message });
    }
  }
  return { adopted, broken };
}

function markDeleted(library: Library, id: string): void {
  library.database.transaction(() => {
    library.database.run('UPDATE images SET deleted = 1 WHERE id = ?', id);
    for (const key of keysOf(library, [id])) indexWords(library, key);
  });
}

async function adoptFile(library: Library, batch: string, file: string, path: string): Promise<string> {
  const bytes = await readFile(path);
  const image = await readImageFile(bytes);
  const pixels = await image.pixels();
  const position = positionOfFile(file) ?? 0;
  // A record of another batch means that the file was imported with its record.
  const ours = image.record !== null && image.record.batch === batch && image.record.index === position;
  const batchRow = library.database.get('SELECT created_at FROM batches WHERE id = ?', batch);
  insertImage(library, {
    batch,
    position,
    file,
    fileBytes: bytes.length,
    origin: ours ? 'generated' : 'imported',
    createdAt: image.record?.createdAt ?? String(batchRow?.['created_at'] ?? library.now()),
    width: image.width,
    height: image.height,
    record: image.record,
    foreign: image.foreign,
    pixelHash: pixelHashOf(pixels),
    look: await lookOfPixels(pixels),
    features: null,
    rejected: ours && image.record?.reweighting?.accepted === false,
  });
  return imageIdOf(batch, position);
}
