import { describe, expect, it } from 'vitest';
import { EarlyPruning, studentDistribution } from '../../../main/engine/features/early-pruning.ts';
import { acceptanceRate } from '../../../main/engine/features/reweighting.ts';
import { runGaussianCandidates, thresholdOfShare } from '../../doubles/gaussian-candidates.ts';

const look = { steps: 20, lookAfter: 8, sigma: 0.4, seed: 5, kept: 1500 };

describe('candidates given up on their estimates', () => {
  it.each([
    [33, 0.0928],
    [33, 0.4845],
    [1 / 33, 0.9],
  ])('of weight %d: the law changes by no more than is stated (share above the threshold %d)', (weight, share) => {
    const reweighting = { weight, threshold: thresholdOfShare(share) };
    const naive = runGaussianCandidates({ ...look, reweighting, pruning: null });
    expect(naive.kept.length / naive.tried).toBeCloseTo(acceptanceRate(share, weight), 1);
    for (const risk of [0.01, 0.05]) {
      const { report, wronglyGivenUp, cost, kept } = runGaussianCandidates({ ...look, reweighting, pruning: { risk } });
      expect(report?.givenUp).toBeGreaterThan(100);
      expect(wronglyGivenUp).toBeLessThanOrEqual(risk * (report?.givenUp ?? 0));
      expect(cost / kept.length).toBeLessThan(naive.cost / naive.kept.length);
      // The share above the threshold among the kept moves by no more than the mass that was lost.
      const above = (densities: readonly number[]): number =>
        densities.filter((density) => density > reweighting.threshold).length / densities.length;
      const noise = 4 * Math.sqrt(0.25 / kept.length);
      expect(Math.abs(above(kept) - above(naive.kept))).toBeLessThan(wronglyGivenUp / kept.length + noise);
    }
  });

  it('are checked by the audited: what they show agrees with what was lost', () => {
    const reweighting = { weight: 33, threshold: thresholdOfShare(0.0928) };
    const { report, wronglyGivenUp } = runGaussianCandidates({
      ...look,
      reweighting,
      pruning: { risk: 0.2, audit: 0.3 },
    });
    if (report === null) throw new Error('no report');
    const shown = (report.auditedAccepted / report.audited) * report.givenUp;
    expect(Math.abs(shown - wronglyGivenUp)).toBeLessThan(0.3 * wronglyGivenUp);
    expect(report.expectedLost).toBeGreaterThan(0.5 * wronglyGivenUp);
  });

  it('are none while little is known, none that are accepted anyway, and none whose estimate says nothing', () => {
    const pruning = new EarlyPruning({ weight: 4, threshold: 1 }, { risk: 0.05, audit: 0 });
    for (let i = 0; i < 16; i++) {
      expect(pruning.verdict(0.9, 1, 1e-6)).toBe('finish');
      pruning.learn(0.1 + i / 100, 0.1 + i / 100, 'finish');
    }
    expect(pruning.verdict(0.9, 1, 0.1)).toBe('give-up');
    expect(pruning.verdict(0.2, 1, 0.1)).toBe('finish');
    expect(pruning.verdict(0.9, 1, 2)).toBe('finish');

    const blind = new EarlyPruning({ weight: 4, threshold: 1 }, { risk: 0.05, audit: 0 });
    // Densities that have nothing to do with their estimates: half of them are accepted whatever the estimate.
    for (let i = 0; i < 60; i++) blind.learn(0.1 + ((i * 7) % 13), i % 2 === 0 ? 0.5 : 2, 'finish');
    expect(blind.verdict(0.9, 1, 0.1)).toBe('finish');
  });

  it.each([
    [0, 0.05],
    [0.6, 0.05],
    [NaN, 0.05],
    [0.1, 1.5],
  ])('refuse a risk of %d with an audit of %d', (risk, audit) => {
    expect(() => new EarlyPruning({ weight: 2, threshold: 1 }, { risk, audit })).toThrow(/expected/);
  });
});

it.each([
  [0, 3, 0.5],
  [2.353363434801825, 3, 0.95],
  [-1.812461122811676, 10, 0.05],
  [2.7637694581126966, 10, 0.99],
])('P(T ≤ %d) of Student’s t with %d degrees of freedom is %d', (t, freedom, expected) => {
  expect(studentDistribution(t, freedom)).toBeCloseTo(expected, 10);
});
