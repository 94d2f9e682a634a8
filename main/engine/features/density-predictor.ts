import { Failure } from '../../contract/failures.ts';
import type { Model, Node } from '../graph/model.ts';
import { constantOf } from '../graph/constants.ts';
import type { TensorConstant } from '../graph/model.ts';
import type { Features } from './features.ts';

/** One layer: y = x · weights + bias, ReLU after all but the last. `weights` is [inputs, outputs]. */
export interface Layer {
  readonly inputs: number;
  readonly outputs: number;
  readonly weights: Float32Array;
  readonly bias: Float32Array;
}

/**
 * A learned pseudo density ρ̂ (Li et al. 2024, PAPERS.md §3a): an MLP on standardised features, differentiable where
 * nearest neighbours are not. Outside the references' densities it says nothing: results are clamped to their range.
 */
export interface DensityPredictor {
  readonly layers: readonly Layer[];
  /** Of the training features, a column each. */
  readonly mean: Float32Array;
  readonly deviation: Float32Array;
  /** Of the training densities: the network predicts (ρ − mean) / deviation. */
  readonly densityMean: number;
  readonly densityDeviation: number;
  /** Range of the training densities. */
  readonly lowest: number;
  readonly highest: number;
}

/** Predicted densities [count], clamped to the range of the references'. */
export function predictDensities(predictor: DensityPredictor, features: Features): Float64Array {
  const { lowest, highest } = predictor;
  return rawPredictions(predictor, features).map((density) => Math.min(highest, Math.max(lowest, density)));
}

/** The network's own values, before the clamp. */
export function rawPredictions(predictor: DensityPredictor, { count, width, values }: Features): Float64Array {
  if (width !== predictor.mean.length)
    throw new Failure('bad-input', `density predictor: expected ${predictor.mean.length} features, got ${width}`);
  const found = new Float64Array(count);
  for (let row = 0; row < count; row++) {
    let x = Float64Array.from(
      predictor.mean,
      (mean, i) => ((values[row * width + i] as number) - mean) / (predictor.deviation[i] as number),
    );
    predictor.layers.forEach((layer, at) => {
      const y = Float64Array.from(layer.bias);
      for (let i = 0; i < layer.inputs; i++) {
        const value = x[i] as number;
        if (value === 0) continue;
        for (let j = 0, from = i * layer.outputs; j < layer.outputs; j++, from++)
          y[j] = (y[j] as number) + value * (layer.weights[from] as number);
      }
      x = at === predictor.layers.length - 1 ? y : y.map((value) => Math.max(0, value));
    });
    found[row] = predictor.densityMean + predictor.densityDeviation * (x[0] as number);
  }
  return found;
}

/**
 * Densities by the predictor where it can be trusted, by nearest neighbours where a row lies off the references' manifold
 * (its mean distance to the nearest is beyond what the references have among themselves): an MLP extrapolates badly.
 *
 * @param meanDistances of each row to its k nearest references
 * @param farthest largest mean distance that a reference has to its own neighbours
 * @param byNeighbours pseudo densities of the rows by their neighbours
 */
export function trustedDensities(
  predictor: DensityPredictor,
  features: Features,
  meanDistances: Float64Array,
  farthest: number,
  byNeighbours: Float64Array,
): Float64Array {
  return predictDensities(predictor, features).map((density, row) =>
    (meanDistances[row] as number) > farthest ? (byNeighbours[row] as number) : density,
  );
}

/** The predictor as an ONNX model: `features` [batch, width] → `density` [batch], the clamp included. */
export function predictorModel(predictor: DensityPredictor): Model {
  const initializers = new Map<string, TensorConstant>([
    ['mean', constantOf('float32', [predictor.mean.length], [...predictor.mean])],
    ['deviation', constantOf('float32', [predictor.deviation.length], [...predictor.deviation])],
    ['density_deviation', constantOf('float32', [], [predictor.densityDeviation])],
    ['density_mean', constantOf('float32', [], [predictor.densityMean])],
    ['lowest', constantOf('float32', [], [predictor.lowest])],
    ['highest', constantOf('float32', [], [predictor.highest])],
    ['last_axis', constantOf('int64', [1], [1])],
  ]);
  const node = (operator: string, inputs: string[], output: string): Node => ({
    name: output,
    operator,
    domain: '',
    inputs,
    outputs: [output],
    attributes: {},
  });
  const nodes = [node('Sub', ['features', 'mean'], 'centred'), node('Div', ['centred', 'deviation'], 'x0')];
  predictor.layers.forEach(({ inputs, outputs, weights, bias }, at) => {
    initializers.set(`weights${at}`, constantOf('float32', [inputs, outputs], [...weights]));
    initializers.set(`bias${at}`, constantOf('float32', [outputs], [...bias]));
    nodes.push(node('Gemm', [`x${at}`, `weights${at}`, `bias${at}`], `y${at}`));
    if (at < predictor.layers.length - 1) nodes.push(node('Relu', [`y${at}`], `x${at + 1}`));
  });
  nodes.push(
    node('Squeeze', [`y${predictor.layers.length - 1}`, 'last_axis'], 'standard'),
    node('Mul', ['standard', 'density_deviation'], 'scaled'),
    node('Add', ['scaled', 'density_mean'], 'raw'),
    node('Clip', ['raw', 'lowest', 'highest'], 'density'),
  );
  return {
    irVersion: 9,
    opsets: { '': 17 },
    producer: 'gamut',
    metadata: {},
    graph: {
      name: 'density predictor',
      inputs: [{ name: 'features', elementType: 'float32', dims: ['batch', predictor.mean.length] }],
      outputs: [{ name: 'density', elementType: 'float32', dims: ['batch'] }],
      initializers,
      declarations: new Map(),
      nodes,
    },
  };
}
