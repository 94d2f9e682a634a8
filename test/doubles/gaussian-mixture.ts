import type { Denoiser } from '../../main/engine/diffusion/denoiser.ts';
import type { VectorJacobianField } from '../../main/engine/diffusion/likelihood.ts';
import type { RandomStream } from '../../main/engine/tensor/philox.ts';
import type { Tensor } from '../../main/engine/tensor/tensor.ts';

/** One part of a mixture: weight, mean, and the standard deviation of every coordinate. */
export interface Part {
  readonly weight: number;
  readonly mean: readonly number[];
  readonly std: number;
}

/** A mixture of isotropic Gaussians: the data whose noised density, score and denoiser are known exactly. Weights sum to 1. */
export type Mixture = readonly Part[];

interface Posterior {
  /** Weight of each part given x. */
  readonly shares: readonly number[];
  readonly logDensity: number;
}

/** Bayes over the parts, for x = x0 + sigma · noise. */
function posterior(mixture: Mixture, x: ArrayLike<number>, sigma: number): Posterior {
  const logs = mixture.map(({ weight, mean, std }) => {
    const variance = std * std + sigma * sigma;
    const square = mean.reduce((sum, m, i) => sum + ((x[i] ?? NaN) - m) ** 2, 0);
    return Math.log(weight) - square / (2 * variance) - (mean.length / 2) * Math.log(2 * Math.PI * variance);
  });
  const largest = Math.max(...logs);
  const logDensity = largest + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - largest), 0));
  return { shares: logs.map((log) => Math.exp(log - logDensity)), logDensity };
}

/** log p(x; sigma). */
export function logDensity(mixture: Mixture, x: ArrayLike<number>, sigma = 0): number {
  return posterior(mixture, x, sigma).logDensity;
}

/** ∇ log p(x; sigma). */
export function score(mixture: Mixture, x: ArrayLike<number>, sigma: number): number[] {
  const { shares } = posterior(mixture, x, sigma);
  const first = mixture[0]?.mean ?? [];
  return first.map((_, i) =>
    mixture.reduce(
      (sum, { mean, std }, k) =>
        sum + ((shares[k] ?? 0) * ((mean[i] ?? NaN) - (x[i] ?? NaN))) / (std * std + sigma * sigma),
      0,
    ),
  );
}

/** ∇∇ log p(x; sigma) times v. */
function hessianTimes(mixture: Mixture, x: ArrayLike<number>, sigma: number, v: ArrayLike<number>): number[] {
  const { shares } = posterior(mixture, x, sigma);
  const s = score(mixture, x, sigma);
  const along = s.reduce((sum, value, i) => sum + value * (v[i] ?? NaN), 0);
  const out = s.map((value) => -value * along);
  mixture.forEach(({ mean, std }, k) => {
    const variance = std * std + sigma * sigma;
    const pull = mean.map((m, i) => (m - (x[i] ?? NaN)) / variance);
    const pullAlong = pull.reduce((sum, value, i) => sum + value * (v[i] ?? NaN), 0);
    out.forEach((value, i) => {
      out[i] = value + (shares[k] ?? 0) * ((pull[i] ?? NaN) * pullAlong - (v[i] ?? NaN) / variance);
    });
  });
  return out;
}

/** Applies a function to each row of a batch [B, D]. */
export function mapRows(
  x: Tensor,
  f: (row: ArrayLike<number>, index: number) => readonly number[],
): Tensor<Float64Array> {
  const rows = x.dims[0] ?? 0;
  const size = x.data.length / rows;
  const data = new Float64Array(x.data.length);
  for (let row = 0; row < rows; row++) data.set(f(x.data.subarray(row * size, (row + 1) * size), row), row * size);
  return { dims: x.dims, data };
}

/** D(x; sigma) = x + sigma² ∇ log p(x; sigma), exact (Tweedie). In flat loops: the tests of laws call it by the million. */
export function mixtureDenoiser(mixture: Mixture): Denoiser {
  return async (x, sigma) => {
    const size = mixture[0]?.mean.length ?? 0;
    const data = x.data instanceof Float32Array ? new Float32Array(x.data.length) : new Float64Array(x.data.length);
    const logs = new Float64Array(mixture.length);
    for (let at = 0; at < x.data.length; at += size) {
      let largest = -Infinity;
      mixture.forEach(({ weight, mean, std }, k) => {
        const variance = std * std + sigma * sigma;
        let square = 0;
        for (let i = 0; i < size; i++) square += ((x.data[at + i] ?? NaN) - (mean[i] ?? NaN)) ** 2;
        const log = Math.log(weight) - square / (2 * variance) - (size / 2) * Math.log(variance);
        logs[k] = log;
        largest = Math.max(largest, log);
      });
      let total = 0;
      for (let k = 0; k < logs.length; k++) total += Math.exp((logs[k] ?? NaN) - largest);
      mixture.forEach(({ mean, std }, k) => {
        const share = Math.exp((logs[k] ?? NaN) - largest) / total;
        const keep = (std * std) / (std * std + sigma * sigma);
        for (let i = 0; i < size; i++) {
          const m = mean[i] ?? NaN;
          data[at + i] = (data[at + i] ?? NaN) + share * (m + keep * ((x.data[at + i] ?? NaN) - m));
        }
      });
    }
    return { dims: x.dims, data };
  };
}

/** The probability flow in sigma, dx/dsigma = −sigma ∇ log p, and its vector–Jacobian product. */
export function mixtureFlow(mixture: Mixture): VectorJacobianField {
  return async (x, sigma, v) => ({
    velocity: mapRows(x, (row) => score(mixture, row, sigma).map((s) => -sigma * s)),
    product: mapRows(x, (row, i) => {
      const size = row.length;
      return hessianTimes(mixture, row, sigma, v.data.subarray(i * size, (i + 1) * size)).map((h) => -sigma * h);
    }),
  });
}

/** `count` exact draws of x0 + sigma · noise, as [count, D]. */
export function drawMixture(
  mixture: Mixture,
  count: number,
  sigma: number,
  stream: RandomStream,
): Tensor<Float64Array> {
  const size = mixture[0]?.mean.length ?? 0;
  const picks = stream.uniform(new Float64Array(count));
  const data = stream.normal(new Float64Array(count * size));
  for (let row = 0; row < count; row++) {
    let left = picks[row] ?? 0;
    const part = mixture.find(({ weight }) => (left -= weight) < 0) ?? mixture[mixture.length - 1];
    if (part === undefined) throw new RangeError('mixture: no parts');
    const deviation = Math.hypot(part.std, sigma);
    for (let i = 0; i < size; i++)
      data[row * size + i] = (part.mean[i] ?? NaN) + deviation * (data[row * size + i] ?? NaN);
  }
  return { dims: [count, size], data };
}
