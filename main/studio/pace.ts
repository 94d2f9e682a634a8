import type { WorkProgress } from '../contract/work-progress.ts';
import type { Workshop } from './workshop.ts';

/** Tells how long the rest of some work takes, from what was done since its start or the first report. */
export class Pace {
  readonly #clock: Pick<Workshop, 'now'>;
  #first: { readonly at: number; readonly done: number } | undefined;

  constructor(clock: Pick<Workshop, 'now'>) {
    this.#clock = clock;
  }

  /** The work begins, with so much done before. */
  start(done = 0): void {
    this.#first ??= { at: this.#clock.now().getTime(), done };
  }

  progress(done: number, all: number): WorkProgress {
    const now = this.#clock.now().getTime();
    this.#first ??= { at: now, done };
    const steps = done - this.#first.done;
    const secondsLeft = steps === 0 ? null : ((now - this.#first.at) / 1000 / steps) * (all - done);
    return { kind: 'progress', done, all, secondsLeft };
  }
}
