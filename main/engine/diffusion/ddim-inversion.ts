import { Failure } from '../../contract/failures.ts';
import { combine, scale } from '../tensor/arithmetic.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { variancePreservingScale } from './parameterization.ts';
import { scheduleOf } from './plans/noise-levels.ts';
import { sigmaAt, steps, type SamplerOptions, type SamplingStep } from './samplers/sampler.ts';
import type { SchedulerConfig } from './scheduler-config.ts';
import { integerTimesteps } from './timestep-spacing.ts';

/** Noise predictor that is told the network's timestep for itself: inversion calls it at the timestep it goes to. */
export type TimedNoisePredictor = (x: Tensor, sigma: number, timestep: number) => Promise<Tensor>;

/** Noise levels of an inversion, ascending, and what the network is told in each step. */
export interface InversionPlan {
  readonly sigmas: readonly number[];
  readonly timesteps: readonly number[];
  /**
   * The level at which each step takes its sample to be, where that is not the level that the step before ended on: diffusers
   * counts a whole stride back from the timestep, and passes its sample on as it is.
   */
  readonly origins?: readonly number[];
}

/** The levels of diffusers' DDIMInverseScheduler: step i goes up to timestep i, and the network is told that one. */
export function planInversion(config: SchedulerConfig, stepCount: number): InversionPlan {
  if (config.schedulerClass !== 'DDIMInverseScheduler')
    throw new Failure('bad-input', `inversion: expected a DDIMInverseScheduler, got ${config.schedulerClass}`);
  const { sigmas, length } = scheduleOf(config);
  const timesteps = integerTimesteps(config.timestep_spacing, length, stepCount, config.steps_offset).reverse();
  const start = config.set_alpha_to_one ? 0 : sigmaAt([...sigmas], 0);
  const levels = [start, ...timesteps.map((t) => sigmas[t] ?? NaN)];
  if (config.timestep_spacing === 'linspace') return { sigmas: levels, timesteps };
  const stride = Math.floor(length / stepCount);
  const origins = timesteps.map((t) => (t < stride ? start : (sigmas[t - stride] ?? NaN)));
  const meets = origins.every((sigma, i) => sigma === levels[i]);
  return { sigmas: levels, timesteps, ...(meets ? {} : { origins }) };
}

/** DDIM run upwards, from a sample to the noise that it came from. Song et al. 2021, section 4.3; reads `limit`. */
export function ddimInversion(
  predictNoise: TimedNoisePredictor,
  x: Tensor,
  { sigmas, timesteps, origins }: InversionPlan,
  options: SamplerOptions = {},
): AsyncGenerator<SamplingStep, Tensor> {
  return steps(x, sigmas, options, async (x, i, sigma, sigmaNext) => {
    const origin = origins?.[i] ?? sigma;
    const relabel = variancePreservingScale(sigma) / variancePreservingScale(origin);
    const own = relabel === 1 ? x : scale(relabel, x);
    const eps = await predictNoise(own, origin, sigmaAt(timesteps, i));
    const estimate = combine([1, own], [-origin, eps]);
    const denoised = options.limit?.(estimate) ?? estimate;
    return { x: combine([1, denoised], [sigmaNext, eps]), denoised };
  });
}
