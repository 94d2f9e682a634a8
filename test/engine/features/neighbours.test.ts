import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BlockProduct } from '../../../main/engine/features/distances.ts';
import { featuresFromRows, featureSet, type Features } from '../../../main/engine/features/features.ts';
import { nearestNeighbours, neighboursAmong } from '../../../main/engine/features/neighbours.ts';
import { float32Product } from '../../doubles/float32-product.ts';
import { lcgFeatures } from '../../doubles/lcg.ts';

/** The plain definition: all distances, sorted, ties by index. */
function byDefinition(queries: Features, references: Features, k: number, excludeSelf: boolean): number[][] {
  return Array.from({ length: queries.count }, (_, i) =>
    Array.from({ length: references.count }, (_, j) => {
      let sum = 0;
      for (let at = 0; at < queries.width; at++)
        sum +=
          ((queries.values[i * queries.width + at] ?? 0) - (references.values[j * references.width + at] ?? 0)) ** 2;
      return { j, distance: Math.sqrt(sum) };
    })
      .filter(({ j }) => !(excludeSelf && j === i))
      .sort((a, b) => a.distance - b.distance || a.j - b.j)
      .slice(0, k)
      .map(({ distance }) => distance),
  );
}

function rows({ count, k, distances }: { count: number; k: number; distances: Float64Array }): number[][] {
  return Array.from({ length: count }, (_, i) => [...distances.subarray(i * k, (i + 1) * k)]);
}

const sets = fc.record({
  width: fc.integer({ min: 1, max: 6 }),
  n: fc.integer({ min: 3, max: 40 }),
  offset: fc.constantFrom(0, 1000),
  values: fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 240, maxLength: 240 }),
});

describe('k nearest neighbours', () => {
  it.each([
    ['directly', null],
    ['with matrix products in float32', float32Product],
  ] as [string, BlockProduct | null][])('are those of the definition, taken %s', async (_, product) => {
    await fc.assert(
      fc.asyncProperty(sets, async ({ width, n, offset, values }) => {
        // Whole numbers make ties and duplicates common; the offset makes the expanded square lose digits.
        const set = featureSet(
          Float64Array.from(values.slice(0, n * width), (value) => offset + value),
          n,
          width,
        );
        const k = Math.min(3, n - 1);
        expect(rows(await neighboursAmong(set, k, { product }))).toEqual(byDefinition(set, set, k, true));
        expect(rows(await nearestNeighbours(set, set, k, { product }))).toEqual(byDefinition(set, set, k, false));
      }),
      { numRuns: 60 },
    );
  });

  it('are exact across blocks, although the products are rounded', async () => {
    const references = lcgFeatures(1, 4300, 3);
    const queries = lcgFeatures(2, 2060, 3);
    const options = { product: float32Product };
    expect(await nearestNeighbours(queries, references, 7, options)).toEqual(
      await nearestNeighbours(queries, references, 7),
    );
    expect(await neighboursAmong(queries, 7, options)).toEqual(await neighboursAmong(queries, 7));
  });

  it('scan everything when a product rounds so badly that a winner could hide', async () => {
    const references = lcgFeatures(3, 300, 4);
    const worst: BlockProduct = async (...block) =>
      (await float32Product(...block)).map((value, at) => value * (1 + (at % 2 === 0 ? 1 : -1) * 2 ** -22));
    expect(await neighboursAmong(references, 5, { product: worst })).toEqual(await neighboursAmong(references, 5));
  });

  it('stop when told to', async () => {
    const set = lcgFeatures(1, 50, 3);
    await expect(neighboursAmong(set, 2, { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
  });

  it.each([
    ['k = n', () => neighboursAmong(lcgFeatures(1, 5, 2), 5), /expected at most 4.*got 5/],
    ['k > n for queries', () => nearestNeighbours(lcgFeatures(1, 3, 2), lcgFeatures(2, 5, 2), 6), /at most 5.*got 6/],
    ['k = 0', () => neighboursAmong(lcgFeatures(1, 5, 2), 0), /whole number from 1, got 0/],
    ['k = 1.5', () => neighboursAmong(lcgFeatures(1, 5, 2), 1.5), /whole number from 1, got 1.5/],
    ['widths that differ', () => nearestNeighbours(lcgFeatures(1, 3, 2), lcgFeatures(2, 5, 3), 2), /3 features.*got 2/],
  ])('refuse %s as bad input', async (_, attempt, message) => {
    await expect(attempt()).rejects.toMatchObject({ code: 'bad-input', message: expect.stringMatching(message) });
  });
});

describe('a feature set', () => {
  it('names the row that is not a number', () => {
    expect(() =>
      featuresFromRows(
        [
          [1, 2],
          [3, NaN],
        ],
        'query',
      ),
    ).toThrow(/query: expected finite.*row 1, column 1/);
  });

  it('refuses to be empty', () => {
    expect(() => featuresFromRows([], 'query')).toThrow(/query: expected at least one row/);
  });
});
