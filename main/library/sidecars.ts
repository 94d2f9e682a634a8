import { join } from 'node:path';
import { z } from 'zod';
import { toFailure, type Failure } from '../contract/failures.ts';
import { batchSummarySchema, flagSchema, libraryIdSchema, ratingSchema } from '../contract/library.ts';
import type { Database } from './database.ts';
import { writeFileAtomically } from './files.ts';
import type { LibraryFolders } from './library.ts';

/**
 * Beside the images of a batch lie two small files that hold what the image files cannot: `batch.json` (what was asked
 * and measured) and `marks.json` (what people said). With them the database can be rebuilt from the folders alone.
 */
export const batchFileSchema = z.strictObject({
  gamutBatch: z.literal(1),
  ...batchSummarySchema.pick({ id: true, createdAt: true, settings: true, state: true, cost: true, measures: true })
    .shape,
});
export type BatchFile = z.infer<typeof batchFileSchema>;

export const marksFileSchema = z.strictObject({
  gamutMarks: z.literal(1),
  /** By file name; images nobody has said anything about are left out. */
  images: z.record(
    z.string(),
    z.strictObject({
      flag: flagSchema,
      rating: ratingSchema,
      tags: z.array(z.string()),
      collections: z.array(z.string()),
      rejected: z.boolean(),
      deleted: z.boolean(),
    }),
  ),
  /** Preference pairs whose winner is in this batch, by image id. */
  pairs: z.array(z.strictObject({ winner: libraryIdSchema, loser: libraryIdSchema, at: z.string() })),
});
export type MarksFile = z.infer<typeof marksFileSchema>;

export const batchFileName = 'batch.json';
export const marksFileName = 'marks.json';

/** Keeps the files beside the images up with the tables, behind the back of whoever is rating. */
export interface Sidecars {
  /** Notes that a batch changed: call inside the transaction of the change. */
  readonly behind: (batches: Iterable<string>) => void;
  /** Starts writing whatever is behind; returns at once. */
  readonly catchUp: () => void;
  /** Waits until nothing is being written. */
  readonly settle: () => Promise<void>;
  /** Why the last write failed; the tables hold everything and the next change tries again. null when all is well. */
  readonly problem: () => Failure | null;
}

export function createSidecars(folders: LibraryFolders, database: Database): Sidecars {
  let working: Promise<void> | null = null;
  let problem: Failure | null = null;

  const work = async (): Promise<void> => {
    for (;;) {
      const row = database.get('SELECT id, marks_behind FROM batches WHERE marks_behind > 0 LIMIT 1');
      if (row === undefined) return;
      const id = String(row['id']);
      const folder = join(folders.images, id);
      const [batch, marks] = [batchFileOf(database, id), marksFileOf(database, id)];
      await writeFileAtomically(join(folder, batchFileName), `${JSON.stringify(batch, null, 1)}\n`);
      await writeFileAtomically(join(folder, marksFileName), `${JSON.stringify(marks, null, 1)}\n`);
      // A change that came meanwhile has counted further, and the batch comes round again.
      database.run(
        'UPDATE batches SET marks_behind = 0 WHERE id = ? AND marks_behind = ?',
        id,
        Number(row['marks_behind']),
      );
    }
  };

  return {
    behind: (batches) => {
      for (const id of new Set(batches))
        database.run('UPDATE batches SET marks_behind = marks_behind + 1 WHERE id = ?', id);
    },
    catchUp: () => {
      working ??= work()
        .then(() => {
          problem = null;
        })
        .catch((error: unknown) => {
          problem = toFailure(error);
        })
        .finally(() => {
          working = null;
        });
    },
    settle: async () => {
      while (working !== null) await working;
    },
    problem: () => problem,
  };
}

function batchFileOf(database: Database, id: string): BatchFile {
  const row = database.get('SELECT * FROM batches WHERE id = ?', id) ?? {};
  const json = (name: string): unknown => (row[name] == null ? null : (JSON.parse(String(row[name])) as unknown));
  return batchFileSchema.parse({
    gamutBatch: 1,
    id,
    createdAt: row['created_at'],
    settings: json('settings'),
    state: row['state'],
    cost: json('cost'),
    measures: json('measures'),
  });
}

function marksFileOf(database: Database, batch: string): MarksFile {
  const rows = database.all(
    `SELECT file, flag, rating, rejected, deleted,
       (SELECT json_group_array(tag) FROM image_tags WHERE image = key) AS tags,
       (SELECT json_group_array(name) FROM collection_images JOIN collections ON id = collection WHERE image = key)
         AS collections
     FROM images WHERE batch = ? AND (flag <> 'none' OR rating > 0 OR rejected = 1 OR rescued = 1 OR deleted = 1
       OR EXISTS (SELECT 1 FROM image_tags WHERE image = key)
       OR EXISTS (SELECT 1 FROM collection_images WHERE image = key))
     ORDER BY position`,
    batch,
  );
  const pairs = database.all(
    `SELECT winners.id AS winner, losers.id AS loser, at FROM preference_pairs
       JOIN images AS winners ON winners.key = winner JOIN images AS losers ON losers.key = loser
     WHERE winners.batch = ? ORDER BY at`,
    batch,
  );
  return marksFileSchema.parse({
    gamutMarks: 1,
    images: Object.fromEntries(
      rows.map((row) => [
        String(row['file']),
        {
          flag: row['flag'],
          rating: row['rating'],
          tags: JSON.parse(String(row['tags'])) as unknown,
          collections: JSON.parse(String(row['collections'])) as unknown,
          rejected: row['rejected'] === 1,
          deleted: row['deleted'] === 1,
        },
      ]),
    ),
    pairs: pairs.map(({ winner, loser, at }) => ({ winner, loser, at })),
  });
}
