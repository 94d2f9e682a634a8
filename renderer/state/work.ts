import type { Follower } from '../../main/contract/calls/client.ts';
import type { FailureRecord } from '../../main/contract/failures.ts';
import type { WorkProgress } from '../../main/contract/work-progress.ts';

/** Work that can be watched and stopped. */
export type Work<Result> =
  | { readonly state: 'idle' }
  | ({ readonly state: 'working' } & Omit<WorkProgress, 'kind'>)
  | { readonly state: 'failed'; readonly failure: FailureRecord }
  | { readonly state: 'done'; readonly result: Result };

/** Work that was asked for and has told nothing yet. */
export const begun = { state: 'working', done: 0, all: 0, secondsLeft: null } as const;

/** Turns a stream's events into the state of the work; `resultOf` finds the result in the event that brings it. */
export function workFollower<Event extends WorkProgress | { readonly kind: 'skipped' | 'complete' }, Result>(
  set: (work: Work<Result>) => void,
  get: () => Work<Result>,
  resultOf: (event: Event) => Result | null,
): Follower<Event> {
  return {
    onEvent: (event) => {
      const result = resultOf(event);
      if (result !== null) set({ state: 'done', result });
      else if (event.kind === 'progress') set({ state: 'working', ...timeOf(event) });
    },
    onEnd: (failure) => {
      if (failure !== null) set({ state: 'failed', failure: failure.toRecord() });
      // A stream that ends without a result was cut off: nothing is being worked on any more.
      else if (get().state === 'working') set({ state: 'idle' });
    },
  };
}

function timeOf({ done, all, secondsLeft }: WorkProgress) {
  return { done, all, secondsLeft };
}
