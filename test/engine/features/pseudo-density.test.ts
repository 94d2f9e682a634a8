import { describe, expect, it } from 'vitest';
import { featuresFromRows } from '../../../main/engine/features/features.ts';
import {
  densityAtPercentile,
  densityPercentile,
  densityReference,
  pseudoDensities,
} from '../../../main/engine/features/pseudo-density.ts';
import reference from '../../reference/metrics/reference-values.json' with { type: 'json' };
import { lcgFeatures } from '../../doubles/lcg.ts';

const line = featuresFromRows(reference.pseudoDensity.line.points.map((point) => [point]));

describe('pseudo density', () => {
  it.each([
    [1, reference.pseudoDensity.line.K1],
    [2, reference.pseudoDensity.line.K2],
    [3, reference.pseudoDensity.line.K3],
  ])('of the line 0, 1, 3, 6, 10 with K = %i is as worked out by hand', async (k, expected) => {
    const { densities, meanDistances } = await densityReference(line, k, 1);
    densities.forEach((value, i) => {
      expect(value).toBeCloseTo(expected.density[i] ?? NaN, 8);
      expect(meanDistances[i]).toBeCloseTo(expected.meanDistance[i] ?? NaN, 8);
    });
  });

  it.each([0.5, 1, 2, 8])('has mean 1 over the references for exponent %d', async (exponent) => {
    const { densities } = await densityReference(lcgFeatures(1, 120, 8), 20, exponent);
    expect(densities.reduce((sum, value) => sum + value, 0) / 120).toBeCloseTo(1, 12);
  });

  it('raises distances to the exponent', async () => {
    const { densities } = await densityReference(line, 1, 2);
    // Distances 1, 1, 2, 3, 4: inverse squares 1, 1, 1/4, 1/9, 1/16.
    const mean = (1 + 1 + 1 / 4 + 1 / 9 + 1 / 16) / 5;
    expect([...densities]).toEqual([1, 1, 1 / 4, 1 / 9, 1 / 16].map((value) => expect.closeTo(value / mean, 12)));
  });

  it('does not exclude a query from the references it lies on', async () => {
    const set = await densityReference(line, 2, 1);
    const [onPoint, between] = await pseudoDensities(featuresFromRows([[0], [4.5]]), line, set);
    // d_2(0) = (0 + 1)/2 and d_2(4.5) = 1.5, against d_2 = 2 for the reference at 0 with density 1.22898489.
    expect(onPoint).toBeCloseTo((1.22898489 * 2) / 0.5, 7);
    expect(between).toBeCloseTo((1.22898489 * 2) / 1.5, 7);
  });

  it('counts a pile of duplicates as dense as the densest real point', async () => {
    const references = featuresFromRows([[0], [0], [0], [1], [3], [7]]);
    const set = await densityReference(references, 2, 1);
    // Mean distances 0, 0, 0, 1, 2.5, 5: the zeros take the smallest real one.
    expect([...set.meanDistances]).toEqual([1, 1, 1, 1, 2.5, 5]);
    const [onPile] = await pseudoDensities(featuresFromRows([[0]]), references, set);
    expect(onPile).toBeCloseTo(set.densities[0] ?? NaN, 12);
    expect(set.densities.every(Number.isFinite)).toBe(true);
  });

  it('stays within range for exponents that overflow a plain power', async () => {
    const tiny = featuresFromRows([[0], [1e-60], [3e-60], [6e-60]]);
    const { densities } = await densityReference(tiny, 1, 8);
    expect(densities.every((value) => Number.isFinite(value) && value >= 0)).toBe(true);
  });

  it('refuses an exponent that makes a query denser than numbers go', async () => {
    const references = featuresFromRows([[0], [1], [3], [6]]);
    const set = await densityReference(references, 1, 5000);
    await expect(pseudoDensities(featuresFromRows([[0.5]]), references, set)).rejects.toMatchObject({
      code: 'bad-input',
      message: expect.stringMatching(/^exponent: expected .* got 5000 .*row 0/),
    });
  });

  it('refuses references that are all the same point', async () => {
    const same = featuresFromRows([
      [2, 3],
      [2, 3],
      [2, 3],
    ]);
    await expect(densityReference(same, 1, 1)).rejects.toMatchObject({ code: 'bad-input', message: /same one/ });
  });

  it.each([0, -1, NaN, Infinity])('refuses exponent %d', async (exponent) => {
    await expect(densityReference(line, 1, exponent)).rejects.toMatchObject({ code: 'bad-input' });
  });
});

describe('the percentile among the references', () => {
  it('counts ties half and runs from 0 to 100', async () => {
    const set = await densityReference(line, 1, 1);
    expect([0, 0.45, 1, 1.5, 5].map((value) => densityPercentile(value, set))).toEqual([0, 20, 60, 60, 100]);
    expect(densityPercentile(set.densities[0] ?? NaN, set)).toBe(80);
  });

  it('is linear between ranks, as the default of numpy.percentile', async () => {
    const set = await densityReference(line, 1, 1);
    const [lowest = NaN, second = NaN] = set.sorted;
    expect(densityAtPercentile(0, set)).toBe(lowest);
    expect(densityAtPercentile(10, set)).toBeCloseTo(lowest + 0.4 * (second - lowest), 12);
    expect(densityAtPercentile(100, set)).toBe(set.sorted[4]);
  });

  it.each([-0.1, 100.1, NaN])('refuses percentile %d', async (percentile) => {
    const set = await densityReference(line, 1, 1);
    expect(() => densityAtPercentile(percentile, set)).toThrow(/percentile from 0 to 100/);
  });
});
