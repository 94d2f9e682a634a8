import { EarlyPruning, type PruningReport } from '../../main/engine/features/early-pruning.ts';
import { accepts, type Reweighting } from '../../main/engine/features/reweighting.ts';
import { uniformNumbers } from '../../main/engine/features/uniform.ts';
import { philoxStream } from '../../main/engine/tensor/philox.ts';

export interface GaussianRun {
  readonly reweighting: Reweighting;
  /** null: every candidate is finished. */
  readonly pruning: { readonly risk: number; readonly audit?: number } | null;
  readonly kept: number;
  readonly steps: number;
  /** Steps before the look. */
  readonly lookAfter: number;
  /** Noise through which the estimate sees the sample. */
  readonly sigma: number;
  readonly seed: number;
}

/**
 * Accept/reject over candidates x ~ N(0, I) in 8 dimensions made in `steps` steps of cost 1, whose estimate at the look is
 * E[x | x + sigma · noise], as a denoised estimate is. The density is that of x itself, so its law is known: |x|² is
 * chi-squared. Candidates are the same, and come in the same order, whatever is given up.
 */
export function runGaussianCandidates({
  reweighting,
  pruning,
  kept: wanted,
  steps,
  lookAfter,
  sigma,
  seed,
}: GaussianRun) {
  const normals = philoxStream(seed, 0, 'step');
  const random = uniformNumbers(philoxStream(seed, 1, 'selection'));
  const pruner = pruning === null ? null : new EarlyPruning(reweighting, pruning);
  const kept: number[] = [];
  let [cost, tried, wronglyGivenUp] = [0, 0, 0];
  while (kept.length < wanted) {
    tried += 1;
    const draws = normals.normal(new Float64Array(2 * dimensions));
    const x = draws.subarray(0, dimensions);
    const seen = x.map((value, i) => (value + sigma * (draws[dimensions + i] ?? NaN)) / (1 + sigma * sigma));
    const density = densityOf(x);
    const [u, auditNumber] = [random(), random()];
    const verdict = pruner?.verdict(u, auditNumber, densityOf(seen)) ?? 'finish';
    cost += verdict === 'give-up' ? lookAfter : steps;
    if (verdict === 'give-up') {
      if (accepts(density, u, reweighting)) wronglyGivenUp += 1;
      continue;
    }
    pruner?.learn(densityOf(seen), density, verdict);
    if (accepts(density, u, reweighting)) kept.push(density);
  }
  const report: PruningReport | null = pruner?.report() ?? null;
  return { kept, cost, tried, wronglyGivenUp, report };
}

const dimensions = 8;

function densityOf(x: Float64Array): number {
  return Math.exp(-x.reduce((sum, value) => sum + value * value, 0) / dimensions);
}

/** The density that a share q of the candidates exceeds: |x|² below the q-quantile of chi-squared with 8 degrees. */
export function thresholdOfShare(q: number): number {
  let [low, high] = [0, 100];
  for (let i = 0; i < 100; i++) {
    const middle = (low + high) / 2;
    if (chiSquared8(middle) < q) low = middle;
    else high = middle;
  }
  return Math.exp(-low / dimensions);
}

/** P(chi-squared with 8 degrees of freedom ≤ x): 1 − e^(−x/2) Σ (x/2)^k / k!, k < 4. */
function chiSquared8(x: number): number {
  const half = x / 2;
  return 1 - Math.exp(-half) * (1 + half + half ** 2 / 2 + half ** 3 / 6);
}
