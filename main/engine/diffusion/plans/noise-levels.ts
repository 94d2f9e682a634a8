import { Failure } from '../../../contract/failures.ts';
import {
  betasOf,
  noiseSchedule,
  rescaleToZeroTerminalSnr,
  timestepOfSigma,
  type NoiseSchedule,
} from '../noise-schedule.ts';
import type { SamplerOptions } from '../samplers/sampler.ts';
import type { SchedulerConfig } from '../scheduler-config.ts';
import { betaSigmas, exponentialSigmas, karrasSigmas, luSigmas } from '../sigma-spacing.ts';

/** The noise levels of a run, in the convention x = x0 + sigma · noise, and how the scheduler's own sample relates to x. */
export interface NoiseLevels {
  /** One more than steps. */
  readonly sigmas: readonly number[];
  /** What the network is told at each of them but the last. */
  readonly timesteps: readonly number[];
  /** Timesteps of further levels where the sampler calls the network between steps. */
  readonly between?: readonly (readonly [sigma: number, timestep: number])[];
  /** Factor from x to the scheduler's own sample. */
  readonly sampleScale: (sigma: number) => number;
  /** Standard deviation of the scheduler's own sample of pure noise at the start. */
  readonly initNoiseSigma: number;
  /** Timestep of a level that is not listed. */
  readonly timestepOf: (sigma: number) => number;
  readonly options?: SamplerOptions;
}

/** What planning needs besides the configuration. */
export interface LevelRequest {
  readonly stepCount: number;
  readonly eta?: number | undefined;
  readonly mu?: number | undefined;
  readonly timesteps?: readonly number[] | undefined;
  readonly sigmas?: readonly number[] | undefined;
  readonly originalSteps?: number | undefined;
  readonly strength?: number | undefined;
  readonly firstCall?: number | undefined;
}

/**
 * The training noise schedule of a configuration.
 *
 * @param terminalAlphaCumprod stands for ᾱ = 0 at the last timestep of a zero-SNR schedule, in solvers that divide by it
 */
export function scheduleOf(config: SchedulerConfig, terminalAlphaCumprod?: number): NoiseSchedule {
  const { num_train_timesteps: length, beta_start: start, beta_end: end } = config;
  const betas = config.trained_betas
    ? Float64Array.from(config.trained_betas)
    : betasOf(config.beta_schedule, length, start, end);
  return config.rescale_betas_zero_snr
    ? noiseSchedule(rescaleToZeroTerminalSnr(betas), terminalAlphaCumprod)
    : noiseSchedule(betas);
}

/** The smallest subnormal of half precision: what diffusers puts for a terminal ᾱ of zero. */
export const smallestAlphaCumprod = 2 ** -24;

export type SigmaShape = 'model' | 'karras' | 'exponential' | 'beta' | 'lu';

/** How a configuration spaces its noise levels; at most one way may be set. */
export function sigmaShapeOf(config: SchedulerConfig): SigmaShape {
  const set = (
    [
      ['karras', config.use_karras_sigmas],
      ['lu', config.use_lu_lambdas],
      ['exponential', config.use_exponential_sigmas],
      ['beta', config.use_beta_sigmas],
    ] as const
  ).filter(([, isSet]) => isSet);
  if (set.length > 1)
    throw new Failure(
      'bad-input',
      `scheduler_config.json: only one sigma spacing can be used, found ${set.map(([name]) => name).join(' and ')}`,
    );
  return set[0]?.[0] ?? 'model';
}

/** Noise levels between the first and last of the given ones (ascending), or the configuration's, in a published spacing. */
export function spacedSigmas(
  shape: Exclude<SigmaShape, 'model'>,
  config: SchedulerConfig,
  { sigmas }: Pick<NoiseSchedule, 'sigmas'>,
  count: number,
): number[] {
  const sigmaMin = config.sigma_min ?? sigmas[0] ?? NaN;
  const sigmaMax = config.sigma_max ?? sigmas[sigmas.length - 1] ?? NaN;
  const spacing = { karras: karrasSigmas, exponential: exponentialSigmas, beta: betaSigmas, lu: luSigmas }[shape];
  return spacing(sigmaMax, sigmaMin, count);
}

/** The last level: 0, or the schedule's smallest. */
export function finalSigma(config: SchedulerConfig, { sigmas }: NoiseSchedule): number {
  return config.final_sigmas_type === 'zero' ? 0 : (sigmas[0] ?? NaN);
}

/** Checks timesteps that a caller gave instead of the spaced ones: descending integers of the schedule. */
export function checkedTimesteps(timesteps: readonly number[], length: number): readonly number[] {
  timesteps.forEach((t, i) => {
    const previous = timesteps[i - 1] ?? length;
    if (!Number.isInteger(t) || t < 0 || t >= previous)
      throw new Failure(
        'bad-input',
        `timesteps: expected descending integers below ${length}, got [${timesteps.join(', ')}]`,
        'timesteps',
      );
  });
  return timesteps;
}

/** Checks noise levels that a caller gave instead of the spaced ones: descending, from the noisy end. */
export function checkedSigmas(sigmas: readonly number[], most: number): readonly number[] {
  if (sigmas.some((sigma, i) => !(sigma >= 0 && sigma <= most) || sigma >= (sigmas[i - 1] ?? Infinity)))
    throw new Failure(
      'bad-input',
      `sigmas: expected descending noise levels from 0 to ${most}, got [${sigmas.join(', ')}]`,
      'sigmas',
    );
  return sigmas;
}

export function continuousTimestep(schedule: NoiseSchedule): (sigma: number) => number {
  return (sigma) => timestepOfSigma(schedule, sigma);
}
