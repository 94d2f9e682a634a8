import { Failure } from '../../contract/failures.ts';
import { betaDistribution } from '../tensor/beta-distribution.ts';
import { acceptsRegardless, type Reweighting } from './reweighting.ts';

/** What becomes of a candidate at its look: it is finished, finished although it looks lost (an audit), or given up. */
export type PruningVerdict = 'finish' | 'audit' | 'give-up';

export interface PruningReport {
  /** Candidates looked at, given up, and finished by audit although they looked lost. */
  readonly looked: number;
  readonly givenUp: number;
  readonly audited: number;
  /** Of the audited, those whose density was accepted after all. */
  readonly auditedAccepted: number;
  /** Expected number of the given up that would have been accepted: the sum of their chances. */
  readonly expectedLost: number;
}

/** Pairs of estimate and result before anything is given up. */
const leastPairs = 16;

/**
 * Early pruning of accept/reject (PAPERS.md §3b.2) on the pseudo density of a candidate's denoised estimate part of the way.
 *
 * A candidate whose uniform number accepts it whatever its density is never given up. For the others, a straight line from
 * the logarithm of the estimate's density to that of the result is fitted to the candidates finished so far. One is given
 * up when the line's predictive law (Student's t with n − 2 degrees of freedom) leaves it at most the chance `risk` of a
 * density that is accepted. Which candidates are finished depends on the estimate alone, so the fit is not bent by what was
 * given up. The law of the kept changes by the mass of the given up that would have been accepted: `expectedLost` states
 * it, and the audited, finished all the same, check it.
 */
export class EarlyPruning {
  readonly #reweighting: Reweighting;
  readonly #risk: number;
  readonly #audit: number;
  readonly #line = new Line();
  #looked = 0;
  #givenUp = 0;
  #audited = 0;
  #auditedAccepted = 0;
  #expectedLost = 0;

  /**
   * @param risk largest chance of acceptance with which a candidate is given up
   * @param audit share of those that is finished all the same, to check
   * @throws bad-input for a risk outside 0–0.5 or an audit outside 0–1
   */
  constructor(reweighting: Reweighting, { risk, audit = 0.1 }: { readonly risk: number; readonly audit?: number }) {
    if (!(risk > 0 && risk <= 0.5))
      throw new Failure('bad-input', `prune risk: expected a chance above 0, at most 0.5, got ${risk}`, 'pruneRisk');
    if (!(audit >= 0 && audit <= 1))
      throw new Failure('bad-input', `prune audit: expected a share from 0 to 1, got ${audit}`, 'audit');
    this.#reweighting = reweighting;
    this.#risk = risk;
    this.#audit = audit;
  }

  /**
   * @param u the candidate's uniform number of acceptance
   * @param auditNumber another one, for the audit
   * @param estimate pseudo density of its denoised estimate
   */
  verdict(u: number, auditNumber: number, estimate: number): PruningVerdict {
    this.#looked += 1;
    if (acceptsRegardless(u, this.#reweighting)) return 'finish';
    const chance = this.chanceOf(estimate);
    if (chance > this.#risk) return 'finish';
    if (auditNumber < this.#audit) {
      this.#audited += 1;
      return 'audit';
    }
    this.#givenUp += 1;
    this.#expectedLost += chance;
    return 'give-up';
  }

  /** Chance that a candidate's density lies on the accepted side of the threshold; 1 while too little is known. */
  chanceOf(estimate: number): number {
    if (this.#line.count < leastPairs) return 1;
    const { weight, threshold } = this.#reweighting;
    const above = 1 - this.#line.distributionAt(Math.log(estimate), Math.log(threshold));
    return weight > 1 ? above : 1 - above;
  }

  /** Tells how a candidate that was looked at came out. */
  learn(estimate: number, density: number, verdict: PruningVerdict): void {
    this.#line.add(Math.log(estimate), Math.log(density));
    const { weight, threshold } = this.#reweighting;
    if (verdict === 'audit' && density > threshold === weight > 1) this.#auditedAccepted += 1;
  }

  report(): PruningReport {
    return {
      looked: this.#looked,
      givenUp: this.#givenUp,
      audited: this.#audited,
      auditedAccepted: this.#auditedAccepted,
      expectedLost: this.#expectedLost,
    };
  }
}

/** A straight line by least squares, from running sums about the first point. */
class Line {
  #origin: readonly [number, number] | undefined;
  #sums = { n: 0, x: 0, y: 0, xx: 0, xy: 0, yy: 0 };

  get count(): number {
    return this.#sums.n;
  }

  add(x: number, y: number): void {
    this.#origin ??= [x, y];
    const [dx, dy] = [x - this.#origin[0], y - this.#origin[1]];
    const { n, x: sx, y: sy, xx, xy, yy } = this.#sums;
    this.#sums = { n: n + 1, x: sx + dx, y: sy + dy, xx: xx + dx * dx, xy: xy + dx * dy, yy: yy + dy * dy };
  }

  /** P(Y ≤ y) of a new value at x: Student's t around the line, its scale widened for the uncertainty of the line. */
  distributionAt(x: number, y: number): number {
    const [x0, y0] = this.#origin ?? [0, 0];
    const { n, x: sx, y: sy, xx, xy, yy } = this.#sums;
    const spread = xx - (sx * sx) / n;
    const slope = spread > 0 ? (xy - (sx * sy) / n) / spread : 0;
    const residual = Math.max(0, yy - (sy * sy) / n - slope * (xy - (sx * sy) / n));
    const freedom = n - 2;
    const away = x - x0 - sx / n;
    const widening = 1 + 1 / n + (spread > 0 ? (away * away) / spread : 0);
    const scale = Math.sqrt((residual / freedom) * widening);
    const distance = y - y0 - (sy / n + slope * away);
    if (scale === 0) return distance >= 0 ? 1 : 0;
    return studentDistribution(distance / scale, freedom);
  }
}

/** P(T ≤ t) of Student's t. Abramowitz & Stegun 26.7.1, through the incomplete beta function. */
export function studentDistribution(t: number, freedom: number): number {
  const tail = betaDistribution(freedom / (freedom + t * t), freedom / 2, 1 / 2) / 2;
  return t > 0 ? 1 - tail : tail;
}
