import { describe, expect, it } from 'vitest';
import { predictDensities, type DensityPredictor } from '../../../main/engine/features/density-predictor.ts';
import { neighbourSlope, predictorSlope } from '../../../main/engine/features/density-slopes.ts';
import { featuresFromRows, type Features } from '../../../main/engine/features/features.ts';
import { densityReference, pseudoDensities } from '../../../main/engine/features/pseudo-density.ts';
import { philoxStream } from '../../../main/engine/tensor/philox.ts';

const normal = (count: number, width: number, image: number): Features => ({
  count,
  width,
  values: philoxStream(11, image, 'start').normal(new Float64Array(count * width)),
});

function moved(query: Features, i: number, amount: number): Features {
  const values = Float64Array.from(query.values);
  values[i] = (values[i] ?? NaN) + amount;
  return { ...query, values };
}

/** Central differences of log density along each axis. */
async function differences(query: Features, logDensity: (at: Features) => number | Promise<number>): Promise<number[]> {
  const delta = 1e-6;
  const slopes: number[] = [];
  for (let i = 0; i < query.width; i++)
    slopes.push(
      ((await logDensity(moved(query, i, delta))) - (await logDensity(moved(query, i, -delta)))) / (2 * delta),
    );
  return slopes;
}

describe('the slope of log density', () => {
  it.each([
    [1, 1],
    [3, 1],
    [10, 2.5],
  ])('by the %i nearest with exponent %f agrees with central differences', async (k, exponent) => {
    const references = normal(60, 5, 0);
    const reference = await densityReference(references, k, exponent);
    const query = normal(1, 5, 1);
    const { logDensity, gradient } = await neighbourSlope(query, references, reference);
    const at = async (features: Features): Promise<number> =>
      Math.log((await pseudoDensities(features, references, reference))[0] ?? NaN);
    expect(logDensity).toBeCloseTo(await at(query), 12);
    const expected = await differences(query, at);
    gradient.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i] ?? NaN, 6);
    });
  });

  it('on a line, worked by hand: k = 2 at 2 between 1 and 3.5 goes to the nearer one only in part', async () => {
    const references = featuresFromRows([[0], [1], [3.5], [9]]);
    const reference = await densityReference(references, 2, 1);
    const { gradient, meanDistance } = await neighbourSlope(featuresFromRows([[2]]), references, reference);
    // d = (1 + 1.5)/2 and its two slopes, +1/2 from the left neighbour and −1/2 from the right, cancel.
    expect(meanDistance).toBe(1.25);
    expect([...gradient]).toEqual([0]);
    // At 4.5: distances 1 and 3.5, both to the left: −1/d.
    const right = await neighbourSlope(featuresFromRows([[4.5]]), references, reference);
    expect(right.gradient[0]).toBeCloseTo(-1 / 2.25, 14);
  });

  it('is 0 on a pile of duplicates, where the density is capped', async () => {
    const references = featuresFromRows([
      [0, 0],
      [0, 0],
      [0, 0],
      [1, 0],
      [0, 2],
    ]);
    const reference = await densityReference(references, 2, 1);
    const { logDensity, gradient } = await neighbourSlope(featuresFromRows([[0, 0]]), references, reference);
    expect(Number.isFinite(logDensity)).toBe(true);
    expect([...gradient]).toEqual([0, 0]);
  });

  it('of the learned density agrees with central differences, and is none outside the range it learned', async () => {
    const widths = [5, 8, 6, 1];
    const random = philoxStream(4, 0, 'training');
    const predictor: DensityPredictor = {
      layers: widths.slice(1).map((outputs, at) => ({
        inputs: widths[at] ?? 0,
        outputs,
        weights: random.normal(new Float32Array((widths[at] ?? 0) * outputs)),
        bias: random.normal(new Float32Array(outputs)),
      })),
      mean: Float32Array.of(0.1, -0.2, 0, 0.3, 0),
      deviation: Float32Array.of(1, 2, 0.5, 1, 1.5),
      densityMean: 40,
      densityDeviation: 0.5,
      lowest: 0.1,
      highest: 100,
    };
    const query = normal(1, 5, 2);
    const density = predictDensities(predictor, query)[0] ?? NaN;
    const slope = predictorSlope(predictor, query);
    expect(slope?.logDensity).toBeCloseTo(Math.log(density), 12);
    const expected = await differences(query, (at) => Math.log(predictDensities(predictor, at)[0] ?? NaN));
    expect(Math.max(...expected.map(Math.abs))).toBeGreaterThan(1e-3);
    slope?.gradient.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i] ?? NaN, 6);
    });
    expect(predictorSlope({ ...predictor, highest: density - 0.01 }, query)).toBeNull();
    expect(predictorSlope({ ...predictor, lowest: density + 0.01 }, query)).toBeNull();
  });
});
