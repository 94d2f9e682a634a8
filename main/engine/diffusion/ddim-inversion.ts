import { Failure } from '../../contract/failures.ts';
import { combine } from '../tensor/arithmetic.ts';
import type { Tensor } from '../tensor/tensor.ts';
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
}

/** The levels of diffusers' DDIMInverseScheduler: step i goes up to timestep i, and the network is told that one. */
export function planInversion(config: SchedulerConfig, stepCount: number): InversionPlan {
  if (config.schedulerClass !== 'DDIMInverseScheduler')
    throw new Failure('bad-input', `inversion: expected a DDIMInverseScheduler, got ${config.schedulerClass}`);
  const { sigmas, length } = scheduleOf(config);
  const timesteps = integerTimesteps(config.timestep_spacing, length, stepCount, config.steps_offset).reverse();
  const start = config.set_alpha_to_one ? 0 : sigmaAt([...sigmas], 0);
  return { sigmas: [start, ...timesteps.map((t) => sigmas[t] ?? NaN)], timesteps };
}

/** DDIM run upwards, from a sample to the noise that it came from. Song et al. 2021, section 4.3; reads `limit`. */
export function ddimInversion(
  predictNoise: TimedNoisePredictor,
  x: Tensor,
  { sigmas, timesteps }: InversionPlan,
  options: SamplerOptions = {},
): AsyncGenerator<SamplingStep, Tensor> {
  return steps(x, sigmas, options, async (x, i, sigma, sigmaNext) => {
    const eps = await predictNoise(x, sigma, sigmaAt(timesteps, i));
    const estimate = combine([1, x], [-sigma, eps]);
    const denoised = options.limit?.(estimate) ?? estimate;
    return { x: combine([1, denoised], [sigmaNext, eps]), denoised };
  });
}
