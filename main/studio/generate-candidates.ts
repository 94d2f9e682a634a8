import { randomUUID } from 'node:crypto';
import { Failure } from '../contract/failures.ts';
import type { FailureRecord } from '../contract/failures.ts';
import type { ImageRecord, ProviderReport } from '../contract/images.ts';
import { note } from '../contract/notes.ts';
import type { Picture } from '../engine/generation/generation-request.ts';
import type { GenerationStarted, PreparedGeneration } from './prepare-generation.ts';
import type { Workshop } from './workshop.ts';

/** What happens while candidates are made, as typed events. */
export type CandidateEvent =
  | GenerationStarted
  | {
      readonly kind: 'step';
      readonly indices: readonly number[];
      readonly step: number;
      readonly stepCount: number;
      /** Until all the indices asked for are made. */
      readonly secondsLeft: number;
    }
  | { readonly kind: 'preview'; readonly index: number; readonly step: number; readonly picture: Picture }
  | { readonly kind: 'image'; readonly index: number; readonly picture: Picture; readonly record: ImageRecord }
  /** A candidate whose estimate after `step` steps was judged enough to give it up; the picture shows the estimate. */
  | {
      readonly kind: 'given-up';
      readonly index: number;
      readonly step: number;
      readonly stepCount: number;
      readonly picture: Picture;
      readonly record: ImageRecord;
    }
  | { readonly kind: 'image-failed'; readonly index: number; readonly failure: FailureRecord }
  /** Something that people should see: the engine died and was started again. */
  | { readonly kind: 'note'; readonly message: string }
  /** Last. */
  | { readonly kind: 'cost'; readonly modelCalls: number; readonly modelSeconds: number };

/** A look at every batch part of the way: its denoised estimates are shown, and some of it may be given up. */
export interface Look {
  /** Share of the steps after which it comes, 0 to 1. */
  readonly share: number;
  /** @returns indices to give up */
  readonly judge: (
    estimates: readonly { readonly index: number; readonly picture: Picture }[],
  ) => Promise<readonly number[]>;
}

/** An image whose engine died this often is given up. */
const mostDeaths = 2;

/**
 * Makes the images of any list of indices: index i is the same image whatever else is made with it. Survives the death of
 * the engine: what was finished is kept, the images in flight are tried once more, and if they kill it again they fail,
 * saying why, and the rest goes on.
 *
 * @throws Failure `interrupted` after a stop; what keeps every image from being made
 */
export async function* generateCandidates(
  prepared: PreparedGeneration,
  indices: readonly number[],
  workshop: Workshop,
  options: { readonly signal?: AbortSignal; readonly previews?: boolean; readonly look?: Look } = {},
): AsyncGenerator<CandidateEvent, void, void> {
  const { batchSize, nudge } = prepared.settings;
  if (nudge !== null)
    throw new Failure('unsupported', 'nudge: expected none here; a batch of nudged images is made one by one', 'nudge');
  const deaths = new Map<number, number>();
  const pace = new Pace(Math.ceil(indices.length / batchSize));
  let remaining = [...indices];
  let announced = false;
  let modelCalls = 0;
  let modelSeconds = 0;
  while (remaining.length > 0) {
    let provider: ProviderReport | undefined;
    let callsOfThisEngine = 0;
    const asked = remaining;
    const ticket = randomUUID();
    const { look } = options;
    try {
      const input = {
        ...prepared.request,
        indices: remaining,
        previews: options.previews ?? false,
        ...(look !== undefined && { look: { ticket, share: look.share } }),
      };
      for await (const event of workshop.engine.request('generate', input, options.signal)) {
        switch (event.kind) {
          case 'started':
            provider = event.provider;
            pace.start();
            if (!announced) yield { ...event, notes: prepared.notes };
            announced = true;
            break;
          case 'step':
            callsOfThisEngine = event.modelCalls;
            yield {
              kind: 'step',
              indices: event.indices,
              step: event.step,
              stepCount: event.stepCount,
              secondsLeft: pace.secondsLeft(event.step / event.stepCount, Math.ceil(remaining.length / batchSize)),
            };
            break;
          case 'image': {
            remaining = remaining.filter((index) => index !== event.index);
            if (provider === undefined) throw new RangeError('generate: an image came before the start');
            const record = prepared.recordOf(event.index, provider, event.notes);
            yield { kind: 'image', index: event.index, picture: event.picture, record };
            break;
          }
          case 'estimates': {
            if (provider === undefined || look === undefined)
              throw new RangeError('generate: a look came that was not asked for');
            const { step, stepCount, estimates } = event;
            const dropped = await look.judge(estimates);
            await workshop.engine.answer('verdict', { ticket, dropped }, options.signal);
            for (const { index, picture } of estimates.filter((estimate) => dropped.includes(estimate.index))) {
              remaining = remaining.filter((one) => one !== index);
              const record = prepared.recordOf(index, provider, []);
              yield { kind: 'given-up', index, step, stepCount, picture, record };
            }
            break;
          }
          case 'image-failed':
            remaining = remaining.filter((index) => index !== event.index);
            yield event;
            break;
          case 'preview':
            yield event;
            break;
          case 'cost':
            callsOfThisEngine = event.modelCalls;
            modelSeconds += event.modelSeconds;
            break;
        }
      }
    } catch (error) {
      if (!(error instanceof Failure) || error.code !== 'engine-gone') throw error;
      // Batches are made in order, so what remains of the first unfinished one was in flight.
      const first = asked.findIndex((index) => remaining.includes(index));
      const from = first - (first % batchSize);
      const inFlight = asked.slice(from, from + batchSize).filter((index) => remaining.includes(index));
      for (const index of inFlight) deaths.set(index, (deaths.get(index) ?? 0) + 1);
      const lost = inFlight.filter((index) => (deaths.get(index) ?? 0) >= mostDeaths);
      remaining = remaining.filter((index) => !lost.includes(index));
      for (const index of lost) yield { kind: 'image-failed', index, failure: error.toRecord() };
      if (lost.length < inFlight.length)
        yield { kind: 'note', message: note('engineRestarted', { death: error.message }) };
    } finally {
      modelCalls += callsOfThisEngine;
    }
  }
  yield { kind: 'cost', modelCalls, modelSeconds };
}

/** How long the rest takes, judged by what was done so far. */
class Pace {
  readonly #batches: number;
  #started: number | undefined;

  constructor(batches: number) {
    this.#batches = batches;
  }

  start(): void {
    this.#started ??= performance.now();
  }

  /** @param share of the batch in flight that is done */
  secondsLeft(share: number, batchesLeft: number): number {
    const done = this.#batches - batchesLeft + share;
    const seconds = (performance.now() - (this.#started ?? performance.now())) / 1000;
    return done <= 0 ? 0 : (seconds / done) * (this.#batches - done);
  }
}
