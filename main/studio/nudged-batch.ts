import { randomUUID } from 'node:crypto';
import { Failure, toFailure } from '../contract/failures.ts';
import type { GenerationSettings } from '../contract/settings.ts';
import type { JudgedPicture } from './batch-judge.ts';
import { BatchRounds } from './batch-rounds.ts';
import type { CuratedEvent, CuratedOptions } from './generate-batch.ts';
import { nudgeJudge, nudgePrepared, type NudgeRunEvent } from './nudge.ts';
import { prepareGeneration } from './prepare-generation.ts';
import type { Workshop } from './workshop.ts';

/**
 * A batch whose every image is nudged: what repeats a nudged image from its own settings. Announces what `generateBatch`
 * does; an image whose numbers stop being finite fails alone.
 *
 * @throws Failure `bad-input` for a nudge together with a dial or a weight, else as `nudgeOne` does
 */
export async function* nudgedBatch(
  settings: GenerationSettings,
  workshop: Workshop,
  { signal, batch = randomUUID(), indices }: CuratedOptions,
): AsyncGenerator<CuratedEvent, void, void> {
  if (settings.dial !== null || settings.densityWeight !== 1)
    throw new Failure(
      'bad-input',
      'nudge: expected no dial and no density weight with a nudge; they choose among images, a nudge changes each',
      'nudge',
    );
  const started = performance.now();
  const prepared = await prepareGeneration(settings, workshop, batch);
  const judge = await nudgeJudge(prepared, workshop);
  const wanted = indices ?? Array.from({ length: settings.count }, (_, index) => index);
  const kept: JudgedPicture[] = [];
  const rounds = new BatchRounds();
  let failed = 0;
  let modelCalls = 0;
  for (const [at, index] of wanted.entries())
    try {
      for await (const event of nudgePrepared(prepared, judge, index, workshop, signal)) {
        if (event.kind === 'started' && at > 0) continue;
        if (event.kind === 'started') rounds.begin();
        if (event.kind === 'nudged') {
          kept.push(event.after.judged);
          rounds.tried(1);
          rounds.end(1);
          modelCalls += event.modelCalls;
        }
        yield batchEventOf(event, index, wanted.length - at - 1);
      }
    } catch (error) {
      const failure = toFailure(error);
      if (failure.code !== 'non-finite') throw error;
      failed += 1;
      rounds.tried(1);
      rounds.end(0);
      yield { kind: 'image-failed', index, failure: failure.toRecord() };
    }
  const measures = await judge.measure(kept, signal);
  if (measures.length > 0) yield { kind: 'measured', measures };
  const seconds = (performance.now() - started) / 1000;
  const each = rounds.costOf(seconds, kept.length);
  const cost = { asked: wanted.length, kept: kept.length, rejected: 0, failed, seconds, ...each, modelCalls };
  yield { kind: 'finished', cost };
}

/** @param after images still to come, each as long as this one */
function batchEventOf(event: NudgeRunEvent, index: number, after: number): CuratedEvent {
  switch (event.kind) {
    case 'started':
      return event;
    case 'progress': {
      const { done, all, secondsLeft } = event;
      const wholeImage = secondsLeft === null || done === all ? 0 : (secondsLeft / (all - done)) * all;
      const step = { kind: 'step', indices: [index], step: done, stepCount: all } as const;
      return { ...step, secondsLeft: (secondsLeft ?? 0) + wholeImage * after };
    }
    case 'nudged': {
      const { picture, record, judged } = event.after;
      return { kind: 'image', index, picture, record, features: judged.features };
    }
  }
}
