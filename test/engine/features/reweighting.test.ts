import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  acceptanceProbability,
  acceptanceRate,
  accepts,
  acceptsRegardless,
  effectiveSampleSize,
  importanceResample,
  shareAboveAfter,
} from '../../../main/engine/features/reweighting.ts';
import reference from '../../reference/metrics/reference-values.json' with { type: 'json' };
import { lcg } from '../../doubles/lcg.ts';

describe('accept/reject by density', () => {
  it.each(reference.pseudoDensity.acceptance)(
    'with share $shareAbove above and w = $w keeps $acceptRate, of it $shareAboveAfter above',
    ({ shareAbove, w, acceptRate, shareAboveAfter: after }) => {
      expect(acceptanceRate(shareAbove, w)).toBeCloseTo(acceptRate, 9);
      expect(shareAboveAfter(shareAbove, w)).toBeCloseTo(after, 9);
    },
  );

  it.each(reference.pseudoDensity.acceptance)(
    'reaches these shares in 40,000 draws (w = $w)',
    ({ shareAbove, w, acceptRate, shareAboveAfter: after }) => {
      const random = lcg(7);
      let kept = 0;
      let above = 0;
      for (let i = 0; i < 40_000; i++) {
        const density = random() < shareAbove ? 2 : 0.5;
        if (!accepts(density, random(), { weight: w, threshold: 1 })) continue;
        kept++;
        if (density > 1) above++;
      }
      expect(Math.abs(kept / 40_000 - acceptRate)).toBeLessThan(0.012);
      expect(Math.abs(above / kept - after)).toBeLessThan(0.015);
    },
  );

  it.each([
    // density, u, weight → kept (threshold 1); at the threshold itself neither direction favours the sample.
    [1.5, 0.99, 4, true],
    [0.5, 0.24, 4, true],
    [0.5, 0.25, 4, false],
    [1, 0.9, 4, false],
    [0.5, 0.99, 0.25, true],
    [1.5, 0.24, 0.25, true],
    [1.5, 0.25, 0.25, false],
    [1, 0.9, 0.25, false],
    [1.5, 0.99, 1, true],
    [0.5, 0.99, 1, true],
  ])('density %d with u = %d and w = %d: kept %s', (density, u, weight, kept) => {
    expect(accepts(density, u, { weight, threshold: 1 })).toBe(kept);
  });

  it('keeps with the probability it states, and knows early what is kept anyway', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 3, noNaN: true }),
        fc.double({ min: 0.01, max: 40, noNaN: true }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (density, weight, u) => {
          const reweighting = { weight, threshold: 1 };
          expect(accepts(density, u, reweighting)).toBe(u < acceptanceProbability(density, reweighting));
          if (acceptsRegardless(u, reweighting)) expect(accepts(density, u, reweighting)).toBe(true);
        },
      ),
    );
  });

  it.each([0, -1, NaN, Infinity])('refuses w = %d', (weight) => {
    expect(() => acceptanceRate(0.5, weight)).toThrow(/density weight: expected a positive number/);
  });
});

describe('importance resampling', () => {
  it('of weights 1, 2, 3, 4 draws each as often as its weight says', () => {
    const random = lcg(3);
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 5000; i++)
      for (const at of importanceResample([1, 2, 3, 4], 2, random, true).chosen) counts[at] = (counts[at] ?? 0) + 1;
    counts.forEach((count, i) => expect(Math.abs(count / 10_000 - (i + 1) / 10)).toBeLessThan(0.015));
  });

  it('without repeats draws the first as often as its weight says, and never one twice', () => {
    const random = lcg(4);
    const first = [0, 0, 0, 0];
    for (let i = 0; i < 8000; i++) {
      const { chosen } = importanceResample([1, 2, 3, 4], 3, random);
      expect(new Set(chosen).size).toBe(3);
      first[chosen[0] ?? 0] = (first[chosen[0] ?? 0] ?? 0) + 1;
    }
    first.forEach((count, i) => expect(Math.abs(count / 8000 - (i + 1) / 10)).toBeLessThan(0.02));
  });

  it('says how many samples the weights are worth', () => {
    expect(effectiveSampleSize([1, 1, 1, 1])).toBe(4);
    expect(effectiveSampleSize([1, 0, 0, 0])).toBe(1);
    expect(effectiveSampleSize([3, 1])).toBeCloseTo(1.6, 12);
    expect(effectiveSampleSize([3e-200, 1e-200])).toBeCloseTo(1.6, 12);
  });

  it.each([
    [[1, -1], 1, /non-negative.*-1 at 1/],
    [[1, NaN], 1, /non-negative.*NaN at 1/],
    [[1, 0, 0], 2, /at least 2 candidates of positive weight, got 1/],
  ])('refuses weights %j for %i', (weights, count, message) => {
    expect(() => importanceResample(weights, count, lcg(1))).toThrow(message);
  });
});
