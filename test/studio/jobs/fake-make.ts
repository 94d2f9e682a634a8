import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../../main/contract/failures.ts';
import type { MakeBatch } from '../../../main/studio/jobs/make-batch.ts';
import { examplePixels, exampleRecord } from '../../library/record.ts';

export interface FakeMake {
  readonly make: MakeBatch;
  /** Indices made, in order, over all runs. */
  readonly made: number[];
}

/** Makes tiny pictures without a model; `hooks` may fail or stop at an index. Every third candidate is rejected if asked. */
export function fakeMake(
  options: {
    readonly pause?: number;
    readonly rejectThirds?: boolean;
    readonly before?: (index: number) => void | Promise<void>;
  } = {},
): FakeMake {
  const made: number[] = [];
  return {
    made,
    make: async function* (settings, { batch, made: known, signal }) {
      yield { kind: 'started', notes: [] };
      let kept = known.kept.length;
      const done = new Set([...known.kept, ...known.rejected]);
      for (let index = 0; kept < settings.count; index += 1) {
        if (done.has(index)) continue;
        yield { kind: 'step', step: 1, stepCount: 2, secondsLeft: 1 };
        await sleep(options.pause ?? 0);
        if (signal.aborted) throw new Failure('interrupted', 'stopped');
        await options.before?.(index);
        const accepted = options.rejectThirds !== true || index % 3 !== 2;
        const record = exampleRecord(settings, {
          batch,
          index,
          reweighting: accepted ? null : { weight: 2, threshold: 1, acceptance: 0.5, accepted },
        });
        const { width, height, data } = examplePixels(index);
        yield { kind: 'preview', index, step: 1, picture: { width, height, pixels: data } };
        made.push(index);
        yield { kind: 'image', index, picture: { width, height, pixels: data }, record };
        if (accepted) kept += 1;
      }
      yield {
        kind: 'finished',
        cost: {
          asked: settings.count,
          kept,
          rejected: 0,
          failed: 0,
          seconds: 1,
          secondsPerKept: 1,
          secondsPerKeptInterval: { low: 0.8, high: 1.25 },
          modelCalls: 10,
        },
      };
    },
  };
}
