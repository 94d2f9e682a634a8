import { describe, expect, it } from 'vitest';
import { featureSet, featuresFromRows, type Features } from '../../../main/engine/features/features.ts';
import {
  densityAtPercentile,
  densityReference,
  pseudoDensities,
} from '../../../main/engine/features/pseudo-density.ts';
import { frechetDistance, momentsOf, resampledFrechetDistance } from '../../../main/engine/metrics/frechet-distance.ts';
import { compareManifolds, coverage, density, precision, recall } from '../../../main/engine/metrics/manifolds.ts';
import { meanPairwiseDistance, medianDistance, pairTable, rke } from '../../../main/engine/metrics/pairwise.ts';
import { effectiveNumber, resampledSpectrum, vendiScore } from '../../../main/engine/metrics/vendi-score.ts';
import { float32Product } from '../../doubles/float32-product.ts';
import { lcgFeatures } from '../../doubles/lcg.ts';
import figures from '../../reference/metrics/figures.json' with { type: 'json' };
import conformance from '../../reference/metrics/reference-values.json' with { type: 'json' };

const column = (points: readonly number[]): Features => featuresFromRows(points.map((point) => [point]));

async function prdc(reference: Features, generated: Features, k: number, options = {}) {
  const manifolds = await compareManifolds(reference, generated, { k, ...options });
  return {
    precision: precision(manifolds),
    recall: recall(manifolds),
    density: density(manifolds),
    coverage: coverage(manifolds),
  };
}

function close(expected: Readonly<Record<string, number>>, digits = 7): Record<string, unknown> {
  return Object.fromEntries(Object.entries(expected).map(([name, value]) => [name, expect.closeTo(value, digits)]));
}

function moved(features: Features, scale: number, shift: number): Features {
  return { ...features, values: Float64Array.from(features.values, (value) => value * scale + shift) };
}

const uniform = { reference: lcgFeatures(1, 200, 8), generated: lcgFeatures(2, 150, 8) };
const shrunk = { reference: uniform.reference, generated: moved(uniform.generated, 0.5, 0.25) };

describe('precision, recall, density and coverage', () => {
  it.each([
    [
      'the line, k = 1',
      column(conformance.prdc.line.real),
      column(conformance.prdc.line.fake),
      1,
      conformance.prdc.line.k1,
    ],
    [
      'the line, k = 2',
      column(conformance.prdc.line.real),
      column(conformance.prdc.line.fake),
      2,
      conformance.prdc.line.k2,
    ],
    ['uniform sets, k = 3', uniform.reference, uniform.generated, 3, conformance.prdc.uniform.k3],
    ['uniform sets, k = 5', uniform.reference, uniform.generated, 5, conformance.prdc.uniform.k5],
    ['a shrunk set, k = 3', shrunk.reference, shrunk.generated, 3, conformance.prdc.shrunk_025_plus_05u.k3],
    ['a shrunk set, k = 5', shrunk.reference, shrunk.generated, 5, conformance.prdc.shrunk_025_plus_05u.k5],
  ])('of %s are the reference figures, also from rounded products', async (_, reference, generated, k, expected) => {
    expect(await prdc(reference, generated, k)).toEqual(close(expected, 6));
    expect(await prdc(reference, generated, k, { product: float32Product })).toEqual(close(expected, 6));
  });

  it('of identical lines differ between < and <=', async () => {
    const line = column([0, 1, 2, 3, 4]);
    expect(await prdc(line, line, 1)).toEqual(conformance.prdc.identicalLine_k1_strict);
    expect(await prdc(line, line, 1, { convention: 'less-equal' })).toEqual(
      close(conformance.prdc.identicalLine_k1_lessEqual),
    );
  });

  it('refuse k as large as a set', async () => {
    await expect(prdc(column([1, 2, 3]), column([1, 2, 3, 4, 5]), 3)).rejects.toMatchObject({ code: 'bad-input' });
    await expect(prdc(column([1, 2, 3, 4, 5]), column([1, 2, 3]), 3)).rejects.toMatchObject({ code: 'bad-input' });
  });

  it('under multiplicities leave out what is not drawn', async () => {
    const manifolds = await compareManifolds(uniform.reference, uniform.generated, { k: 5 });
    const all = new Int32Array(150).fill(1);
    expect([
      precision(manifolds, all),
      recall(manifolds, all),
      density(manifolds, all),
      coverage(manifolds, all),
    ]).toEqual([precision(manifolds), recall(manifolds), density(manifolds), coverage(manifolds)]);
    const first = Int32Array.from({ length: 150 }, (_, i) => (i === 0 ? 150 : 0));
    expect(precision(manifolds, first)).toBe((manifolds.ballsAround[0] ?? 0) > 0 ? 1 : 0);
    expect(recall(manifolds, first)).toBeLessThan(0.1);
  });
});

describe.each(figures.cases.map((figure) => ({ name: `${figure.generated.join('×')}`, figure })))(
  'on random data $name',
  ({ figure }) => {
    const set = ([seed = 0, count = 0, width = 0]: number[]): Features => lcgFeatures(seed, count, width);
    const reference = set(figure.reference);
    const generated = moved(set(figure.generated), figure.scale, figure.shift);

    it('the four manifold measures agree with scikit-learn', async () => {
      for (const [k, expected] of Object.entries(figure.prdc))
        expect(await prdc(reference, generated, Number(k))).toEqual(close(expected, 10));
    });

    it('the Fréchet distance agrees with scipy', () => {
      expect(frechetDistance(reference, generated)).toBeCloseTo(figure.frechetDistance, 6);
    });

    it('the Vendi score agrees with numpy in every order', () => {
      for (const [q, expected] of Object.entries(figure.vendi))
        expect(vendiScore(generated, Number(q)) / expected).toBeCloseTo(1, 9);
    });

    it('RKE and the mean pairwise distance agree with scikit-learn', () => {
      const table = pairTable(generated);
      expect(meanPairwiseDistance(table)).toBeCloseTo(figure.pairs.meanPairwiseDistance, 10);
      expect(medianDistance(table)).toBeCloseTo(figure.pairs.bandwidth, 10);
      expect(rke(table, figure.pairs.bandwidth)).toBeCloseTo(figure.pairs.rke, 9);
    });

    it('the pseudo density agrees with scikit-learn', async () => {
      for (const expected of figure.pseudoDensity) {
        const densities = await densityReference(reference, expected.k, expected.exponent);
        expected.referenceDeciles.forEach((decile, i) => {
          expect(densityAtPercentile(10 * (i + 1), densities)).toBeCloseTo(decile, 10);
        });
        const found = await pseudoDensities(generated, reference, densities);
        expect([...found.subarray(0, 12)]).toEqual(expected.densities.map((value) => expect.closeTo(value, 10)));
      }
    });
  },
);

describe('the Fréchet distance', () => {
  it('of Gaussians with diagonal covariance is worked out by hand', () => {
    // Means (0, 0) and (1, 2); standard deviations (1, 2) and (3, 4): 5 + (1 − 3)² + (2 − 4)² = 13.
    const cross = (m: readonly number[], s: readonly number[]): Features => {
      // Four points ±s along each axis have the variances 2 s²/3.
      const scale = Math.sqrt(3 / 2);
      const [mx = 0, my = 0] = m;
      const [sx = 0, sy = 0] = s;
      return featuresFromRows([
        [mx + scale * sx, my],
        [mx - scale * sx, my],
        [mx, my + scale * sy],
        [mx, my - scale * sy],
      ]);
    };
    expect(conformance.fid.diag.fid).toBe(13);
    expect(frechetDistance(cross([0, 0], [1, 2]), cross([1, 2], [3, 4]))).toBeCloseTo(13, 10);
  });

  it('of the congruential sets is the reference figure', () => {
    expect(frechetDistance(uniform.reference, uniform.generated)).toBeCloseTo(conformance.fid.lcg.uniform, 9);
    expect(frechetDistance(shrunk.reference, shrunk.generated)).toBeCloseTo(conformance.fid.lcg.shrunk, 9);
  });

  it('is 0 between a set and itself, and never below', () => {
    const self = frechetDistance(uniform.reference, uniform.reference);
    expect(self).toBeGreaterThanOrEqual(0);
    expect(self).toBeLessThan(1e-12);
  });

  it.each([
    ['more rows than columns', uniform.generated],
    ['fewer rows than columns', lcgFeatures(9, 6, 8)],
  ])('under multiplicities is that of the repeated rows (%s)', (_, generated) => {
    const times = Int32Array.from({ length: generated.count }, (_, i) => [0, 1, 2][i % 3] ?? 0);
    const rows = [...times].flatMap((count, i) => Array<number>(count).fill(i));
    const repeated = featureSet(
      Float64Array.from(rows.flatMap((i) => [...generated.values.subarray(i * 8, i * 8 + 8)])),
      rows.length,
      8,
    );
    const { evaluate } = resampledFrechetDistance(momentsOf(uniform.reference), generated);
    expect(rows.length).toBe(generated.count);
    expect(evaluate(times)).toBeCloseTo(frechetDistance(uniform.reference, repeated), 7);
  });

  it('refuses a single row', () => {
    expect(() => frechetDistance(uniform.reference, lcgFeatures(1, 1, 8))).toThrow(/at least 2 rows/);
  });
});

describe('the Vendi score', () => {
  it.each([0, 0.5, 1, 2, Infinity])('of order %d is the number of kinds when kinds are orthogonal', (q) => {
    const kinds = featuresFromRows([
      [2, 0, 0],
      [5, 0, 0],
      [0, 1, 0],
      [0, 3, 0],
      [0, 0, 1],
      [0, 0, 4],
    ]);
    expect(vendiScore(kinds, q)).toBeCloseTo(3, 9);
  });

  it('weighs rare kinds less at high orders: shares 1/2, 1/4, 1/4', () => {
    expect(effectiveNumber([0.5, 0.25, 0.25], 0)).toBe(3);
    expect(effectiveNumber([0.5, 0.25, 0.25], 1)).toBeCloseTo(2 ** 1.5, 12);
    expect(effectiveNumber([0.5, 0.25, 0.25], 2)).toBeCloseTo(8 / 3, 12);
    expect(effectiveNumber([0.5, 0.25, 0.25], Infinity)).toBe(2);
  });

  it('under multiplicities is that of the repeated rows', () => {
    const repeated = featuresFromRows([
      [1, 2],
      [1, 2],
      [3, -1],
    ]);
    const times = Int32Array.of(2, 1, 0);
    const spectrum = resampledSpectrum(
      featuresFromRows([
        [1, 2],
        [3, -1],
        [7, 7],
      ]),
    ).evaluate(times);
    expect(effectiveNumber(spectrum, 1)).toBeCloseTo(vendiScore(repeated, 1), 12);
  });

  it.each([-1, NaN])('refuses order %d', (q) => {
    expect(() => vendiScore(uniform.generated, q)).toThrow(/order q ≥ 0/);
  });
});
