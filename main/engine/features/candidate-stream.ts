import { accepts, acceptsRegardless, type Reweighting } from './reweighting.ts';

/** One candidate on its way through the sampler; made by the caller, in parallel batches or one by one. */
export interface Candidate<Sample> {
  /** Runs the first part of sampling and judges the pseudo density of the denoised estimate there. */
  readonly preview: () => Promise<{ readonly density: number; readonly cost: number }>;
  /** Runs the rest; the cost counts the whole of it. */
  readonly finish: () => Promise<{ readonly sample: Sample; readonly density: number; readonly cost: number }>;
}

export interface PruningOptions {
  /**
   * A candidate that only its density could save is given up when its preview lies on the wrong side of the threshold by
   * this factor (1: at the threshold itself; larger: only when it is clearly lost).
   */
  readonly margin: number;
  /** Share of those that would be given up which is finished all the same, 0–1: keeps the law known, or exact. */
  readonly audit: number;
}

/** A kept candidate. */
export interface KeptCandidate<Sample> {
  readonly sample: Sample;
  readonly density: number;
  /** 1, or 1/audit for one that was finished by the audit: with these weights the kept follow the exact law. */
  readonly weight: number;
}

export interface StreamReport {
  readonly tried: number;
  readonly pruned: number;
  readonly rejected: number;
  /** In the caller's unit, model calls say, over all candidates. */
  readonly cost: number;
  /**
   * Estimated total variation between the law of the kept without weights and the exact law: the mass of candidates given
   * up that would have been accepted. Null where no candidate was audited, though some were given up.
   */
  readonly lawChange: number | null;
}

export type StreamEvent<Sample> =
  | { readonly kind: 'kept'; readonly candidate: KeptCandidate<Sample> }
  | { readonly kind: 'report'; readonly report: StreamReport };

/**
 * Accept/reject with early pruning (PAPERS.md §3b.2). A candidate's uniform number is drawn first: with probability 1/w
 * (w below 1: w) it is accepted whatever its density, and is never pruned. The others must show a density on the right
 * side of the threshold, and are given up early when their preview says they will not.
 *
 * What is lost are candidates whose preview was wrong. Each is finished with probability `audit` all the same; weighted by
 * 1/audit these make up for the lost ones exactly, so that weighted sums over the kept are unbiased. Without weights the
 * law changes by `lawChange`.
 *
 * @param draw the next candidate, or null when no more may be tried
 * @param random uniform numbers in [0, 1), three a candidate
 */
export async function* candidateStream<Sample>(
  draw: () => Candidate<Sample> | null,
  count: number,
  reweighting: Reweighting,
  random: () => number,
  { margin, audit }: PruningOptions,
): AsyncGenerator<StreamEvent<Sample>, void, void> {
  let kept = 0;
  let tried = 0;
  let pruned = 0;
  let rejected = 0;
  let cost = 0;
  let audited = 0;
  let saved = 0;
  for (let candidate = draw(); candidate !== null; candidate = draw()) {
    tried += 1;
    const u = random();
    const audits = random() < audit;
    let weight = 1;
    if (!acceptsRegardless(u, reweighting)) {
      const preview = await candidate.preview();
      cost += preview.cost;
      if (looksLost(preview.density, reweighting, margin)) {
        if (!audits) {
          pruned += 1;
          continue;
        }
        audited += 1;
        weight = 1 / audit;
      }
    }
    const { sample, density, cost: rest } = await candidate.finish();
    cost += rest;
    if (!accepts(density, u, reweighting)) {
      rejected += 1;
      continue;
    }
    if (weight !== 1) saved += 1;
    kept += 1;
    yield { kind: 'kept', candidate: { sample, density, weight } };
    if (kept === count) break;
  }
  const wrong = audited === 0 ? null : pruned * (saved / audited);
  const lawChange = pruned === 0 ? 0 : wrong === null ? null : wrong / (kept + wrong || 1);
  yield { kind: 'report', report: { tried, pruned, rejected, cost, lawChange } };
}

function looksLost(density: number, { weight, threshold }: Reweighting, margin: number): boolean {
  return weight > 1 ? density * margin <= threshold : density >= threshold * margin;
}
