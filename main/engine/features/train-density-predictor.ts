import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { Failure } from '../../contract/failures.ts';
import type { RandomStream } from '../tensor/philox.ts';
import { rawPredictions, type DensityPredictor, type Layer } from './density-predictor.ts';
import { takeRows, type Features } from './features.ts';
import { uniformNumbers } from './uniform.ts';

export interface PredictorTraining {
  /** Widths between the features and the one output; the paper's are 512, 256, 128. */
  readonly hidden?: readonly number[];
  readonly epochs?: number;
  readonly batchSize?: number;
  readonly learningRate?: number;
  readonly signal?: AbortSignal;
}

export interface PredictorEpoch {
  readonly epoch: number;
  /** Mean squared error of densities on the fifth of the references that is held out. */
  readonly heldOutError: number;
  /** Variance of the held-out densities: the error of always saying the mean. */
  readonly heldOutVariance: number;
  readonly predictor: DensityPredictor;
}

/**
 * Trains ρ̂ on references and their leave-one-out densities: MSE, Adam 10⁻³, batches of 64, 80/20 split, 100 epochs
 * (PAPERS.md §3a). Announces every epoch with the predictor so far; the best by held-out error is the one to keep.
 */
export async function* trainDensityPredictor(
  references: Features,
  densities: ArrayLike<number>,
  stream: RandomStream,
  { hidden = [512, 256, 128], epochs = 100, batchSize = 64, learningRate = 1e-3, signal }: PredictorTraining = {},
): AsyncGenerator<PredictorEpoch, void, void> {
  if (references.count < 10 || densities.length !== references.count)
    throw new Failure(
      'bad-input',
      `density predictor: expected at least 10 references with a density each, got ${references.count} and ${densities.length}`,
    );
  const random = uniformNumbers(stream);
  const order = shuffled(references.count, random);
  const heldOut = order.slice(0, Math.floor(references.count / 5));
  const training = order.slice(heldOut.length);
  const predictor = freshPredictor(references, training, densities, hidden, stream);
  const adam = new Adam(predictor.layers, learningRate);
  const truth = heldOut.map((row) => densities[row] as number);
  const heldOutVariance = varianceOf(truth);
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const rows = shuffled(training.length, random).map((at) => training[at] as number);
    for (let from = 0; from < rows.length; from += batchSize) {
      if (from % (16 * batchSize) === 0) await turnOfTheLoop();
      signal?.throwIfAborted();
      const batch = rows.slice(from, from + batchSize);
      adam.step(
        gradients(
          predictor,
          takeRows(references, batch),
          batch.map((row) => densities[row] as number),
        ),
      );
    }
    const predicted = rawPredictions(predictor, takeRows(references, heldOut));
    const heldOutError =
      truth.reduce((sum, value, i) => sum + ((predicted[i] as number) - value) ** 2, 0) / truth.length;
    yield { epoch, heldOutError, heldOutVariance, predictor: copyOf(predictor) };
  }
}

function freshPredictor(
  { width, values }: Features,
  rows: readonly number[],
  densities: ArrayLike<number>,
  hidden: readonly number[],
  stream: RandomStream,
): DensityPredictor {
  const widths = [width, ...hidden, 1];
  const columns = Array.from({ length: width }, (_, column) =>
    rows.map((row) => values[row * width + column] as number),
  );
  const known = rows.map((row) => densities[row] as number);
  return {
    layers: widths.slice(1).map((outputs, at) => {
      const inputs = widths[at] as number;
      // He et al. 2015: variance 2/inputs keeps the signal's size through ReLUs.
      const weights = stream.normal(new Float32Array(inputs * outputs)).map((value) => value * Math.sqrt(2 / inputs));
      return { inputs, outputs, weights, bias: new Float32Array(outputs) };
    }),
    mean: Float32Array.from(columns, meanOf),
    deviation: Float32Array.from(columns, (column) => Math.sqrt(varianceOf(column)) || 1),
    densityMean: meanOf(known),
    densityDeviation: Math.sqrt(varianceOf(known)) || 1,
    lowest: Math.min(...known),
    highest: Math.max(...known),
  };
}

interface LayerGradient {
  readonly weights: Float64Array;
  readonly bias: Float64Array;
}

/** Gradients of the mean squared error of standardised densities over a batch, a layer each. */
export function gradients(predictor: DensityPredictor, batch: Features, densities: readonly number[]): LayerGradient[] {
  const { layers } = predictor;
  const sums = layers.map(({ inputs, outputs }) => ({
    weights: new Float64Array(inputs * outputs),
    bias: new Float64Array(outputs),
  }));
  for (let row = 0; row < batch.count; row++) {
    const activations = forward(predictor, batch, row);
    const target = ((densities[row] as number) - predictor.densityMean) / predictor.densityDeviation;
    let delta = Float64Array.of((2 / batch.count) * (((activations.at(-1) as Float64Array)[0] as number) - target));
    for (let at = layers.length - 1; at >= 0; at--) {
      const { inputs, outputs, weights } = layers[at] as Layer;
      const sum = sums[at] as LayerGradient;
      const x = activations[at] as Float64Array;
      const back = new Float64Array(inputs);
      for (let j = 0; j < outputs; j++) sum.bias[j] = (sum.bias[j] as number) + (delta[j] as number);
      for (let i = 0; i < inputs; i++) {
        const value = x[i] as number;
        // A unit that ReLU switched off passes nothing back, and nothing from it forward.
        if (value === 0 && at > 0) continue;
        let total = 0;
        for (let j = 0, place = i * outputs; j < outputs; j++, place++) {
          sum.weights[place] = (sum.weights[place] as number) + value * (delta[j] as number);
          total += (weights[place] as number) * (delta[j] as number);
        }
        back[i] = total;
      }
      delta = back;
    }
  }
  return sums;
}

/** The standardised row, the hidden layers after ReLU, the output. */
function forward(predictor: DensityPredictor, { width, values }: Features, row: number): Float64Array[] {
  let x = Float64Array.from(
    predictor.mean,
    (mean, i) => ((values[row * width + i] as number) - mean) / (predictor.deviation[i] as number),
  );
  const all = [x];
  predictor.layers.forEach(({ inputs, outputs, weights, bias }, at) => {
    const y = Float64Array.from(bias);
    for (let i = 0; i < inputs; i++) {
      const value = x[i] as number;
      if (value === 0) continue;
      for (let j = 0, place = i * outputs; j < outputs; j++, place++)
        y[j] = (y[j] as number) + value * (weights[place] as number);
    }
    x = at === predictor.layers.length - 1 ? y : y.map((value) => Math.max(0, value));
    all.push(x);
  });
  return all;
}

/** Adam (Kingma & Ba 2015) with β₁ = 0.9, β₂ = 0.999 on the layers' own storage. */
class Adam {
  readonly #layers: readonly Layer[];
  readonly #rate: number;
  readonly #moments: { readonly first: Float64Array; readonly second: Float64Array }[];
  #steps = 0;

  constructor(layers: readonly Layer[], rate: number) {
    this.#layers = layers;
    this.#rate = rate;
    this.#moments = layers.flatMap(({ weights, bias }) =>
      [weights, bias].map(({ length }) => ({ first: new Float64Array(length), second: new Float64Array(length) })),
    );
  }

  step(sums: readonly LayerGradient[]): void {
    this.#steps += 1;
    this.#layers.forEach((layer, at) => {
      const sum = sums[at] as LayerGradient;
      this.#update(layer.weights, sum.weights, 2 * at);
      this.#update(layer.bias, sum.bias, 2 * at + 1);
    });
  }

  #update(values: Float32Array, gradient: Float64Array, at: number): void {
    const { first, second } = this.#moments[at] as { first: Float64Array; second: Float64Array };
    const firstBias = 1 - 0.9 ** this.#steps;
    const secondBias = 1 - 0.999 ** this.#steps;
    for (let i = 0; i < values.length; i++) {
      const slope = gradient[i] as number;
      const mean = 0.9 * (first[i] as number) + 0.1 * slope;
      const square = 0.999 * (second[i] as number) + 0.001 * slope * slope;
      first[i] = mean;
      second[i] = square;
      values[i] = (values[i] as number) - (this.#rate * (mean / firstBias)) / (Math.sqrt(square / secondBias) + 1e-8);
    }
  }
}

function copyOf(predictor: DensityPredictor): DensityPredictor {
  const layers = predictor.layers.map((layer) => ({
    ...layer,
    weights: layer.weights.slice(),
    bias: layer.bias.slice(),
  }));
  return { ...predictor, layers };
}

/** 0 … count − 1 in random order (Fisher–Yates). */
function shuffled(count: number, random: () => number): number[] {
  const order = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j] as number, order[i] as number];
  }
  return order;
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function varianceOf(values: readonly number[]): number {
  const mean = meanOf(values);
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
}
