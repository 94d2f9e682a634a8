import { randomBytes } from 'node:crypto';
import { Failure, toFailure, type FailureRecord } from '../../contract/failures.ts';
import type { Job, JobEvent, Queue } from '../../contract/jobs.ts';
import type { GenerationSettings } from '../../contract/settings.ts';
import { newBatchId } from '../../library/import-files.ts';
import {
  forgetDoneJobs,
  insertJob,
  interruptLeftJobs,
  isPaused,
  listJobs,
  moveJob,
  noProgress,
  readJob,
  removeJob,
  setPaused,
  updateJob,
} from '../../library/job-rows.ts';
import type { Library } from '../../library/library.ts';
import type { MakeBatch, MeasureBatch } from './make-batch.ts';
import { runJob } from './run-job.ts';

export interface JobQueueOptions {
  readonly library: Library;
  readonly make: MakeBatch;
  /** null: batches are not measured. */
  readonly measure?: MeasureBatch | null;
}

type Listener = (event: JobEvent) => void;

interface Running {
  readonly id: string;
  readonly stop: AbortController;
  readonly done: Promise<void>;
  /** A person stopped it; otherwise an abort is the application's end. */
  stopAsked: boolean;
}

/** Jobs that ended well and stay in the list: every change of the queue is told with the whole of it. */
const keptDoneJobs = 20;

/** Failures of the disk: the jobs behind would meet them too. */
const diskFailures: readonly string[] = ['disk-full', 'not-writable'];

/**
 * The persistent queue: jobs in the library's database, one running at a time, in order. Survives a restart and a kill: a
 * job that was cut off goes first and makes only what its batch lacks.
 */
export class JobQueue {
  readonly #options: JobQueueOptions;
  readonly #listeners = new Set<Listener>();
  #running: Running | null = null;
  /** How a job ended where the library refused to take even that down: shown, and written as soon as it can be. */
  #unwritten: { readonly id: string; readonly failure: FailureRecord } | null = null;
  #closed = false;

  constructor(options: JobQueueOptions) {
    this.#options = options;
    interruptLeftJobs(options.library);
  }

  /** Begins to work through the queue; call once listeners are there. */
  start(): void {
    this.#next();
  }

  list(): Queue {
    const jobs = listJobs(this.#library);
    const unwritten = this.#unwritten;
    if (unwritten === null) return { paused: isPaused(this.#library), jobs };
    const { id, failure } = unwritten;
    const shown = (job: Job): Job => (job.id === id && isUnderWay(job) ? { ...job, state: 'failed', failure } : job);
    return { paused: true, jobs: jobs.map(shown) };
  }

  /** Listens to everything the queue announces; the returned function ends it. A listener must not throw. */
  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Puts a batch at the end of the queue; it has a batch id from now on. */
  enqueue(settings: GenerationSettings): Job {
    const batch = newBatchId(this.#library);
    const job = insertJob(this.#library, `job-${batch}-${randomBytes(2).toString('hex')}`, batch, settings);
    this.#changed();
    this.#next();
    return job;
  }

  /** Lets the running job finish and starts no other. */
  pause(): void {
    setPaused(this.#library, true);
    this.#changed();
  }

  resume(): void {
    this.#writeEnd();
    setPaused(this.#library, false);
    this.#changed();
    this.#next();
  }

  /** Stops a job: a waiting one at once, the running one within a step; what it made stays. */
  stop(id: string): void {
    this.#writeEnd();
    const job = readJob(this.#library, id);
    if (this.#running?.id === id) {
      updateJob(this.#library, id, { state: 'stopping' });
      this.#running.stopAsked = true;
      this.#running.stop.abort();
    } else if (job.state === 'queued' || job.state === 'interrupted')
      updateJob(this.#library, id, { state: 'stopped', finishedAt: this.#library.now() });
    else throw new Failure('bad-input', `expected a job that waits or runs, '${id}' is ${job.state}`, id);
    this.#changed();
  }

  /** Takes up a stopped or failed job again, at the end of the queue, for the images it lacks. */
  retry(id: string): void {
    this.#writeEnd();
    const job = readJob(this.#library, id);
    if (job.state !== 'stopped' && job.state !== 'failed' && job.state !== 'done')
      throw new Failure('bad-input', `expected a job that has ended, '${id}' is ${job.state}`, id);
    updateJob(this.#library, id, {
      state: 'queued',
      failure: null,
      finishedAt: null,
      progress: { ...noProgress(job.settings.count), kept: job.progress.kept, rejected: job.progress.rejected },
    });
    moveJob(this.#library, id, null);
    this.#changed();
    this.#next();
  }

  /** Takes a job out of the list; its images stay. A running one is to be stopped first. */
  remove(id: string): void {
    this.#writeEnd();
    readJob(this.#library, id);
    if (this.#running?.id === id) throw new Failure('bad-input', `expected a job that does not run, '${id}' does`, id);
    removeJob(this.#library, id);
    this.#changed();
  }

  /** Puts a waiting job before another; null puts it last. */
  move(id: string, before: string | null): void {
    moveJob(this.#library, id, before);
    this.#changed();
  }

  /** Resolves when nothing is running. */
  async idle(): Promise<void> {
    while (this.#running !== null) await this.#running.done;
  }

  /** Ends work: the running job is cut off and goes on at the next start. */
  async close(): Promise<void> {
    this.#closed = true;
    const running = this.#running;
    if (running === null) return;
    running.stop.abort();
    await running.done;
    if (running.stopAsked) return;
    const job = readJob(this.#library, running.id);
    // Nobody asked for this job to be stopped, only for the application.
    if (job.state === 'stopped') updateJob(this.#library, running.id, { state: 'interrupted', finishedAt: null });
  }

  get #library(): Library {
    return this.#options.library;
  }

  #tell(event: JobEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  #changed(): void {
    this.#tell({ kind: 'queue', queue: this.list() });
  }

  /** Takes down what could not be before. @throws Failure disk-full while there still is no room */
  #writeEnd(): void {
    if (this.#unwritten === null) return;
    const { id, failure } = this.#unwritten;
    this.#library.database.transaction(() => {
      if (isUnderWay(readJob(this.#library, id)))
        updateJob(this.#library, id, { state: 'failed', failure, finishedAt: this.#library.now() });
      setPaused(this.#library, true);
    });
    this.#unwritten = null;
  }

  #next(): void {
    if (this.#closed || this.#running !== null || this.#unwritten !== null || isPaused(this.#library)) return;
    // Of this process's own jobs none runs: one that says so was cut off by a disk that refused even that.
    interruptLeftJobs(this.#library);
    const jobs = listJobs(this.#library);
    // Another process's running job holds the machine: two at once would only slow each other.
    if (jobs.some(isUnderWay)) return;
    const job = jobs.find(({ state }) => state === 'interrupted') ?? jobs.find(({ state }) => state === 'queued');
    if (job === undefined) return;
    const stop = new AbortController();
    const done = this.#run(job, stop.signal);
    this.#running = { id: job.id, stop, done, stopAsked: false };
  }

  async #run(job: Job, signal: AbortSignal): Promise<void> {
    // The caller notes what is running before the first event is told.
    await Promise.resolve();
    const { library, make, measure = null } = this.#options;
    let refused = false;
    try {
      for await (const event of runJob(job, { library, make, measure, signal })) {
        this.#tell(event.kind === 'job' && signal.aborted ? { ...event, job: stopping(event.job) } : event);
        if (event.kind === 'job' && diskFailures.includes(event.job.failure?.code ?? '')) refused = true;
      }
      if (refused) setPaused(library, true);
      forgetDoneJobs(library, keptDoneJobs);
    } catch (error) {
      // The library itself refused: say so where it can be seen, and wait for a person before trying again.
      refused = true;
      const failure = toFailure(error).toRecord();
      this.#unwritten = { id: job.id, failure };
      this.#tell({ kind: 'note', job: job.id, message: failure.message, failure });
    } finally {
      this.#running = null;
      if (!this.#closed) {
        this.#changed();
        if (!refused) this.#next();
      }
    }
  }
}

function isUnderWay({ state }: Job): boolean {
  return state === 'running' || state === 'stopping';
}

/** Between a stop and its end a job is stopping, whatever step is still announced. */
function stopping(job: Job): Job {
  return job.state === 'running' ? { ...job, state: 'stopping' } : job;
}
