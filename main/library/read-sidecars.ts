import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import { Failure, failureFromZod, toFailure } from '../contract/failures.ts';
import { generationSettingsSchema } from '../contract/settings.ts';
import { imageIdOf, positionOfFile } from './add-image.ts';
import { createCollection } from './collections.ts';
import { makeFolder, statOrNull } from './files.ts';
import { keysOf } from './image-rows.ts';
import { readImageFile } from './image-file/read-image-file.ts';
import type { Library } from './library.ts';
import { batchFileName, batchFileSchema, marksFileName, marksFileSchema, type MarksFile } from './sidecars.ts';
import { indexWords } from './words.ts';

/** Makes a batch's row from `batch.json`, or, where that is lost, from the first image that has a record. */
export async function adoptBatch(library: Library, id: string): Promise<void> {
  if (library.database.get('SELECT 1 AS one FROM batches WHERE id = ?', id) !== undefined) return;
  const folder = join(library.folders.images, id);
  await makeFolder(folder);
  const kept = await readSidecar(join(folder, batchFileName), batchFileSchema);
  const batch = kept ?? (await batchOfRecords(library, id));
  library.database.run(
    'INSERT INTO batches (id, created_at, settings, state, cost, measures) VALUES (?, ?, ?, ?, ?, ?)',
    id,
    batch.createdAt,
    batch.settings === null ? null : JSON.stringify(batch.settings),
    kept?.state ?? 'open',
    kept?.cost == null ? null : JSON.stringify(kept.cost),
    JSON.stringify(kept?.measures ?? []),
  );
}

async function batchOfRecords(library: Library, id: string): Promise<{ createdAt: string; settings: unknown }> {
  const folder = join(library.folders.images, id);
  for (const file of (await readdir(folder)).filter((name) => positionOfFile(name) !== null).sort()) {
    const record = await readImageFile(await readFile(join(folder, file)))
      .then((image) => image.record)
      .catch((error: unknown) => {
        // A broken file says nothing; it is reported where files are checked.
        if (toFailure(error).code === 'bad-input') return null;
        throw error;
      });
    if (record?.batch === id)
      return { createdAt: record.createdAt, settings: generationSettingsSchema.parse(record.settings) };
  }
  return { createdAt: library.now(), settings: null };
}

/**
 * Puts what people said about a batch's images back on the rows that were just made. Gives a function that does the same
 * for preference pairs, to be called when every batch is there.
 */
export async function adoptMarks(library: Library, batch: string, ids: readonly string[]): Promise<() => void> {
  const marks = await readSidecar(join(library.folders.images, batch, marksFileName), marksFileSchema);
  if (marks === null || ids.length === 0) return () => undefined;
  const adopted = new Set(ids);
  library.database.transaction(() => {
    for (const [file, said] of Object.entries(marks.images)) {
      const id = imageIdOf(batch, positionOfFile(file) ?? -1);
      if (adopted.has(id)) adoptMark(library, id, said);
    }
  });
  return () => {
    for (const { winner, loser, at } of marks.pairs)
      library.database.run(
        `INSERT OR IGNORE INTO preference_pairs (winner, loser, at)
         SELECT winners.key, losers.key, ? FROM images AS winners, images AS losers
         WHERE winners.id = ? AND losers.id = ?`,
        at,
        winner,
        loser,
      );
  };
}

function adoptMark(library: Library, id: string, said: MarksFile['images'][string]): void {
  const { database } = library;
  const [key = -1] = keysOf(library, [id]);
  const rejectedByRecord = database.get('SELECT rejected FROM images WHERE key = ?', key)?.['rejected'] === 1;
  database.run(
    'UPDATE images SET flag = ?, rating = ?, rejected = ?, rescued = ?, deleted = max(deleted, ?), moving = ? WHERE key = ?',
    said.flag,
    said.rating,
    said.rejected ? 1 : 0,
    rejectedByRecord && !said.rejected ? 1 : 0,
    said.deleted ? 1 : 0,
    said.deleted ? 1 : 0,
    key,
  );
  for (const tag of said.tags) database.run('INSERT OR IGNORE INTO image_tags (image, tag) VALUES (?, ?)', key, tag);
  for (const name of said.collections) {
    const known = database.get('SELECT id FROM collections WHERE name = ?', name)?.['id'];
    const collection = known === undefined ? createCollection(library, name).id : String(known);
    database.run('INSERT OR IGNORE INTO collection_images (collection, image) VALUES (?, ?)', collection, key);
  }
  indexWords(library, key);
}

/** null where the file is not there; a damaged one is an error that names it. */
async function readSidecar<T>(path: string, schema: z.ZodType<T>): Promise<T | null> {
  if ((await statOrNull(path)) === null) return null;
  const text = await readFile(path, 'utf8');
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new Failure('bad-input', `expected JSON in ${path}; move it away to go on without it`, path, {
      cause: error,
    });
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw failureFromZod(parsed.error, path);
  return parsed.data;
}
