import { Failure, toFailure } from '../../contract/failures.ts';
import type { Job, JobEvent, JobProgress } from '../../contract/jobs.ts';
import type { BatchCost, Measure } from '../../contract/measures.ts';
import { storeImage } from '../../library/add-image.ts';
import { batchSummary, beginArriving, createBatch, endArriving, setBatchOutcome } from '../../library/batches.ts';
import { noProgress, storedPositions, updateJob, type JobChange } from '../../library/job-rows.ts';
import type { Library } from '../../library/library.ts';
import type { MakeBatch, MakeEvent, MeasureBatch } from './make-batch.ts';
import { previewOf } from './preview.ts';

export interface RunOptions {
  readonly library: Library;
  readonly make: MakeBatch;
  readonly measure: MeasureBatch | null;
  readonly signal: AbortSignal;
}

/** Previews a second at most: more cost frames and show nothing new. */
const previewInterval = 200;
/** Milliseconds between two writes of mere progress to the table, and between two that windows hear of. */
const progressInterval = 1000;
const stepInterval = 100;

/**
 * Runs one job: makes what its batch lacks, puts every image into the library as it comes, measures at the end. Yields
 * what windows should know. Never throws: a failure is the job's state, and what was made stays.
 */
export async function* runJob(job: Job, options: RunOptions): AsyncGenerator<JobEvent, void, void> {
  const run = new Run(job, options);
  yield run.change({ state: 'running', startedAt: job.startedAt ?? options.library.now(), failure: null });
  try {
    await createBatch(options.library, job.batch, job.settings);
    await beginArriving(options.library, job.batch);
    yield run.change({ progress: run.counted() });
    yield* run.make();
    yield* run.measure();
    yield run.change({ state: 'done', finishedAt: options.library.now() });
  } catch (error) {
    const failure = toFailure(error);
    const stopped = options.signal.aborted || failure.code === 'interrupted';
    yield run.change({
      state: stopped ? 'stopped' : 'failed',
      failure: stopped ? null : failure.toRecord(),
      finishedAt: options.library.now(),
    });
  } finally {
    run.end();
  }
}

class Run {
  readonly #options: RunOptions;
  #job: Job;
  #cost: BatchCost | null = null;
  #lastPreview = 0;
  #lastProgress = 0;
  #lastStep = 0;
  #failed = 0;

  constructor(job: Job, options: RunOptions) {
    this.#job = job;
    this.#options = options;
  }

  change(change: JobChange): JobEvent {
    this.#job = updateJob(this.#options.library, this.#job.id, change);
    return { kind: 'job', job: this.#job };
  }

  /** Progress as the library knows it: after a restart the images are there, whatever the job's row says. */
  counted(): JobProgress {
    const { kept, rejected } = storedPositions(this.#options.library, this.#job.batch);
    const asked = this.#job.settings.count;
    return { ...noProgress(asked), kept: kept.length, rejected: rejected.length, failed: this.#failed };
  }

  async *make(): AsyncGenerator<JobEvent, void, void> {
    const { library, make, signal } = this.#options;
    const made = storedPositions(library, this.#job.batch);
    if (made.kept.length >= this.#job.settings.count) return;
    for await (const event of make(this.#job.settings, { batch: this.#job.batch, made, signal, previews: true })) {
      // A stop is obeyed by the maker; what it still hands over is stored, since it is finished.
      yield* this.#take(event);
    }
  }

  async *#take(event: MakeEvent): AsyncGenerator<JobEvent, void, void> {
    const { id } = this.#job;
    switch (event.kind) {
      case 'started':
        for (const message of event.notes) yield { kind: 'note', job: id, message };
        break;
      case 'step':
        yield* this.#step(event);
        break;
      case 'preview':
        if (performance.now() - this.#lastPreview < previewInterval) break;
        this.#lastPreview = performance.now();
        yield {
          kind: 'preview',
          job: id,
          index: event.index,
          step: event.step,
          stepCount: this.#job.progress.stepCount ?? this.#job.settings.stepCount,
          ...(await previewOf(event.picture)),
        };
        break;
      case 'image': {
        const { width, height, pixels } = event.picture;
        const image = await storeImage(this.#options.library, { width, height, data: pixels }, event.record, {
          rejected: event.rejected ?? event.record.reweighting?.accepted === false,
          features: event.features ?? null,
        });
        yield { kind: 'image', job: id, image };
        yield this.change({ progress: { ...this.#job.progress, ...countsOf(this.counted()) } });
        break;
      }
      case 'image-failed':
        this.#failed += 1;
        yield { kind: 'note', job: id, message: event.failure.message, failure: event.failure };
        yield this.change({ progress: { ...this.#job.progress, failed: this.#failed } });
        break;
      case 'note':
        yield { kind: 'note', job: id, message: event.message };
        break;
      case 'finished':
        this.#cost = event.cost;
        if (event.shortfall !== undefined) yield { kind: 'note', job: id, message: event.shortfall };
        break;
    }
  }

  /** Progress of a step; a small model makes thousands a second, and nobody sees more than a few. */
  *#step(event: {
    readonly step: number;
    readonly stepCount: number;
    readonly secondsLeft: number;
  }): Generator<JobEvent, void, void> {
    const { step, stepCount, secondsLeft } = event;
    const progress = { ...this.#job.progress, step, stepCount, secondsLeft: Math.max(0, secondsLeft) };
    this.#job = { ...this.#job, progress };
    const now = performance.now();
    if (now - this.#lastStep < stepInterval) return;
    this.#lastStep = now;
    if (now - this.#lastProgress < progressInterval) {
      yield { kind: 'job', job: this.#job };
      return;
    }
    this.#lastProgress = now;
    yield this.change({ progress });
  }

  async *measure(): AsyncGenerator<JobEvent, void, void> {
    const { library, measure, signal } = this.#options;
    const { settings, batch, id } = this.#job;
    const counted = this.counted();
    if (counted.kept === 0)
      throw new Failure('internal', `none of the ${settings.count} images could be made; the notes say why`);
    const cost = this.#wholeCost(counted);
    const measures: readonly Measure[] = measure === null ? [] : await measure(batch, settings, signal);
    setBatchOutcome(library, batch, cost, measures);
    if (cost !== null) yield { kind: 'measured', job: id, batch, measures: [...measures], cost };
    yield this.change({ progress: counted });
  }

  /**
   * The cost of all runs of the job together: an interrupted one's seconds are lost with it, its images are not. The
   * interval is as wide, relative to the figure, as the last run alone makes it.
   */
  #wholeCost(counted: JobProgress): BatchCost | null {
    const before = batchSummary(this.#options.library, this.#job.batch).cost;
    if (this.#cost === null) return before;
    const seconds = this.#cost.seconds + (before?.seconds ?? 0);
    const secondsPerKept = counted.kept === 0 ? null : seconds / counted.kept;
    return {
      asked: this.#job.settings.count,
      kept: counted.kept,
      rejected: counted.rejected,
      failed: counted.failed,
      seconds,
      secondsPerKept,
      secondsPerKeptInterval: intervalAround(secondsPerKept, this.#cost),
      modelCalls: this.#cost.modelCalls + (before?.modelCalls ?? 0),
    };
  }

  end(): void {
    endArriving(this.#options.library, this.#job.batch);
  }
}

/** The interval of another cost, moved to a figure by its factor. */
function intervalAround(
  figure: number | null,
  { secondsPerKept, secondsPerKeptInterval: interval }: BatchCost,
): BatchCost['secondsPerKeptInterval'] {
  if (figure === null || interval === null || secondsPerKept === null || secondsPerKept === 0) return null;
  const factor = figure / secondsPerKept;
  return { low: factor * interval.low, high: factor * interval.high };
}

function countsOf({ kept, rejected, failed }: JobProgress): Pick<JobProgress, 'kept' | 'rejected' | 'failed'> {
  return { kept, rejected, failed };
}
