/** Joins a pushing side (messages of a process) to a pulling one (an async generator). One reader, drained once. */
export class EventQueue<Event> {
  readonly #waiting: Event[] = [];
  readonly #onClose: () => void;
  #wake: (() => void) | undefined;
  #outcome: { readonly error?: Error } | undefined;

  /** @param onClose called once, when the queue is ended or failed */
  constructor(onClose: () => void) {
    this.#onClose = onClose;
  }

  push(event: Event): void {
    if (this.#outcome !== undefined) return;
    this.#waiting.push(event);
    this.#wake?.();
  }

  end(): void {
    this.#close({});
  }

  fail(error: Error): void {
    this.#close({ error });
  }

  /** Yields everything pushed before the end; then returns, or throws what the queue failed with. */
  async *drain(): AsyncGenerator<Event, void, void> {
    for (;;) {
      while (this.#waiting.length > 0) {
        const event = this.#waiting.shift();
        if (event !== undefined) yield event;
      }
      if (this.#outcome !== undefined) {
        if (this.#outcome.error !== undefined) throw this.#outcome.error;
        return;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }

  #close(outcome: { readonly error?: Error }): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = outcome;
    this.#onClose();
    this.#wake?.();
  }
}
