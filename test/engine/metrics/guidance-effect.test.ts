import { describe, expect, it } from 'vitest';
import { featuresFromRows } from '../../../main/engine/features/features.ts';
import { uniformNumbers } from '../../../main/engine/features/uniform.ts';
import { guidanceEffect, spreadOf, unguidedCheck } from '../../../main/engine/metrics/guidance-effect.ts';
import { reciprocalProbability } from '../../../main/engine/metrics/reciprocal-probability.ts';
import { philoxStream } from '../../../main/engine/tensor/philox.ts';
import conformance from '../../reference/metrics/reference-values.json' with { type: 'json' };
import { lcg } from '../../doubles/lcg.ts';

/**
 * Two classes N(1, 1) and N(−1, 1) with equal priors under the Ornstein–Uhlenbeck process (PAPERS.md §2, example B):
 * at time s the means are ±e^−s, the variances 1, and P(1|y) = 1 / (1 + exp(−2 e^−s y)).
 *
 * Runs the guided reverse SDE with w on `paths` paths that share their noise over calls with the same seed.
 */
function guidedPaths(w: number, paths: number, stepCount: number) {
  const horizon = 8;
  const h = horizon / stepCount;
  const noise = philoxStream(11, 0, 'step');
  const z = new Float64Array(paths);
  const y = noise.normal(new Float64Array(paths)).map((value) => value + Math.exp(-horizon));
  /** Σ over steps of h · 2 · |∇ log P|² / P, a path. */
  const loss = new Float64Array(paths);
  for (let step = 0; step < stepCount; step++) {
    const m = Math.exp(-(horizon - step * h));
    noise.normal(z);
    for (let i = 0; i < paths; i++) {
      const at = y[i] ?? 0;
      const p = 1 / (1 + Math.exp(-2 * m * at));
      const gradient = 2 * m * (1 - p);
      loss[i] = (loss[i] ?? 0) + (h * 2 * gradient * gradient) / p;
      const score = m - at;
      y[i] = at + h * (at + 2 * score + 2 * w * gradient) + Math.sqrt(2 * h) * (z[i] ?? 0);
    }
  }
  return { y, loss, logProbabilities: y.map((at) => -Math.log1p(Math.exp(-2 * at))) };
}

const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;

describe('mean 1/P on the Gaussian mixture', () => {
  const rows = conformance.guidanceMixture1D.models.B.rows;
  const samples = [0, 0.5, 1, 2].map((w) => {
    const { y, logProbabilities, loss } = guidedPaths(w, 4000, 800);
    return { w, loss, guidanceScale: 1 + w, logProbabilities, features: { count: 4000, width: 1, values: y } };
  });
  const { steps } = guidanceEffect(samples, uniformNumbers(philoxStream(1, 0, 'bootstrap')));

  it('agrees with the exact figures within the interval’s width, and falls with w', () => {
    steps.forEach(({ reciprocal, meanProbability, spread }, i) => {
      const exact = rows.find((row) => row.w === samples[i]?.w)?.sde;
      const width = (reciprocal.interval?.high ?? NaN) - (reciprocal.interval?.low ?? NaN);
      expect(Math.abs(reciprocal.mean - (exact?.E_recip ?? NaN))).toBeLessThan(width);
      expect(Math.abs(meanProbability - (exact?.E_p ?? NaN))).toBeLessThan(0.02);
      expect(Math.abs((spread ?? NaN) - (exact?.sd ?? NaN))).toBeLessThan(0.04);
    });
    const means = steps.map(({ reciprocal }) => reciprocal.mean);
    expect(means).toEqual([...means].sort((a, b) => b - a));
  });

  it('at scale 1 is 1/prior', () => {
    const unguided = steps[0]?.reciprocal;
    if (unguided === undefined) throw new Error('no first step');
    expect(unguidedCheck(unguided, 0.5)).toMatchObject({ expected: 2, consistent: true });
    expect(unguidedCheck(unguided, 0.1)).toMatchObject({ expected: 10, consistent: false });
  });

  it('obeys the identity: what guidance takes away is w ∫ g² E[|∇ log P|² / P] dt', () => {
    for (const { w, loss, logProbabilities } of samples) {
      // Path by path 1/P(Y₀) + w · loss − 1/P(Y_T) has mean 0, with 1/P(Y_T) = 1 + E exp(−2 e^−8 y) ≈ 2.
      const sums = loss.map((value, i) => Math.exp(-(logProbabilities[i] ?? 0)) + w * value - 2);
      const error = Math.sqrt(mean(sums.map((value) => value * value)) / sums.length);
      expect(Math.abs(mean(sums))).toBeLessThan(4 * error + 0.01);
    }
  });

  it('compares seed by seed: most get better, and those that do not are listed', () => {
    const last = steps.at(-1);
    expect(last?.worse).toHaveLength(Math.round((last?.worseShare ?? NaN) * 4000));
    expect(last?.worseShare).toBeLessThan(0.1);
    expect(last?.change.interval?.high).toBeLessThan(0);
    expect(steps[0]).toMatchObject({ worseShare: 0, worse: [], change: { mean: 0 } });
  });
});

describe('the guidance effect', () => {
  const spread = (width: number) => featuresFromRows([[-width], [width]]);
  const at = (guidanceScale: number, width: number, logs = [-1, -1]) => ({
    guidanceScale,
    logProbabilities: logs,
    features: spread(width),
  });

  it('puts the knee where the spread has halved, between grid points in ln spread', () => {
    expect(guidanceEffect([at(1, 8), at(2, 8), at(4, 2)], lcg(1)).knee).toBeCloseTo(3, 12);
    expect(guidanceEffect([at(1, 8), at(3, 4)], lcg(1)).knee).toBe(3);
    expect(guidanceEffect([at(1, 8), at(3, 5)], lcg(1)).knee).toBeNull();
    expect(guidanceEffect([at(1, 8), at(3, 0)], lcg(1)).knee).toBe(3);
  });

  it('names the positions that got worse', () => {
    const [, second] = guidanceEffect([at(1, 1, [-1, -2]), at(2, 1, [-0.5, -3])], lcg(1)).steps;
    expect(second).toMatchObject({ worse: [1], worseShare: 0.5 });
    expect(second?.change.mean).toBeCloseTo((Math.exp(0.5) - Math.E + Math.exp(3) - Math.exp(2)) / 2, 12);
  });

  it('measures spread as the root mean squared distance from the mean', () => {
    expect(
      spreadOf(
        featuresFromRows([
          [0, 0],
          [2, 0],
          [0, 2],
          [2, 2],
        ]),
      ),
    ).toBeCloseTo(Math.SQRT2, 12);
  });

  it.each([
    [[], /at least one scale/],
    [[at(1, 1), at(2, 1, [-1])], /expected 2 paired seeds, got 1/],
    [[at(2, 1), at(1, 1)], /ascending, got 1 after 2/],
  ])('refuses samples that cannot be compared', (samples, message) => {
    expect(() => guidanceEffect(samples, lcg(1))).toThrow(message);
  });
});

describe('mean 1/P', () => {
  it('survives probabilities far below the range of numbers', () => {
    const result = reciprocalProbability([-1000, -1000, -1], lcg(1));
    expect(result.mean).toBe(Infinity);
    expect(result.logMean).toBeCloseTo(1000 + Math.log(2 / 3), 9);
    expect(result.effectiveSampleSize).toBeCloseTo(2, 9);
    expect(result.largestShare).toBeCloseTo(0.5, 9);
  });

  it('of equal probabilities is their reciprocal, with everything counted', () => {
    const result = reciprocalProbability(Array<number>(10).fill(Math.log(0.25)), lcg(1));
    expect(result.mean).toBeCloseTo(4, 12);
    expect(result.quantile99).toBeCloseTo(4, 12);
    expect(result.effectiveSampleSize).toBeCloseTo(10, 12);
    expect(result.interval?.low).toBeCloseTo(4, 12);
  });

  it('refuses none, NaN and positive logarithms', () => {
    expect(() => reciprocalProbability([], lcg(1))).toThrow(/at least one/);
    expect(() => reciprocalProbability([NaN], lcg(1))).toThrow(/got NaN at 0/);
    expect(() => reciprocalProbability([-1, 0.5], lcg(1))).toThrow(/got 0.5 at 1/);
  });
});
