import { Failure } from '../../contract/failures.ts';

/** How a model's training noise grows with its timestep. Figures are in double precision. */
export interface NoiseSchedule {
  /** Number of training timesteps. */
  readonly length: number;
  /** DDPM's ᾱ: x_t = sqrt(ᾱ) x0 + sqrt(1 − ᾱ) noise, for timestep 0 … length − 1. */
  readonly alphasCumprod: Float64Array;
  /** sqrt((1 − ᾱ)/ᾱ): the noise level of x_t / sqrt(ᾱ) = x0 + sigma · noise. Ascending. */
  readonly sigmas: Float64Array;
}

/** Where ᾱ reaches zero, sigma is infinite. This stands for it: the power of two keeps the scaling of samples exact. */
export const largestSigma = 2 ** 40;

/**
 * Betas of a named schedule. `linear`: Ho et al. 2020; `scaled_linear`: latent diffusion; `squaredcos_cap_v2`: Nichol & Dhariwal
 * 2021, eq 17.
 */
export function betasOf(name: string, length: number, start: number, end: number): Float64Array {
  const betas = new Float64Array(length);
  const ramp = (from: number, to: number, i: number): number => from + ((to - from) * i) / Math.max(length - 1, 1);
  const fill = (beta: (i: number) => number): Float64Array => {
    for (let i = 0; i < length; i++) betas[i] = beta(i);
    return betas;
  };
  switch (name) {
    case 'linear':
      return fill((i) => ramp(start, end, i));
    case 'scaled_linear':
      return fill((i) => ramp(Math.sqrt(start), Math.sqrt(end), i) ** 2);
    case 'squaredcos_cap_v2':
      return fill((i) => betaOfCumulative((t) => Math.cos((((t + 0.008) / 1.008) * Math.PI) / 2) ** 2, i, length));
    case 'laplace':
      return fill((i) => betaOfCumulative(laplace, i, length));
    case 'exp':
      return fill((i) => betaOfCumulative((t) => Math.exp(-12 * t), i, length));
    case 'sigmoid':
      return fill((i) => (end - start) / (1 + Math.exp(-ramp(-6, 6, i))) + start);
    default:
      throw new Failure('unsupported', `beta_schedule: '${name}' is not known`, 'beta_schedule');
  }
}

/** The beta whose cumulative product follows `alphaBar` over [0, 1]; capped so that the last alpha is not zero. */
function betaOfCumulative(alphaBar: (t: number) => number, i: number, length: number): number {
  return Math.min(1 - alphaBar((i + 1) / length) / alphaBar(i / length), 0.999);
}

/** ᾱ of a Laplace distribution of log signal-to-noise ratios, Hang & Gu 2024. */
function laplace(t: number): number {
  const snr = Math.exp((t <= 0.5 ? -0.5 : 0.5) * Math.log(1 - 2 * Math.abs(0.5 - t) + 1e-6));
  return Math.sqrt(snr / (1 + snr));
}

/** Shifts and scales sqrt(ᾱ) so that its last value is zero. Lin et al. 2023 (2305.08891), algorithm 1. */
export function rescaleToZeroTerminalSnr(betas: Float64Array): Float64Array {
  const roots = cumulativeProduct(betas).map(Math.sqrt);
  const first = roots[0] ?? 1;
  const last = roots[roots.length - 1] ?? 0;
  const alphasCumprod = roots.map((root) => ((root - last) * (first / (first - last))) ** 2);
  return alphasCumprod.map((value, i) => 1 - (i === 0 ? value : value / (alphasCumprod[i - 1] ?? 1)));
}

/** ᾱ_t = Π (1 − beta). */
function cumulativeProduct(betas: Float64Array): Float64Array {
  let product = 1;
  return betas.map((beta) => (product *= 1 - beta));
}

/** The schedule of given betas. `terminalAlphaCumprod` replaces the last ᾱ where a solver needs it above zero. */
export function noiseSchedule(betas: Float64Array, terminalAlphaCumprod?: number): NoiseSchedule {
  const alphasCumprod = cumulativeProduct(betas);
  if (terminalAlphaCumprod !== undefined) alphasCumprod[alphasCumprod.length - 1] = terminalAlphaCumprod;
  return { length: betas.length, alphasCumprod, sigmas: alphasCumprod.map(sigmaOfAlphaCumprod) };
}

/** sqrt((1 − ᾱ)/ᾱ), finite even at ᾱ = 0. */
export function sigmaOfAlphaCumprod(alphaCumprod: number): number {
  return Math.min(Math.sqrt((1 - alphaCumprod) / alphaCumprod), largestSigma);
}

/** Noise level at a timestep; between timesteps linear in sigma. Clamped to the schedule's ends. */
export function sigmaOfTimestep({ sigmas }: NoiseSchedule, timestep: number): number {
  const t = Math.min(Math.max(timestep, 0), sigmas.length - 1);
  const low = Math.floor(t);
  const sigmaLow = sigmas[low] ?? NaN;
  return low === t ? sigmaLow : sigmaLow + (t - low) * ((sigmas[low + 1] ?? NaN) - sigmaLow);
}

/** Timestep of a noise level; between timesteps linear in log sigma. Clamped to the schedule's ends. */
export function timestepOfSigma({ sigmas }: NoiseSchedule, sigma: number): number {
  const last = sigmas.length - 1;
  // Binary search for the last timestep whose sigma is not above the given one.
  let low = 0;
  let high = last;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((sigmas[middle] ?? NaN) <= sigma) low = middle;
    else high = middle;
  }
  const logLow = Math.log(sigmas[low] ?? NaN);
  const logHigh = Math.log(sigmas[high] ?? NaN);
  const fraction = (Math.log(Math.max(sigma, 1e-10)) - logLow) / (logHigh - logLow);
  return low + Math.min(Math.max(fraction, 0), 1) * (high - low);
}
