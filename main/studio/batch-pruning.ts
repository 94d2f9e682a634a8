import type { ImageRecord } from '../contract/images.ts';
import { note } from '../contract/notes.ts';
import { EarlyPruning, type PruningVerdict } from '../engine/features/early-pruning.ts';
import type { Reweighting } from '../engine/features/reweighting.ts';
import type { Picture } from '../engine/generation/generation-request.ts';
import type { BatchJudge } from './batch-judge.ts';
import type { CandidateEvent, Look } from './generate-candidates.ts';

/** Share of the steps after which candidates are looked at: early enough to save, late enough to see. */
const lookShare = 0.5;

/** A candidate's uniform number of acceptance, and the one of its audit. */
type Numbers = readonly [u: number, audit: number];

/** Early pruning of a batch: what was seen of each candidate on its way, and what it came to. */
export class BatchPruning {
  readonly #reweighting: Reweighting;
  readonly #risk: number;
  readonly #judge: BatchJudge;
  readonly #numbersOf: (index: number) => Numbers;
  readonly #pruning: EarlyPruning;
  readonly #seen = new Map<number, { readonly estimate: number; readonly verdict: PruningVerdict }>();

  /** @throws bad-input for a risk outside 0–0.5 */
  constructor(reweighting: Reweighting, risk: number, judge: BatchJudge, numbersOf: (index: number) => Numbers) {
    this.#reweighting = reweighting;
    this.#risk = risk;
    this.#judge = judge;
    this.#numbersOf = numbersOf;
    this.#pruning = new EarlyPruning(reweighting, { risk });
  }

  /** Judges estimates as if they were finished, and says which candidates to give up. */
  look(signal: AbortSignal | undefined): Look {
    const judge = async (
      estimates: readonly { readonly index: number; readonly picture: Picture }[],
    ): Promise<readonly number[]> => {
      const judged = await this.#judge.judge(
        estimates.map(({ picture }) => picture),
        signal,
      );
      return estimates.flatMap(({ index }, i) => {
        const estimate = judged[i]?.scores.pseudoDensity;
        if (estimate == null) return [];
        const [u, auditNumber] = this.#numbersOf(index);
        // A look that is repeated after the engine died must not count twice.
        const verdict = this.#seen.get(index)?.verdict ?? this.#pruning.verdict(u, auditNumber, estimate);
        this.#seen.set(index, { estimate, verdict });
        return verdict === 'give-up' ? [index] : [];
      });
    };
    return { share: lookShare, judge };
  }

  /** Tells how a finished candidate came out. */
  learn(index: number, density: number): void {
    const seen = this.#seen.get(index);
    if (seen !== undefined) this.#pruning.learn(seen.estimate, density, seen.verdict);
    this.#seen.delete(index);
  }

  /** The record of a candidate that was given up: with the chance it had, without scores that a finished one would have. */
  recordOf({ index, record, step, stepCount }: Extract<CandidateEvent, { kind: 'given-up' }>): ImageRecord {
    const estimate = this.#seen.get(index)?.estimate ?? NaN;
    this.#seen.delete(index);
    const acceptance = this.#pruning.chanceOf(estimate);
    return {
      ...record,
      reweighting: { ...this.#reweighting, acceptance, accepted: false },
      notes: [
        ...record.notes,
        note('givenUp', {
          step,
          stepCount,
          density: estimate.toPrecision(3),
          chance: (100 * acceptance).toFixed(1),
        }),
      ],
    };
  }

  /** What giving up early did, and what it may have cost the law of the kept. */
  note(kept: number): string {
    const { looked, givenUp, audited, auditedAccepted, expectedLost } = this.#pruning.report();
    const percent = (lost: number): string => (lost === 0 ? '0' : ((100 * lost) / (kept + lost)).toFixed(1));
    const found = { givenUp, looked, expected: percent(expectedLost), most: percent(this.#risk * givenUp) };
    return audited === 0
      ? note('givenUpEarly', found)
      : note('givenUpEarlyChecked', { ...found, audited, accepted: auditedAccepted });
  }
}
