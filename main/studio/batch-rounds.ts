import type { BatchCost } from '../contract/measures.ts';
import { secondsPerKeptFactors, type Round } from '../engine/metrics/seconds-per-kept.ts';

/** The rounds of a batch while it is made, by the clock: what the interval of its cost rests on. */
export class BatchRounds {
  readonly #rounds: Round[] = [];
  #since = performance.now();
  #candidates = 0;

  /** Making begins now; loading the model came before and is no round's time. */
  begin(): void {
    if (this.#rounds.length === 0) this.#since = performance.now();
  }

  /** Candidates of the present round are through, kept or not. */
  tried(candidates: number): void {
    this.#candidates += candidates;
  }

  /** The present round is over. One without a candidate is not: what it took belongs to the next. */
  end(kept: number): void {
    if (this.#candidates === 0) return;
    const now = performance.now();
    this.#rounds.push({ seconds: (now - this.#since) / 1000, candidates: this.#candidates, kept });
    this.#since = now;
    this.#candidates = 0;
  }

  /** What a batch took for each image kept, with its interval. */
  costOf(seconds: number, kept: number): Pick<BatchCost, 'secondsPerKept' | 'secondsPerKeptInterval'> {
    if (kept === 0) return { secondsPerKept: null, secondsPerKeptInterval: null };
    const each = seconds / kept;
    const factors = secondsPerKeptFactors(this.#rounds);
    return {
      secondsPerKept: each,
      secondsPerKeptInterval: factors === null ? null : { low: each * factors.low, high: each * factors.high },
    };
  }
}
