import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { measureSchema } from '../../../main/contract/measures.ts';
import { featuresFromRows, takeRows, type Features } from '../../../main/engine/features/features.ts';
import { uniformNumbers } from '../../../main/engine/features/uniform.ts';
import { bootstrap, quantile } from '../../../main/engine/metrics/bootstrap.ts';
import { measureBatch } from '../../../main/engine/metrics/measure-batch.ts';
import { textImageCosines, textImageScore } from '../../../main/engine/metrics/text-image-score.ts';
import { philoxStream } from '../../../main/engine/tensor/philox.ts';
import { lcg, lcgFeatures } from '../../doubles/lcg.ts';

/** As many points as there are references, so far away that neither reaches the other. */
function generatedFarFrom(reference: Features): Features {
  return { ...reference, values: Float64Array.from(reference.values, (value) => value + 100) };
}

const options = () => ({ k: 5, features: 'test', random: lcg(9) });

describe('the measures of a batch', () => {
  it('are eight, valid, and lie within their intervals', async () => {
    const measures = await measureBatch(lcgFeatures(1, 200, 8), lcgFeatures(2, 150, 8), options());
    expect(z.array(measureSchema).parse(measures)).toEqual(measures);
    expect(measures.map(({ name }) => name)).toEqual([
      'precision',
      'recall',
      'density',
      'coverage',
      'frechetDistance',
      'vendiScore',
      'rke',
      'meanPairwiseDistance',
    ]);
    for (const { name, value, low, high } of measures)
      expect([name, low !== null && value !== null && high !== null && low <= value && value <= high]).toEqual([
        name,
        true,
      ]);
  });

  it('say so where the sets are too small, instead of giving a number that means nothing', async () => {
    const measures = await measureBatch(lcgFeatures(1, 200, 8), lcgFeatures(2, 4, 8), options());
    const of = (name: string) => measures.find((measure) => measure.name === name);
    expect(of('recall')).toMatchObject({ value: null, low: null, note: 'needs more than k = 5 images in each set' });
    expect(of('frechetDistance')?.note).toMatch(/only 4 images for 8 features/);
    expect(of('vendiScore')?.note).toMatch(/only 4 images/);
    const some = await measureBatch(lcgFeatures(1, 200, 8), lcgFeatures(2, 20, 8), options());
    expect(some.find(({ name }) => name === 'precision')?.note).toMatch(/only 20 images.*very uncertain/);
  });

  it('do not call a share certain because every resample of a small batch agrees', async () => {
    // Ten generated points, each on a reference: all inside, and so is every resample of them.
    const reference = lcgFeatures(1, 60, 4);
    const generated = takeRows(reference, [0, 6, 12, 18, 24, 30, 36, 42, 48, 54]);
    const measures = await measureBatch(reference, generated, { ...options(), k: 2 });
    const of = (name: string) => measures.find((measure) => measure.name === name);
    // Wilson: n / (n + 1.96²) for n of n.
    expect(of('precision')).toMatchObject({ value: 1, low: expect.closeTo(10 / (10 + 1.959964 ** 2), 6), high: 1 });
    const far = await measureBatch(reference, generatedFarFrom(reference), { ...options(), k: 2 });
    const recall = far.find(({ name }) => name === 'recall');
    expect(recall).toMatchObject({ value: 0, low: 0, high: 0, note: expect.stringMatching(/no resample differed/) });
  });

  it('warn where a Fréchet distance rests on few rows for its width, and pairs on few rows at all', async () => {
    const noteOf = async (count: number, name: string) =>
      (await measureBatch(lcgFeatures(1, 200, 8), lcgFeatures(2, count, 8), { ...options(), k: 2 })).find(
        (measure) => measure.name === name,
      )?.note;
    expect(await noteOf(70, 'frechetDistance')).toMatch(/only 70 images for 8 features: too high/);
    expect(await noteOf(100, 'frechetDistance')).toBeNull();
    expect(await noteOf(5, 'rke')).toMatch(/only 5 images/);
    expect(await noteOf(5, 'meanPairwiseDistance')).toMatch(/only 5 images/);
  });

  it('of one image are those that one image has', async () => {
    const measures = await measureBatch(lcgFeatures(1, 200, 8), lcgFeatures(2, 1, 8), options());
    expect(Object.fromEntries(measures.map(({ name, value }) => [name, value]))).toEqual({
      precision: null,
      recall: null,
      density: null,
      coverage: null,
      frechetDistance: null,
      vendiScore: expect.closeTo(1, 12),
      rke: null,
      meanPairwiseDistance: null,
    });
  });

  it('refuse widths that differ', async () => {
    await expect(measureBatch(lcgFeatures(1, 20, 8), lcgFeatures(2, 20, 7), options())).rejects.toMatchObject({
      code: 'bad-input',
    });
  });

  it('have intervals that hold another batch’s value about as often as they say', async () => {
    // Two halves of one source: the interval of a difference is √2 as wide, so 95 % intervals hold ~83 % of other batches.
    const reference = lcgFeatures(1, 150, 3);
    const all = lcgFeatures(77, 40 * 60, 3);
    const batch = (i: number) =>
      takeRows(
        all,
        Array.from({ length: 60 }, (_, j) => i * 60 + j),
      );
    const held = { precision: 0, recall: 0, vendiScore: 0 };
    for (let i = 0; i < 40; i += 2) {
      const here = await measureBatch(reference, batch(i), options());
      const other = await measureBatch(reference, batch(i + 1), options());
      for (const name of ['precision', 'recall', 'vendiScore'] as const) {
        const interval = here.find((measure) => measure.name === name);
        const value = other.find((measure) => measure.name === name)?.value ?? NaN;
        if ((interval?.low ?? NaN) <= value && value <= (interval?.high ?? NaN)) held[name]++;
      }
    }
    for (const count of Object.values(held)) expect(count).toBeGreaterThanOrEqual(12);
  });
});

describe('the bootstrap', () => {
  it('of a mean is as wide as theory says', () => {
    const values = Float64Array.from({ length: 400 }, lcg(5));
    const mean = values.reduce((sum, value) => sum + value, 0) / 400;
    const interval = bootstrap(
      400,
      mean,
      (times) => values.reduce((sum, value, i) => sum + value * (times[i] ?? 0), 0) / 400,
      uniformNumbers(philoxStream(3, 0, 'bootstrap')),
      { replicates: 2000 },
    );
    // A uniform number has the standard deviation 1/√12.
    const width = (2 * 1.96) / Math.sqrt(12 * 400);
    expect((interval?.high ?? NaN) - (interval?.low ?? NaN)).toBeGreaterThan(0.9 * width);
    expect((interval?.high ?? NaN) - (interval?.low ?? NaN)).toBeLessThan(1.1 * width);
  });

  it('of one item has nothing to resample', () => {
    expect(bootstrap(1, 3, () => 3, lcg(1))).toBeNull();
  });

  it('is the same for the same stream', () => {
    const run = () => bootstrap(5, 0, (times) => times[0] ?? 0, uniformNumbers(philoxStream(3, 0, 'bootstrap')));
    expect(run()).toEqual(run());
  });

  it('takes quantiles as numpy does', () => {
    expect([0, 0.25, 0.9, 1].map((share) => quantile([1, 2, 4, 8], share))).toEqual([
      1,
      1.75,
      expect.closeTo(6.8, 12),
      8,
    ]);
  });
});

describe('the text-image score', () => {
  it('is the cosine of the embeddings, whatever their length', () => {
    const images = featuresFromRows([
      [2, 0],
      [0, 3],
      [1, 1],
    ]);
    expect([...textImageCosines(images, featuresFromRows([[5, 0]]))]).toEqual([1, 0, expect.closeTo(Math.SQRT1_2, 12)]);
    expect(textImageScore(Float64Array.of(1, 0), 'test', lcg(1))).toMatchObject({ value: 0.5, generatedCount: 2 });
  });

  it('refuses texts that are neither one nor one an image', () => {
    const images = featuresFromRows([
      [2, 0],
      [0, 3],
      [1, 1],
    ]);
    expect(() =>
      textImageCosines(
        images,
        featuresFromRows([
          [1, 0],
          [0, 1],
        ]),
      ),
    ).toThrow(/expected 1 or 3 rows, got 2/);
  });
});
