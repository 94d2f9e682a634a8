/**
 * Does something again when asked, but never twice at once and never sooner than `rest` milliseconds after it was asked:
 * what is asked in between becomes one more time. However quickly events arrive, a window asks its host at this pace.
 */
export class Refresher {
  readonly #work: () => Promise<void>;
  readonly #rest: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isRunning = false;
  #isAsked = false;

  /** @param work deals with its own failures */
  constructor(work: () => Promise<void>, rest = 100) {
    this.#work = work;
    this.#rest = rest;
  }

  ask(): void {
    this.#isAsked = true;
    if (this.#isRunning || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      void this.#run();
    }, this.#rest);
  }

  async #run(): Promise<void> {
    this.#timer = undefined;
    this.#isAsked = false;
    this.#isRunning = true;
    try {
      await this.#work();
    } finally {
      this.#isRunning = false;
      if (this.#isAsked) this.ask();
    }
  }
}
