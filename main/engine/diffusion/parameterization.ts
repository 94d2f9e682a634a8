import { combine, scale } from '../tensor/arithmetic.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Denoiser } from './denoiser.ts';

/**
 * What a network outputs: the noise, the velocity of Salimans & Ho 2022, the clean sample, the velocity of a straight flow
 * (noise − x0), or EDM's preconditioned residual (`edm-v` is the same with the sign of cOut turned).
 */
export type Prediction = 'eps' | 'v' | 'x0' | 'flow' | 'edm' | 'edm-v';

/** A network as it was trained: its own scaling of the sample, its own number for the noise level. */
export type Network = (scaled: Tensor, timestep: number) => Promise<Tensor>;

/** Predicts the noise in x = x0 + sigma · noise; unlike a denoiser, it is defined at sigma 0 too. */
export type NoisePredictor = (x: Tensor, sigma: number) => Promise<Tensor>;

/** How a network's quantities follow from sigma, in the convention x = x0 + sigma · noise. */
export interface Parameterization {
  readonly prediction: Prediction;
  /** Factor from x to the network's input. */
  inputScale(sigma: number): number;
  /** The number that tells the network the noise level. */
  timestep(sigma: number): number;
  /** Standard deviation of the training data, for EDM networks. */
  readonly sigmaData?: number;
}

/** Factor from x to a variance-preserving sample sqrt(ᾱ) x0 + sqrt(1 − ᾱ) noise. */
export function variancePreservingScale(sigma: number): number {
  return 1 / Math.sqrt(sigma * sigma + 1);
}

/** Factor from x to a sample of a straight flow (1 − t) x0 + t noise, where sigma = t/(1 − t). */
export function flowScale(sigma: number): number {
  return 1 / (1 + sigma);
}

/** Factor from x to unit variance, cIn of EDM (Karras et al. 2022, table 1). */
export function edmScale(sigma: number, sigmaData: number): number {
  return 1 / Math.sqrt(sigma * sigma + sigmaData * sigmaData);
}

/** [cSkip, cOut]: denoised = cSkip · x + cOut · output, with x = x0 + sigma · noise. */
export function denoisedCoefficients(prediction: Prediction, sigma: number, sigmaData = 1): readonly [number, number] {
  switch (prediction) {
    case 'x0':
      return [0, 1];
    case 'eps':
      return [1, -sigma];
    case 'v':
      // x0 = sqrt(ᾱ) x_t − sqrt(1 − ᾱ) v: with data of unit variance this is EDM's preconditioning.
      return [1 / (sigma * sigma + 1), -sigma / Math.sqrt(sigma * sigma + 1)];
    case 'flow':
      // x0 = x_t − t v, with x_t = (1 − t) x and t = sigma/(1 + sigma).
      return [1 / (1 + sigma), -sigma / (1 + sigma)];
    case 'edm':
    case 'edm-v': {
      const variance = sigma * sigma + sigmaData * sigmaData;
      const cOut = (sigma * sigmaData) / Math.sqrt(variance);
      return [(sigmaData * sigmaData) / variance, prediction === 'edm' ? cOut : -cOut];
    }
  }
}

/** Factors [a, b] of noise = a · x + b · output. They stay finite at sigma 0 wherever the output tells the noise there. */
function noiseCoefficients(prediction: Prediction, sigma: number, sigmaData = 1): readonly [number, number] {
  switch (prediction) {
    case 'eps':
      return [0, 1];
    case 'v':
      return [sigma / (sigma * sigma + 1), 1 / Math.sqrt(sigma * sigma + 1)];
    case 'flow':
      return [1 / (1 + sigma), 1 / (1 + sigma)];
    case 'edm':
    case 'edm-v': {
      const variance = sigma * sigma + sigmaData * sigmaData;
      const b = sigmaData / Math.sqrt(variance);
      return [sigma / variance, prediction === 'edm' ? -b : b];
    }
    case 'x0':
      return [1 / sigma, -1 / sigma];
  }
}

/** x0 estimate from a network's output at x. */
export function denoisedOf(
  { prediction, sigmaData }: Parameterization,
  x: Tensor,
  output: Tensor,
  sigma: number,
): Tensor {
  const [cSkip, cOut] = denoisedCoefficients(prediction, sigma, sigmaData);
  return combine([cSkip, x], [cOut, output]);
}

/**
 * x0 estimate at a noisier sample xHat from the output that the network gave at x, known by its x0 estimate there: what
 * diffusers' churn does instead of a second call. A velocity keeps the factors of its own level.
 */
export function rereadDenoised(
  { prediction, sigmaData }: Parameterization,
  at: { readonly x: Tensor; readonly sigma: number; readonly denoised: Tensor },
  noisier: { readonly x: Tensor; readonly sigma: number },
): Tensor {
  const [cSkip, cOut] = denoisedCoefficients(prediction, at.sigma, sigmaData);
  const level = prediction === 'v' ? at.sigma : noisier.sigma;
  const [cSkipHat, cOutHat] = denoisedCoefficients(prediction, level, sigmaData);
  const ratio = cOutHat / cOut;
  return combine([cSkipHat, noisier.x], [ratio, at.denoised], [-ratio * cSkip, at.x]);
}

/** Noise estimate from a network's output at x. */
export function noiseOfOutput(
  { prediction, sigmaData }: Parameterization,
  x: Tensor,
  output: Tensor,
  sigma: number,
): Tensor {
  const [a, b] = noiseCoefficients(prediction, sigma, sigmaData);
  return combine([a, x], [b, output]);
}

/** Wraps a network once, at the door: everything after it knows x = x0 + sigma · noise only. */
export function denoiserOf(network: Network, parameterization: Parameterization): Denoiser {
  return async (x, sigma) => {
    const output = await network(scale(parameterization.inputScale(sigma), x), parameterization.timestep(sigma));
    return denoisedOf(parameterization, x, output, sigma);
  };
}

/** As `denoiserOf`, for the noise. Needed where sigma is 0 and for the probability-flow ODE dx/dsigma = noise. */
export function noisePredictorOf(network: Network, parameterization: Parameterization): NoisePredictor {
  return async (x, sigma) => {
    const output = await network(scale(parameterization.inputScale(sigma), x), parameterization.timestep(sigma));
    return noiseOfOutput(parameterization, x, output, sigma);
  };
}
