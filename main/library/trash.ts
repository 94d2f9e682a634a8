import { rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Failure, toFailure } from '../contract/failures.ts';
import { makeFolder, statOrNull } from './files.ts';
import { keysOf } from './image-rows.ts';
import type { Library } from './library.ts';
import { thumbnailPath } from './thumbnail-path.ts';

/** Where an image's file lies when all is settled: among the images, or in the library's trash. */
export function imagePath(library: Library, batch: string, file: string, deleted: boolean): string {
  return join(deleted ? library.folders.trash : library.folders.images, batch, file);
}

/**
 * Moves the files of images whose rows say that they belong elsewhere. The row is changed first and names the work to do,
 * so that a kill or a power cut in between is mended at the next opening.
 */
export async function settleMoves(library: Library): Promise<void> {
  for (;;) {
    const rows = library.database.all('SELECT key, batch, file, deleted FROM images WHERE moving = 1 LIMIT 200');
    if (rows.length === 0) return;
    await library.database.durable();
    for (const row of rows) {
      const deleted = row['deleted'] === 1;
      const to = imagePath(library, String(row['batch']), String(row['file']), deleted);
      const from = imagePath(library, String(row['batch']), String(row['file']), !deleted);
      await moveFile(from, to);
      library.database.run(
        'UPDATE images SET moving = 0 WHERE key = ? AND deleted = ?',
        Number(row['key']),
        deleted ? 1 : 0,
      );
    }
  }
}

/** A file that is nowhere is for `library verify` to report; one that is there already has been moved. */
async function moveFile(from: string, to: string): Promise<void> {
  try {
    await makeFolder(dirname(to));
    if ((await statOrNull(from)) !== null) await rename(from, to);
  } catch (error) {
    throw toFailure(error);
  }
}

/** What happens to a file that leaves the library for good: the desktop gives the system's trash here. */
export type DiscardFile = (path: string) => Promise<void>;

/** For hosts without a system trash: the file is gone. */
export const removeForGood: DiscardFile = async (path) => {
  await rm(path, { force: true });
};

/**
 * Takes images out of the library for good, with their thumbnails. Only what is in the trash can go; what `discard` refuses
 * stays there, with everything after it.
 * @throws Failure bad-input for an image that was not deleted before, not-writable where the file cannot be let go.
 */
export async function discardImages(library: Library, ids: readonly string[], discard: DiscardFile): Promise<void> {
  await settleMoves(library);
  for (const [i, key] of keysOf(library, ids).entries()) {
    const row = library.database.get('SELECT batch, file, deleted, pixel_hash FROM images WHERE key = ?', key) ?? {};
    if (row['deleted'] !== 1)
      throw new Failure(
        'bad-input',
        `expected an image from the trash, got '${ids[i] ?? ''}' from the library`,
        ids[i],
      );
    const batch = String(row['batch']);
    const path = imagePath(library, batch, String(row['file']), true);
    if ((await statOrNull(path)) !== null) await letGo(path, discard);
    await rm(thumbnailPath(library.folders, String(row['pixel_hash'])), { force: true });
    library.database.transaction(() => {
      library.database.run('DELETE FROM image_words WHERE rowid = ?', key);
      library.database.run('DELETE FROM images WHERE key = ?', key);
      library.sidecars.behind([batch]);
    });
  }
  library.sidecars.catchUp();
}

async function letGo(path: string, discard: DiscardFile): Promise<void> {
  try {
    await discard(path);
  } catch (error) {
    const { code, message } = toFailure(error);
    const kind = code === 'internal' ? 'not-writable' : code;
    throw new Failure(kind, `a file could not be put into the system's trash and stays in Gamut's: ${message}`, path, {
      cause: error,
    });
  }
}
