import { describe, expect, it } from 'vitest';
import { loadFeatureEncoder } from '../../main/model-packages/feature-encoder.ts';
import { loadReferenceSet, subsetFor } from '../../main/studio/reference-set.ts';
import { commonBriefs } from '../../main/studio/calibration-briefs.ts';
import { measuredPackage } from '../doubles/measured-package.ts';
import { packageFolder } from '../doubles/packages.ts';

const heads = [
  { name: 'category', output: '', values: ['mug', 'teapot', 'chair'] },
  { name: 'color', output: '', values: ['white', 'red', 'grey'] },
];

describe('the references of a brief', () => {
  it('are those that satisfy it, as long as enough are left', async () => {
    using model = measuredPackage();
    const encoder = loadFeatureEncoder(model.path);
    const set = await loadReferenceSet(model.path, 'measured');
    expect(subsetFor('a red vase', set, encoder)).toMatchObject({
      rows: { length: 100 },
      label: expect.stringMatching(/: red$/),
    });
    expect(subsetFor('a green vase', set, encoder)).toMatchObject({ rows: { length: 200 }, missing: ['green'] });
    expect(subsetFor('a red vase', set, encoder).missing).toEqual([]);
    expect(subsetFor('a vase', set, encoder).features).toBe(set.features);
  });

  it('are thinned evenly where there are more than a batch can be compared with', () => {
    const features = { count: 5000, width: 1, values: Float64Array.from({ length: 5000 }, (_, row) => row) };
    const set = { label: 'references', features, embeddings: null, attributes: null };
    const subset = subsetFor('a vase', set, loadedEncoder());
    expect(subset).toMatchObject({ rows: { length: 2000 }, label: '2000 of 5000 references' });
    expect([...subset.features.values.slice(0, 3)]).toEqual([0, 2, 5]);
  });

  it('are all of a set too small to be divided', async () => {
    using model = measuredPackage(80);
    const set = await loadReferenceSet(model.path, 'measured');
    const subset = subsetFor('a red vase', set, loadFeatureEncoder(model.path));
    expect(subset).toMatchObject({ rows: { length: 80 }, missing: ['red'] });
  });

  it('give the commonest pairs as briefs, no word more than twice', () => {
    const pair = (category: number, color: number, count: number) =>
      Array.from({ length: count }, () => [category, color]);
    const rows = [...pair(0, 1, 90), ...pair(0, 0, 80), ...pair(0, 2, 70), ...pair(1, 1, 65), ...pair(2, 2, 10)].flat();
    const attributes = { count: rows.length / 2, width: 2, values: Float64Array.from(rows) };
    const set = { label: '', features: attributes, embeddings: null, attributes };
    expect(commonBriefs(set, { ...loadedEncoder(), attributes: heads }, 8)).toEqual([
      'red mug',
      'white mug',
      'red teapot',
      'mug',
      'teapot',
    ]);
  });

  it('are missed by name where a model has none', async () => {
    await expect(loadReferenceSet(packageFolder('flow'), 'flow')).rejects.toMatchObject({ code: 'not-found' });
    expect(() => loadFeatureEncoder(packageFolder('flow'))).toThrow(/expected an image encoder, one of model.onnx/);
  });
});

function loadedEncoder() {
  using model = measuredPackage(20);
  return loadFeatureEncoder(model.path);
}
