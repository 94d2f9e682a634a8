import { randomUUID } from 'node:crypto';
import { Failure } from '../contract/failures.ts';
import type { ImageRecord } from '../contract/images.ts';
import type { Measure } from '../contract/measures.ts';
import { note } from '../contract/notes.ts';
import type { GenerationSettings } from '../contract/settings.ts';
import { acceptanceProbability, accepts, type Reweighting } from '../engine/features/reweighting.ts';
import type { Picture } from '../engine/generation/generation-request.ts';
import { philoxStream } from '../engine/tensor/philox.ts';
import type { PictureFeatures } from '../library/appearance.ts';
import { openPackage } from '../model-packages/resolve.ts';
import { BatchPruning } from './batch-pruning.ts';
import { BatchRounds } from './batch-rounds.ts';
import { batchJudge, type BatchJudge, type JudgedPicture } from './batch-judge.ts';
import { readCalibration } from './calibration.ts';
import { applyDial } from './dial.ts';
import { generateCandidates, type CandidateEvent } from './generate-candidates.ts';
import type { BatchEvent, GenerateOptions } from './generate.ts';
import { nudgedBatch } from './nudged-batch.ts';
import { prepareGeneration, type PreparedGeneration } from './prepare-generation.ts';
import type { Workshop } from './workshop.ts';

/** What a curated batch announces beyond its images. */
export type CuratedEvent =
  | Exclude<BatchEvent, { readonly kind: 'image' }>
  | {
      readonly kind: 'image';
      readonly index: number;
      readonly picture: Picture;
      readonly record: ImageRecord;
      /** Where the model can judge its pictures. */
      readonly features?: PictureFeatures;
    }
  /** A candidate that the reweighting did not keep; it can be shown until the batch is closed. */
  | {
      readonly kind: 'rejected';
      readonly index: number;
      readonly picture: Picture;
      readonly record: ImageRecord;
      /** Of a finished picture; not of the estimate of one that was given up. */
      readonly features?: PictureFeatures;
    }
  /** Before the end: the measures of what was kept, where the model can be measured. */
  | { readonly kind: 'measured'; readonly measures: readonly Measure[] };

export interface CuratedOptions extends GenerateOptions {
  /** A batch that goes on after an interruption: the first candidate not tried yet, and how many were kept before. */
  readonly resume?: { readonly candidate: number; readonly kept: number };
  /**
   * Largest chance of having been accepted with which a candidate is given up on its estimate, to save the rest of its
   * steps. Absent: every candidate is finished. Pays where few are accepted; the note at the end says what it did.
   */
  readonly pruneRisk?: number;
}

type ImageEvent = Extract<CandidateEvent, { readonly kind: 'image' }>;

/**
 * Makes a batch along the dial: knobs from the model's calibration, candidates accepted or rejected by pseudo density
 * (PAPERS.md §3b.2), every image scored and the batch measured where the model has features and references.
 *
 * Candidate i is the same image, and its uniform number the same, whatever was made before: the images kept are the first
 * `count` accepted in order. Ends at the attempt limit with what it has, and says so.
 *
 * @throws Failure `bad-input` for a dial without calibration, `unsupported` for a weight without references
 */
export async function* generateBatch(
  asked: GenerationSettings,
  workshop: Workshop,
  options: CuratedOptions = {},
): AsyncGenerator<CuratedEvent, void, void> {
  if (asked.nudge !== null) return yield* nudgedBatch(asked, workshop, options);
  const model = openPackage(asked.model, workshop.folders);
  const calibration = asked.dial === null ? null : await readCalibration(model.folder);
  const settings = applyDial(asked, calibration?.path ?? null);
  const prepared = await prepareGeneration(settings, workshop, options.batch ?? randomUUID());
  const judge = await batchJudge(workshop, prepared.package, settings.prompt);
  if (judge === null && settings.densityWeight !== 1)
    throw new Failure(
      'unsupported',
      `density weight: model ${prepared.package.id} has no feature encoder with references to judge candidates by`,
      'densityWeight',
    );
  yield* new CuratedBatch(prepared, judge, workshop, options).run();
}

/** One batch on its way: what was kept, rejected and spent. */
class CuratedBatch {
  readonly #prepared: PreparedGeneration;
  readonly #judge: BatchJudge | null;
  readonly #workshop: Workshop;
  readonly #options: CuratedOptions;
  readonly #asked: number;
  readonly #reweighting: Reweighting | null;
  readonly #pruning: BatchPruning | null;
  readonly #kept: JudgedPicture[] = [];
  readonly #rounds = new BatchRounds();
  readonly #started = performance.now();
  #keptCount: number;
  #rejected = 0;
  #failed = 0;
  #modelCalls = 0;
  #announced = false;

  constructor(prepared: PreparedGeneration, judge: BatchJudge | null, workshop: Workshop, options: CuratedOptions) {
    const { densityWeight: weight, densityThreshold, count } = prepared.settings;
    this.#prepared = prepared;
    this.#judge = judge;
    this.#workshop = workshop;
    this.#options = options;
    this.#asked = options.indices?.length ?? count;
    this.#keptCount = options.resume?.kept ?? 0;
    this.#reweighting =
      judge === null || weight === 1 ? null : { weight, threshold: judge.density.threshold(densityThreshold) };
    const { pruneRisk } = options;
    this.#pruning =
      judge === null || this.#reweighting === null || pruneRisk === undefined
        ? null
        : new BatchPruning(this.#reweighting, pruneRisk, judge, (index) => this.#numbersOf(index));
  }

  async *run(): AsyncGenerator<CuratedEvent, void, void> {
    const { attemptLimit } = this.#prepared.settings;
    const first = this.#options.resume?.candidate ?? 0;
    const limit = this.#reweighting === null ? this.#asked : Math.ceil(this.#asked * attemptLimit);
    const indices = this.#options.indices ?? Array.from({ length: limit - first }, (_, i) => first + i);
    let tried = 0;
    while (this.#keptCount < this.#asked && tried < indices.length) {
      const chunk = indices.slice(tried, tried + this.#chunkSize(tried));
      yield* this.#tryCandidates(chunk, tried);
      tried += chunk.length;
    }
    if (this.#keptCount < this.#asked && this.#reweighting !== null) yield this.#shortfall(first + tried);
    if (this.#pruning !== null) yield { kind: 'note', message: this.#pruning.note(this.#keptCount) };
    const measures = (await this.#judge?.measure(this.#kept, this.#options.signal)) ?? [];
    if (measures.length > 0) yield { kind: 'measured', measures };
    yield { kind: 'finished', cost: this.#cost() };
  }

  /** As many candidates as will probably do, so that few are made in vain. */
  #chunkSize(tried: number): number {
    const missing = this.#asked - this.#keptCount;
    if (this.#reweighting === null) return missing;
    const rate = (this.#kept.length + 0.5) / (tried + 1);
    const { batchSize } = this.#prepared.settings;
    return tried === 0 ? missing : Math.max(1, Math.min(Math.ceil(missing / rate), 4 * batchSize));
  }

  async *#tryCandidates(indices: readonly number[], before: number): AsyncGenerator<CuratedEvent, void, void> {
    const { signal, previews } = this.#options;
    const { batchSize } = this.#prepared.settings;
    const options = {
      ...(signal !== undefined && { signal }),
      ...(previews !== undefined && { previews }),
      ...(this.#pruning !== null && { look: this.#pruning.look(signal) }),
    };
    let waiting: ImageEvent[] = [];
    let done = before;
    for await (const event of generateCandidates(this.#prepared, indices, this.#workshop, options)) {
      if (event.kind === 'image') {
        waiting.push(event);
        done += 1;
      }
      if (
        waiting.length > 0 &&
        (event.kind !== 'image' || waiting.length >= batchSize || done - before === indices.length)
      ) {
        yield* this.#decide(waiting);
        waiting = [];
        if (this.#keptCount >= this.#asked && event.kind !== 'cost') continue;
      }
      switch (event.kind) {
        case 'image':
          break;
        case 'started':
          this.#rounds.begin();
          if (!this.#announced) yield this.#judge === null ? event : withNote(event, this.#judge.references);
          this.#announced = true;
          break;
        case 'step':
          yield { ...event, secondsLeft: this.#secondsLeft(done, event.step / event.stepCount) };
          break;
        case 'given-up':
          done += 1;
          this.#rejected += 1;
          this.#rounds.tried(1);
          yield {
            kind: 'rejected',
            index: event.index,
            picture: event.picture,
            record: this.#pruning?.recordOf(event) ?? event.record,
          };
          break;
        case 'image-failed':
          this.#failed += 1;
          this.#rounds.tried(1);
          yield event;
          break;
        case 'cost':
          this.#modelCalls += event.modelCalls;
          break;
        case 'preview':
        case 'note':
          yield event;
          break;
      }
    }
  }

  async *#decide(images: readonly ImageEvent[]): AsyncGenerator<CuratedEvent, void, void> {
    const pictures = images.map(({ picture }) => picture);
    const judged = await this.#judge?.judge(pictures, this.#options.signal);
    const before = this.#keptCount;
    for (const [i, event] of images.entries()) {
      const seen = judged?.[i];
      const record = this.#recordOf(event, seen);
      const features = seen !== undefined && { features: seen.features };
      const accepted = record.reweighting?.accepted ?? true;
      if (accepted && this.#keptCount < this.#asked) {
        this.#keptCount += 1;
        if (seen !== undefined) this.#kept.push(seen);
        yield { ...event, record, ...features };
      } else {
        this.#rejected += 1;
        yield { kind: 'rejected', index: event.index, picture: event.picture, record, ...features };
      }
    }
    this.#rounds.tried(images.length);
    this.#rounds.end(this.#keptCount - before);
  }

  /** The candidate's uniform number of acceptance, and the one of its audit. */
  #numbersOf(index: number): readonly [number, number] {
    const stream = philoxStream(this.#prepared.settings.seed, index, 'selection');
    const [u = 0, audit = 0] = stream.uniform(new Float64Array(2));
    return [u, audit];
  }

  #recordOf({ index, record }: ImageEvent, seen: JudgedPicture | undefined): ImageRecord {
    if (seen === undefined) return record;
    const scored = { ...record, scores: seen.scores };
    if (this.#reweighting === null) return scored;
    const density = seen.scores.pseudoDensity ?? 0;
    const [u] = this.#numbersOf(index);
    this.#pruning?.learn(index, density);
    return {
      ...scored,
      reweighting: {
        ...this.#reweighting,
        acceptance: acceptanceProbability(density, this.#reweighting),
        accepted: accepts(density, u, this.#reweighting),
      },
    };
  }

  /** @param done candidates finished; @param share of the next ones that is done */
  #secondsLeft(done: number, share: number): number {
    const seconds = (performance.now() - this.#started) / 1000;
    const candidates = done + share * this.#prepared.settings.batchSize;
    const rate = this.#reweighting === null ? 1 : (this.#kept.length + 0.5) / (done + 1);
    const missing = Math.max(0, (this.#asked - this.#keptCount) / rate - share * this.#prepared.settings.batchSize);
    return candidates <= 0 ? 0 : (seconds / candidates) * missing;
  }

  #shortfall(tried: number): CuratedEvent {
    return {
      kind: 'note',
      message: note('keptFewer', { kept: this.#keptCount, asked: this.#asked, tried }),
    };
  }

  #cost(): Extract<BatchEvent, { kind: 'finished' }>['cost'] {
    const seconds = (performance.now() - this.#started) / 1000;
    return {
      asked: this.#asked,
      kept: this.#keptCount,
      rejected: this.#rejected,
      failed: this.#failed,
      seconds,
      ...this.#rounds.costOf(seconds, this.#keptCount),
      modelCalls: this.#modelCalls,
    };
  }
}

function withNote(event: Extract<CandidateEvent, { kind: 'started' }>, references: string): CuratedEvent {
  return { ...event, notes: [...event.notes, note('measuredAgainst', { references })] };
}
