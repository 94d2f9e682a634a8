import { Failure } from '../contract/failures.ts';
import { jobSchema, type Job, type JobProgress, type JobState } from '../contract/jobs.ts';
import type { GenerationSettings } from '../contract/settings.ts';
import { isAlive } from './adopt.ts';
import type { Library } from './library.ts';

/** The queue's table: what survives a restart and a kill. */

/** Every job in order. */
export function listJobs(library: Library): Job[] {
  return library.database.all('SELECT * FROM jobs ORDER BY place, created_at, id').map(jobOf);
}

/** @throws Failure not-found */
export function readJob(library: Library, id: string): Job {
  const row = library.database.get('SELECT * FROM jobs WHERE id = ?', id);
  if (row === undefined) throw new Failure('not-found', `there is no job '${id}' in the queue`, id);
  return jobOf(row);
}

/** Puts a job last. */
export function insertJob(library: Library, id: string, batch: string, settings: GenerationSettings): Job {
  const last = library.database.get('SELECT max(place) AS place FROM jobs')?.['place'];
  library.database.run(
    'INSERT INTO jobs (id, batch, settings, state, place, progress, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
    id,
    batch,
    JSON.stringify(settings),
    'queued',
    Number(last ?? 0) + 1,
    JSON.stringify(noProgress(settings.count)),
    library.now(),
  );
  return readJob(library, id);
}

export function noProgress(asked: number): JobProgress {
  return { kept: 0, asked, rejected: 0, failed: 0, step: null, stepCount: null, secondsLeft: null };
}

/** What may change about a job. */
export type JobChange = Partial<
  Pick<Job, 'state' | 'progress' | 'startedAt' | 'finishedAt' | 'failure' | 'interruptions'>
>;

/** Changes a job and gives it as it is then; a running job is marked with this process. */
export function updateJob(library: Library, id: string, change: JobChange): Job {
  const job = { ...readJob(library, id), ...change };
  const running = job.state === 'running' || job.state === 'stopping';
  library.database.run(
    `UPDATE jobs SET state = ?, progress = ?, started_at = ?, finished_at = ?, failure = ?, interruptions = ?, runner = ?
     WHERE id = ?`,
    job.state,
    JSON.stringify(job.progress),
    job.startedAt,
    job.finishedAt,
    job.failure === null ? null : JSON.stringify(job.failure),
    job.interruptions,
    running ? process.pid : null,
    id,
  );
  return job;
}

/** Puts a job before another; null puts it last. */
export function moveJob(library: Library, id: string, before: string | null): void {
  readJob(library, id);
  const others = listJobs(library).filter((job) => job.id !== id);
  const at = before === null ? others.length : others.findIndex((job) => job.id === before);
  if (at < 0) throw new Failure('not-found', `there is no job '${before}' in the queue`, before ?? undefined);
  const left = others[at - 1]?.order;
  const right = others[at]?.order;
  const place = left === undefined ? (right ?? 1) - 1 : right === undefined ? left + 1 : (left + right) / 2;
  library.database.run('UPDATE jobs SET place = ? WHERE id = ?', place, id);
  // Halving a gap ends where doubles end: count anew long before.
  if (left !== undefined && right !== undefined && right - left < 1e-6)
    library.database.transaction(() => {
      for (const [i, job] of listJobs(library).entries())
        library.database.run('UPDATE jobs SET place = ? WHERE id = ?', i + 1, job.id);
    });
}

export function removeJob(library: Library, id: string): void {
  library.database.run('DELETE FROM jobs WHERE id = ?', id);
}

/** Forgets all finished jobs but the last ones: their batches remember what was made. */
export function forgetDoneJobs(library: Library, kept: number): void {
  library.database.run(
    `DELETE FROM jobs WHERE state = 'done' AND id NOT IN
       (SELECT id FROM jobs WHERE state = 'done' ORDER BY finished_at DESC, place DESC LIMIT ?)`,
    kept,
  );
}

/**
 * Jobs that were running in a process that is gone become interrupted. Those of another living process stay its own.
 * Gives the ones that changed.
 */
export function interruptLeftJobs(library: Library): Job[] {
  return library.database
    .all("SELECT id, runner FROM jobs WHERE state IN ('running', 'stopping')")
    .filter((row) => !isAlive(Number(row['runner'] ?? 0)))
    .map((row) => {
      const job = readJob(library, String(row['id']));
      // A stop that was asked for is kept; only the end of it was lost.
      const state: JobState = job.state === 'stopping' ? 'stopped' : 'interrupted';
      const progress = { ...job.progress, step: null, stepCount: null, secondsLeft: null };
      return updateJob(library, job.id, { state, progress, interruptions: job.interruptions + 1 });
    });
}

/** Whether the queue was paused; it stays so over a restart. */
export function isPaused(library: Library): boolean {
  return library.database.get("SELECT value FROM facts WHERE name = 'queue paused'")?.['value'] === 'yes';
}

export function setPaused(library: Library, paused: boolean): void {
  library.database.run("INSERT OR REPLACE INTO facts (name, value) VALUES ('queue paused', ?)", paused ? 'yes' : 'no');
}

/** Candidates of a batch that are in the library: what a job that goes on need not make again. */
export function storedPositions(
  library: Library,
  batch: string,
): { readonly kept: number[]; readonly rejected: number[] } {
  // What a person rescued or threw away was made all the same, and counts as what reweighting had said of it.
  const rows = library.database.all(
    'SELECT position, rejected OR rescued AS rejected FROM images WHERE batch = ? ORDER BY position',
    batch,
  );
  const positions = (rejected: number): number[] =>
    rows.filter((row) => row['rejected'] === rejected).map((row) => Number(row['position']));
  return { kept: positions(0), rejected: positions(1) };
}

function jobOf(row: Readonly<Record<string, unknown>>): Job {
  const json = (name: string): unknown => (row[name] == null ? null : (JSON.parse(String(row[name])) as unknown));
  return jobSchema.parse({
    id: row['id'],
    batch: row['batch'],
    settings: json('settings'),
    state: row['state'],
    order: row['place'],
    progress: json('progress'),
    createdAt: row['created_at'],
    startedAt: row['started_at'],
    finishedAt: row['finished_at'],
    failure: json('failure'),
    interruptions: row['interruptions'],
  });
}
