import { Failure } from '../../contract/failures.ts';

/**
 * Answers that generations wait for: which candidates of a batch are to be given up after a look at their estimates. They
 * come as a request of their own, with the generation's ticket.
 */
export class Verdicts {
  readonly #waiting = new Map<string, (dropped: readonly number[]) => void>();

  /** Waits for the next verdict on a ticket; a stop ends the wait. */
  expect(ticket: string, signal: AbortSignal): Promise<readonly number[]> {
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        this.#waiting.delete(ticket);
        reject(new Failure('interrupted', 'The work was stopped.'));
      };
      if (signal.aborted) {
        stop();
        return;
      }
      signal.addEventListener('abort', stop, { once: true });
      this.#waiting.set(ticket, (dropped) => {
        signal.removeEventListener('abort', stop);
        this.#waiting.delete(ticket);
        resolve(dropped);
      });
    });
  }

  /** @throws Failure `not-found` where nobody waits */
  give(ticket: string, dropped: readonly number[]): void {
    const answer = this.#waiting.get(ticket);
    if (answer === undefined) throw new Failure('not-found', `verdict: no generation waits for '${ticket}'`, 'ticket');
    answer(dropped);
  }
}
