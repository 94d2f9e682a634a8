import { describe, expect, it } from 'vitest';
import {
  predictDensities,
  predictorModel,
  rawPredictions,
  trustedDensities,
  type DensityPredictor,
} from '../../../main/engine/features/density-predictor.ts';
import { matrixProduct } from '../../../main/engine/features/matrix-product.ts';
import { featuresFromRows } from '../../../main/engine/features/features.ts';
import { densityReference, pseudoDensities } from '../../../main/engine/features/pseudo-density.ts';
import {
  gradients,
  trainDensityPredictor,
  type PredictorEpoch,
} from '../../../main/engine/features/train-density-predictor.ts';
import { encode } from '../../../main/engine/graph/encode.ts';
import { Sessions } from '../../../main/engine/runtime/sessions.ts';
import { philoxStream } from '../../../main/engine/tensor/philox.ts';
import { lcgFeatures } from '../../doubles/lcg.ts';

/** Points in the plane, denser towards the middle. */
function cloud(count: number) {
  return { count, width: 2, values: philoxStream(8, 0, 'start').normal(new Float64Array(2 * count)) };
}

async function trained(
  count: number,
  epochs: number,
): Promise<{ readonly best: PredictorEpoch; readonly last: PredictorEpoch }> {
  const references = cloud(count);
  const { densities } = await densityReference(references, 20, 1);
  const run = await Array.fromAsync(
    trainDensityPredictor(references, densities, philoxStream(1, 0, 'training'), { hidden: [32, 16], epochs }),
  );
  const last = run.at(-1);
  const best = run.toSorted((a, b) => a.heldOutError - b.heldOutError)[0];
  if (last === undefined || best === undefined) throw new Error('no epoch');
  return { best, last };
}

describe('the density predictor', () => {
  it('learns the densities of points it did not see', async () => {
    const { best } = await trained(1500, 25);
    expect(best.heldOutError).toBeLessThan(0.2 * best.heldOutVariance);
    const middle = predictDensities(
      best.predictor,
      featuresFromRows([
        [0, 0],
        [2.2, 0],
      ]),
    );
    expect(middle[0]).toBeGreaterThan(2 * (middle[1] ?? Infinity));
  });

  it('has gradients that agree with finite differences', async () => {
    const { predictor } = (await trained(60, 1)).last;
    const batch = cloud(7);
    const densities = [0.3, 1.2, 0.8, 1, 2, 0.5, 0.9];
    const loss = (): number => {
      const predicted = rawPredictions(predictor, batch);
      return (
        densities.reduce(
          (sum, density, i) => sum + (((predicted[i] ?? 0) - density) / predictor.densityDeviation) ** 2,
          0,
        ) / 7
      );
    };
    const found = gradients(predictor, batch, densities);
    predictor.layers.forEach(({ weights, bias }, at) => {
      for (const [values, slopes] of [
        [weights, found[at]?.weights],
        [bias, found[at]?.bias],
      ] as const)
        for (let i = 0; i < values.length; i += 7) {
          const kept = values[i] ?? 0;
          values[i] = kept + 2 ** -10;
          const above = loss();
          values[i] = kept - 2 ** -10;
          const below = loss();
          values[i] = kept;
          expect(slopes?.[i]).toBeCloseTo((above - below) / 2 ** -9, 2);
        }
    });
  });

  it('says the same as an ONNX model', async () => {
    const { predictor } = (await trained(100, 3)).last;
    const features = cloud(30);
    const session = await new Sessions().open(
      { kind: 'bytes', name: 'predictor', bytes: encode(predictorModel(predictor)) },
      'cpu',
    );
    const { density } = await session.run({ features: { dims: [30, 2], data: features.values } });
    expect([...(density?.data ?? [])]).toEqual(
      [...predictDensities(predictor, features)].map((value) => expect.closeTo(value, 4)),
    );
  });

  it('is clamped to the references’ range, and gives way to neighbours off their manifold', async () => {
    const { predictor } = (await trained(100, 3)).last;
    const references = cloud(100);
    const reference = await densityReference(references, 20, 1);
    const far = featuresFromRows([
      [50, -80],
      [0, 0],
    ]);
    const [clamped] = predictDensities(predictor, far);
    expect(clamped).toBeGreaterThanOrEqual(predictor.lowest);
    expect(clamped).toBeLessThanOrEqual(predictor.highest);
    const byNeighbours = await pseudoDensities(far, references, reference);
    const farthest = Math.max(...reference.meanDistances);
    const trusted = trustedDensities(predictor, far, Float64Array.of(90, 0.2), farthest, byNeighbours);
    expect(trusted[0]).toBe(byNeighbours[0]);
    expect(trusted[1]).toBe(predictDensities(predictor, far)[1]);
  });

  it('refuses other features than it was trained on', async () => {
    const predictor: DensityPredictor = (await trained(50, 1)).last.predictor;
    expect(() => predictDensities(predictor, lcgFeatures(1, 3, 5))).toThrow(/expected 2 features, got 5/);
  });
});

describe('a matrix product by ONNX Runtime', () => {
  it('is that of the definition', async () => {
    const product = await matrixProduct(new Sessions());
    const rows = Float32Array.of(1, 2, 3, 4, 5, 6);
    const columns = Float32Array.of(1, 0, 0, 0, 1, 1);
    expect([...(await product(rows, 2, columns, 2, 3))]).toEqual([1, 5, 4, 11]);
  });
});
