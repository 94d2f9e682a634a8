import { closeSync, fdatasync, openSync } from 'node:fs';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { toFailure } from '../contract/failures.ts';

/** The program of a checkpoint; a bundled application has one of its own. */
export const checkpointProgram = fileURLToPath(new URL('./checkpoint.ts', import.meta.url));

/** Commits between two checkpoints: of verdicts some 4 MB of log, about what SQLite itself lets come together. */
const commitsBetween = 250;

/** Brings what was written to a file to the disk. */
export type Sync = (file: number) => Promise<void>;

/**
 * The write-ahead log of an open database. While images are written, a disk keeps whoever waits for it for 50 ms and more, so
 * the thread that answers windows never does: commits are brought to the disk by the pool of threads for files, the log
 * into the database by a thread of its own.
 */
export class WriteAheadLog {
  readonly #database: string;
  readonly #program: string;
  readonly #sync: Sync;
  #file: number | undefined;
  #commits = 0;
  #onDisk = 0;
  #checkpointed = 0;
  #checkpoint: Worker | undefined;
  #underWay: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #closed = false;

  constructor(database: string, program: string, sync: Sync = promisify(fdatasync)) {
    this.#database = database;
    this.#program = program;
    this.#sync = sync;
  }

  /** To be told of every commit. */
  committed(): void {
    this.#commits += 1;
    if (this.#commits - this.#checkpointed >= commitsBetween && this.#checkpoint === undefined) this.#startCheckpoint();
  }

  /**
   * Resolves once everything committed before the call is on the disk, also if the power fails then. Several who wait
   * share one wait.
   * @throws Failure of the disk
   */
  durable(): Promise<void> {
    if (this.#onDisk === this.#commits) return Promise.resolve();
    // What is under way may have begun before the last commit; the next one begins after it.
    this.#next ??= this.#afterwards(this.#underWay);
    return this.#next;
  }

  close(): void {
    this.#closed = true;
    if (this.#underWay === undefined) this.#letGo();
  }

  async #afterwards(underWay: Promise<void> | undefined): Promise<void> {
    // Whoever waits for that one hears of its failure.
    await underWay?.catch(() => undefined);
    if (this.#closed) return; // closing has written everything
    this.#underWay = this.#next;
    this.#next = undefined;
    const upTo = this.#commits;
    try {
      // No lock of SQLite's lies on this file, so that another descriptor of it takes none away.
      this.#file ??= openSync(`${this.#database}-wal`, 'r+');
      await this.#sync(this.#file);
      this.#onDisk = upTo;
    } catch (error) {
      throw toFailure(error);
    } finally {
      this.#underWay = undefined;
      if (this.#closed) this.#letGo();
    }
  }

  #startCheckpoint(): void {
    this.#checkpointed = this.#commits;
    const worker = new Worker(this.#program, { workerData: this.#database });
    this.#checkpoint = worker;
    worker.unref();
    worker.on('error', (error) => {
      // Closing writes it back as well. Until then nothing is lost: the log keeps everything, grows, and is tried again.
      if (!this.#closed) process.emitWarning(`the library's log could not be written back yet: ${error.message}`);
    });
    worker.on('exit', () => {
      this.#checkpoint = undefined;
    });
  }

  #letGo(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }
}
