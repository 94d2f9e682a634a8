import type { ActivityEvent } from '../../contract/calls/workshop.ts';
import { EventQueue } from '../event-queue.ts';

/** Tells every window what happens. A window that does not listen for a while keeps only what it has to know. */
export class Announcer {
  readonly #windows = new Set<EventQueue<ActivityEvent>>();

  tell(event: ActivityEvent): void {
    for (const window of this.#windows) window.push(event);
  }

  /** What happens from now on, until the signal is aborted or the announcer closed. */
  async *listen(signal: AbortSignal): AsyncGenerator<ActivityEvent, void, void> {
    const window = new EventQueue<ActivityEvent>(() => this.#windows.delete(window));
    const end = (): void => {
      window.end();
    };
    this.#windows.add(window);
    signal.addEventListener('abort', end);
    if (signal.aborted) end();
    try {
      yield* window.drain();
    } finally {
      signal.removeEventListener('abort', end);
      end();
    }
  }

  close(): void {
    for (const window of this.#windows) window.end();
  }
}
