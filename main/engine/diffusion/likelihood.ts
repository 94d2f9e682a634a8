import { Failure } from '../../contract/failures.ts';
import { combine } from '../tensor/arithmetic.ts';
import type { RandomStream } from '../tensor/philox.ts';
import { sizeOf, type Tensor } from '../tensor/tensor.ts';
import type { DivergenceField, OdeSolver, OdeState } from './ode.ts';

/** dx/dtime of a probability flow. In sigma, with x = x0 + sigma · noise, it is the predicted noise. */
export type VelocityField = (x: Tensor, time: number) => Promise<Tensor>;

/** The velocity, and vᵀ ∂velocity/∂x for a given v of the dims of x. */
export type VectorJacobianField = (
  x: Tensor,
  time: number,
  v: Tensor,
) => Promise<{ readonly velocity: Tensor; readonly product: Tensor }>;

/** Random signs, one tensor a probe; each image's from its own stream, so that they do not depend on the batch. */
export function rademacherProbes(
  dims: readonly number[],
  count: number,
  streams: readonly RandomStream[],
): Tensor<Float64Array>[] {
  const [batch = 0, ...imageDims] = dims;
  if (!Number.isInteger(count) || count < 1)
    throw new Failure('bad-input', `probes: expected a whole number from 1, got ${count}`, 'probes');
  if (streams.length !== batch)
    throw new RangeError(`probes: expected a stream for each of ${batch} images, got ${streams.length}`);
  const size = sizeOf(imageDims);
  return Array.from({ length: count }, () => {
    const data = new Float64Array(batch * size);
    streams.forEach((stream, image) => stream.uniform(data.subarray(image * size, (image + 1) * size)));
    return { dims, data: data.map((u) => (u < 0.5 ? -1 : 1)) };
  });
}

/** Σ a · b for each image of a batch, in double precision. */
function dotEachImage(a: Tensor, b: Tensor): Float64Array {
  const sums = new Float64Array(a.dims[0] ?? 1);
  const size = a.data.length / sums.length;
  a.data.forEach((value: number, i: number) => {
    const image = Math.floor(i / size);
    sums[image] = (sums[image] ?? 0) + value * (b.data[i] ?? NaN);
  });
  return sums;
}

/** Divergence by the Skilling–Hutchinson estimator vᵀ (∂velocity/∂x) v with exact products. Cross & Ragni 2024, eq 12. */
export function byVectorJacobianProducts(field: VectorJacobianField, probes: readonly Tensor[]): DivergenceField {
  return async (x, time) => {
    let velocity: Tensor | undefined;
    const divergences: Float64Array[] = [];
    for (const v of probes) {
      const result = await field(x, time, v);
      velocity ??= result.velocity;
      divergences.push(dotEachImage(v, result.product));
    }
    if (velocity === undefined) throw new Failure('bad-input', 'probes: expected at least one', 'probes');
    return { velocity, divergences };
  };
}

/**
 * The same by central differences: vᵀ (f(x + δv) − f(x − δv))/(2δ), two evaluations more a probe.
 *
 * @param deltaOf δ at a time: small against sigma, and large against the rounding of the network’s inputs
 */
export function byFiniteDifferences(
  velocity: VelocityField,
  probes: readonly Tensor[],
  deltaOf: (time: number) => number,
): DivergenceField {
  return async (x, time) => {
    const delta = deltaOf(time);
    const divergences: Float64Array[] = [];
    for (const v of probes) {
      const above = await velocity(combine([1, x], [delta, v]), time);
      const below = await velocity(combine([1, x], [-delta, v]), time);
      divergences.push(dotEachImage(v, combine([0.5 / delta, above], [-0.5 / delta, below])));
    }
    return { velocity: await velocity(x, time), divergences };
  };
}

/** The law that the flow ends in: independent normal values. */
export interface NormalPrior {
  readonly standardDeviation: number;
  /** Of the dims of the batch; 0 when absent. */
  readonly mean?: Tensor;
}

export interface LikelihoodOptions {
  readonly field: DivergenceField;
  readonly probeCount: number;
  readonly solver: OdeSolver;
  readonly prior: NormalPrior;
  readonly signal?: AbortSignal;
}

export interface LikelihoodProgress {
  readonly progress: number;
  readonly evaluations: number;
  readonly time: number;
}

/** The likelihood of one image. */
export interface LikelihoodEstimate {
  /** Nats, the mean over probes. */
  readonly logLikelihood: number;
  /** −logLikelihood in bits, divided by the number of values. */
  readonly bitsPerDimension: number;
  /** Standard error of `logLikelihood` over probes; null with a single probe, which tells none. */
  readonly standardError: number | null;
  /** Nats by each probe alone. */
  readonly byProbe: readonly number[];
  /** log density of the prior where the flow ended, the first part of `logLikelihood`. */
  readonly priorLogDensity: number;
  readonly dimensions: number;
}

export interface LikelihoodResult {
  readonly images: readonly LikelihoodEstimate[];
  readonly xEnd: Tensor<Float64Array>;
  readonly evaluations: number;
}

/**
 * log p(x0) = log prior(xEnd) + ∫ div velocity dtime along the probability flow from x0. Song et al. 2021 (2011.13456), eq 39;
 * Cross & Ragni 2024, eq 11. An estimate of the model's density, not of an image's quality.
 *
 * Compare conditions with the same probes and the same fixed grid: most of the probes' noise then cancels (`likelihoodDifference`).
 */
export async function* logLikelihood(
  x0: Tensor,
  { field, probeCount, solver, prior, signal }: LikelihoodOptions,
): AsyncGenerator<LikelihoodProgress, LikelihoodResult> {
  const batch = x0.dims[0] ?? 1;
  const start: OdeState = {
    x: { dims: x0.dims, data: Float64Array.from(x0.data) },
    integrals: Array.from({ length: probeCount }, () => new Float64Array(batch)),
  };
  let end: OdeState = start;
  let evaluations = 0;
  for await (const step of solver(field, start, signal)) {
    end = step.state;
    evaluations = step.evaluations;
    yield { progress: step.progress, evaluations, time: step.time };
  }
  const dimensions = x0.data.length / batch;
  const priors = normalLogDensity(end.x, prior);
  const images = Array.from(priors, (priorLogDensity, image): LikelihoodEstimate => {
    const byProbe = end.integrals.map((integral) => priorLogDensity + (integral[image] ?? NaN));
    const { mean, standardError } = meanOf(byProbe);
    return {
      logLikelihood: mean,
      bitsPerDimension: (-mean * Math.LOG2E) / dimensions,
      standardError,
      byProbe,
      priorLogDensity,
      dimensions,
    };
  });
  return { images, xEnd: end.x, evaluations };
}

/** How much more likely an image is under one condition than under another, from estimates with the same probes. */
export interface LikelihoodDifference {
  /** Nats; positive when the first is more likely. */
  readonly nats: number;
  readonly bitsPerDimension: number;
  /** Standard error of `nats` over probes; null with a single probe. */
  readonly standardError: number | null;
}

/** The difference probe by probe, so that noise common to both cancels. */
export function likelihoodDifference(first: LikelihoodEstimate, second: LikelihoodEstimate): LikelihoodDifference {
  if (first.byProbe.length !== second.byProbe.length)
    throw new RangeError(
      `likelihoods: expected the same probes, got ${first.byProbe.length} and ${second.byProbe.length}`,
    );
  const { mean, standardError } = meanOf(first.byProbe.map((value, probe) => value - (second.byProbe[probe] ?? NaN)));
  return { nats: mean, bitsPerDimension: (mean * Math.LOG2E) / first.dimensions, standardError };
}

function meanOf(values: readonly number[]): { mean: number; standardError: number | null } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length < 2) return { mean, standardError: null };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return { mean, standardError: Math.sqrt(variance / values.length) };
}

/** log N(x; mean, standardDeviation² I) for each image. */
function normalLogDensity(x: Tensor, { standardDeviation, mean }: NormalPrior): Float64Array {
  const centred = mean === undefined ? x : combine([1, x], [-1, mean]);
  const size = x.data.length / (x.dims[0] ?? 1);
  const constant = size * Math.log(standardDeviation * Math.sqrt(2 * Math.PI));
  return dotEachImage(centred, centred).map((square) => -square / (2 * standardDeviation ** 2) - constant);
}
