import { join } from 'node:path';
import { Failure, toFailure } from '../contract/failures.ts';
import { batchSummarySchema, libraryIdSchema, type BatchSummary } from '../contract/library.ts';
import type { BatchCost, Measure } from '../contract/measures.ts';
import type { GenerationSettings } from '../contract/settings.ts';
import type { Library } from './library.ts';
import { makeFolder } from './files.ts';

/** Makes a batch and its folder; one that is there already stays as it is. */
export async function createBatch(
  library: Library,
  id: string,
  settings: GenerationSettings | null,
  createdAt: string = library.now(),
): Promise<void> {
  if (!libraryIdSchema.safeParse(id).success)
    throw new Failure('bad-input', `expected a batch id of a–z, 0–9 and hyphens, got ${JSON.stringify(id)}`, 'batch');
  try {
    await makeFolder(join(library.folders.images, id));
  } catch (error) {
    throw toFailure(error);
  }
  library.database.run(
    'INSERT INTO batches (id, created_at, settings, marks_behind) VALUES (?, ?, ?, 1) ON CONFLICT (id) DO NOTHING',
    id,
    createdAt,
    settings === null ? null : JSON.stringify(settings),
  );
  library.sidecars.catchUp();
}

/** Says that this process is writing files into the batch; resolves when no power cut can take that any more. */
export async function beginArriving(library: Library, batch: string): Promise<void> {
  if (setArriving(library, batch, process.pid)) await library.database.durable();
}

/** Says that the files that were being written are there. */
export function endArriving(library: Library, batch: string): void {
  setArriving(library, batch, 0);
}

/** Whether it was otherwise before. */
function setArriving({ database }: Library, batch: string, pid: number): boolean {
  return database.run('UPDATE batches SET arriving = ? WHERE id = ? AND arriving <> ?', pid, batch, pid).changes > 0;
}

/** Keeps what a finished batch cost and measured. */
export function setBatchOutcome(
  library: Library,
  batch: string,
  cost: BatchCost | null,
  measures: readonly Measure[],
): void {
  library.database.transaction(() => {
    library.database.run(
      'UPDATE batches SET cost = ?, measures = ? WHERE id = ?',
      cost === null ? null : JSON.stringify(cost),
      JSON.stringify(measures),
      batch,
    );
    library.sidecars.behind([batch]);
  });
  library.sidecars.catchUp();
}

const batchColumns = `batches.id, batches.created_at, batches.settings, batches.state, batches.cost, batches.measures,
  (SELECT count(*) FROM images WHERE batch = batches.id AND deleted = 0 AND rejected = 0) AS kept,
  (SELECT count(*) FROM images WHERE batch = batches.id AND deleted = 0 AND rejected = 1) AS rejected,
  (SELECT count(*) FROM images WHERE batch = batches.id AND deleted = 0 AND rejected = 0 AND flag = 'pick') AS picked`;

/** @throws Failure not-found */
export function batchSummary(library: Library, id: string): BatchSummary {
  const row = library.database.get(`SELECT ${batchColumns} FROM batches WHERE id = ?`, id);
  if (row === undefined) throw new Failure('not-found', `there is no batch '${id}' in the library`, id);
  return summaryOf(row);
}

/** Batches, newest first. */
export function recentBatches(library: Library, limit: number): BatchSummary[] {
  return library.database
    .all(`SELECT ${batchColumns} FROM batches ORDER BY created_at DESC, id DESC LIMIT ?`, limit)
    .map(summaryOf);
}

function summaryOf(row: Readonly<Record<string, unknown>>): BatchSummary {
  const json = (name: string): unknown => (row[name] == null ? null : (JSON.parse(String(row[name])) as unknown));
  return batchSummarySchema.parse({
    id: row['id'],
    createdAt: row['created_at'],
    settings: json('settings'),
    state: row['state'],
    cost: json('cost'),
    measures: json('measures'),
    kept: row['kept'],
    rejected: row['rejected'],
    picked: row['picked'],
  });
}
