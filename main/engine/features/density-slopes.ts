import type { DensityPredictor } from './density-predictor.ts';
import { checkSameWidth, rowOf, type Features } from './features.ts';
import { nearestNeighbours } from './neighbours.ts';
import { densitiesAt, type DensityReference } from './pseudo-density.ts';

/** log density of one picture's features, and its gradient by them. */
export interface DensitySlope {
  readonly logDensity: number;
  /** [width]. */
  readonly gradient: Float64Array;
}

/** A slope by nearest neighbours, with the mean distance that it comes from. */
export interface NeighbourSlope extends DensitySlope {
  readonly meanDistance: number;
}

/**
 * log ρ and its gradient where ρ = scale · (floor / d)^n with d the mean distance to the k nearest references: as long as
 * the neighbours stay the same, ∇ log ρ = −(n/d) (1/k) Σ (x − r)/|x − r|. On a pile of duplicates, where the density is
 * capped, it is 0.
 *
 * @param query one row
 */
export async function neighbourSlope(
  query: Features,
  references: Features,
  reference: DensityReference,
): Promise<NeighbourSlope> {
  const { k, exponent, negligible } = reference;
  const { indices, distances } = await nearestNeighbours(query, references, k);
  const meanDistance = distances.reduce((sum, distance) => sum + distance, 0) / k;
  const [density = NaN] = densitiesAt(Float64Array.of(meanDistance), reference);
  const gradient = new Float64Array(query.width);
  if (meanDistance > negligible)
    indices.forEach((row, at) => {
      const distance = distances[at] ?? 0;
      if (distance === 0) return;
      const factor = -exponent / (meanDistance * k * distance);
      const neighbour = rowOf(references, row);
      for (let i = 0; i < gradient.length; i++)
        gradient[i] = (gradient[i] as number) + factor * ((query.values[i] as number) - (neighbour[i] as number));
    });
  return { logDensity: Math.log(density), meanDistance, gradient };
}

/**
 * log ρ̂ of the learned density and its gradient; null where it cannot be trusted: outside the range of the references'
 * densities, where it is only clamped (PAPERS.md §3f).
 *
 * @param query one row
 */
export function predictorSlope(predictor: DensityPredictor, query: Features): DensitySlope | null {
  const { layers, mean, deviation, densityMean, densityDeviation, lowest, highest } = predictor;
  checkSameWidth({ count: 1, width: mean.length, values: mean }, query, 'the density predictor', 'query');
  let x = Float64Array.from(mean, (centre, i) => ((query.values[i] as number) - centre) / (deviation[i] as number));
  const inputs: Float64Array[] = [];
  layers.forEach(({ inputs: height, outputs, weights, bias }, at) => {
    inputs.push(x);
    const y = Float64Array.from(bias);
    for (let i = 0; i < height; i++)
      for (let j = 0; j < outputs; j++)
        y[j] = (y[j] as number) + (x[i] as number) * (weights[i * outputs + j] as number);
    x = at === layers.length - 1 ? y : y.map((value) => Math.max(0, value));
  });
  const density = densityMean + densityDeviation * (x[0] as number);
  if (!(density > 0 && density >= lowest && density <= highest)) return null;
  // Back through the layers: a ReLU that is off lets nothing through.
  let delta = Float64Array.of(densityDeviation / density);
  for (let at = layers.length - 1; at >= 0; at--) {
    const { inputs: height = 0, outputs = 0, weights = new Float32Array() } = layers[at] ?? {};
    const input = inputs[at] ?? new Float64Array(height);
    delta = Float64Array.from({ length: height }, (_, i) => {
      if (at > 0 && (input[i] as number) <= 0) return 0;
      let sum = 0;
      for (let j = 0; j < outputs; j++) sum += (weights[i * outputs + j] as number) * (delta[j] as number);
      return sum;
    });
  }
  return { logDensity: Math.log(density), gradient: delta.map((value, i) => value / (deviation[i] as number)) };
}
