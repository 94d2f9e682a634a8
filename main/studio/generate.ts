import { randomUUID } from 'node:crypto';
import { Failure } from '../contract/failures.ts';
import type { BatchCost } from '../contract/measures.ts';
import type { GenerationSettings } from '../contract/settings.ts';
import { generateCandidates } from './generate-candidates.ts';
import type { CandidateEvent } from './generate-candidates.ts';
import { prepareGeneration } from './prepare-generation.ts';
import type { Workshop } from './workshop.ts';

/** What a batch announces: its candidates' events, and at the end what it cost. */
export type BatchEvent =
  | Exclude<CandidateEvent, { readonly kind: 'cost' } | { readonly kind: 'given-up' }>
  | { readonly kind: 'finished'; readonly cost: BatchCost };

export interface GenerateOptions {
  readonly signal?: AbortSignal;
  readonly previews?: boolean;
  /** Id of the batch in the records; a new one when absent. */
  readonly batch?: string;
  /** Which of the batch's images to make; 0 … count − 1 when absent. */
  readonly indices?: readonly number[];
}

/**
 * Makes a batch: `settings.count` images, all of them kept. The dial and its reweighting are laid over
 * `generateCandidates` elsewhere.
 *
 * @throws Failure `bad-input` and the like before anything starts, `interrupted` after a stop
 */
export async function* generate(
  settings: GenerationSettings,
  workshop: Workshop,
  options: GenerateOptions = {},
): AsyncGenerator<BatchEvent, void, void> {
  if (settings.dial !== null || settings.densityWeight !== 1)
    throw new Failure('unsupported', 'dial: a batch without reweighting was asked for a dial', 'dial');
  const started = performance.now();
  const prepared = await prepareGeneration(settings, workshop, options.batch ?? randomUUID());
  const indices = options.indices ?? Array.from({ length: settings.count }, (_, index) => index);
  let kept = 0;
  let failed = 0;
  for await (const event of generateCandidates(prepared, indices, workshop, options)) {
    if (event.kind === 'image') kept += 1;
    if (event.kind === 'image-failed') failed += 1;
    // Nothing is looked at here.
    if (event.kind === 'given-up') continue;
    if (event.kind !== 'cost') {
      yield event;
      continue;
    }
    const seconds = (performance.now() - started) / 1000;
    yield {
      kind: 'finished',
      cost: {
        asked: indices.length,
        kept,
        rejected: 0,
        failed,
        seconds,
        secondsPerKept: kept === 0 ? null : seconds / kept,
        secondsPerKeptInterval: null,
        modelCalls: event.modelCalls,
      },
    };
  }
}
