import { Failure } from '../../../contract/failures.ts';
import { variancePreservingScale } from '../parameterization.ts';
import type { SchedulerConfig } from '../scheduler-config.ts';
import {
  checkedTimesteps,
  continuousTimestep,
  scheduleOf,
  type LevelRequest,
  type NoiseLevels,
} from './noise-levels.ts';

/** Standard deviation of the data in the boundary condition of consistency models. */
const sigmaData = 0.5;

/**
 * Evenly chosen among the timesteps the model was distilled on: k − 1, 2k − 1, … Luo et al. 2023, section 4.3. A strength
 * below 1 leaves out the noisiest of those before choosing, as diffusers does, so that no step is lost.
 */
function distilledTimesteps(config: SchedulerConfig, request: LevelRequest): readonly number[] {
  const { stepCount, timesteps: given, originalSteps = config.original_inference_steps, strength = 1 } = request;
  const { num_train_timesteps: length } = config;
  if (given) {
    const left = Math.floor(given.length * strength);
    if (left === 0)
      throw new Failure('bad-input', `strength: expected at least ${1 / given.length}, got ${strength}`, 'strength');
    return checkedTimesteps(given, length).slice(given.length - left);
  }
  const kept = Math.floor(originalSteps * strength);
  if (stepCount > kept || originalSteps > length)
    throw new Failure('bad-input', `steps: expected at most ${Math.min(kept, length)}, got ${stepCount}`, 'stepCount');
  const stride = Math.floor(length / originalSteps);
  const distilled = Array.from({ length: kept }, (_, i) => (kept - i) * stride - 1);
  return Array.from({ length: stepCount }, (_, i) => distilled[Math.floor(i * (kept / stepCount))] ?? NaN);
}

/** Levels of LCM, which ends at the x0 estimate. */
export function lcmLevels(config: SchedulerConfig, request: LevelRequest): NoiseLevels {
  const schedule = scheduleOf(config);
  const timesteps = distilledTimesteps(config, request);
  const sigmas = timesteps.map((t) => schedule.sigmas[t] ?? NaN);
  const timestepOf = continuousTimestep(schedule);
  const timestepAt = new Map(sigmas.map((sigma, i) => [sigma, timesteps[i] ?? NaN]));
  return {
    sigmas: [...sigmas, 0],
    timesteps,
    sampleScale: variancePreservingScale,
    initNoiseSigma: 1,
    timestepOf,
    options: {
      // cSkip and cOut of the paper's eq 8, at the scaled timestep; cSkip weighs sqrt(ᾱ) x.
      boundary: (sigma) => {
        const scaled = (timestepAt.get(sigma) ?? timestepOf(sigma)) * config.timestep_scaling;
        const variance = scaled ** 2 + sigmaData ** 2;
        return [(sigmaData ** 2 / variance) * variancePreservingScale(sigma), scaled / Math.sqrt(variance)];
      },
    },
  };
}

/** Levels of TCD, which ends at timestep 0. Its eta (the paper's gamma) moves the intermediate timesteps down. */
export function tcdLevels(config: SchedulerConfig, request: LevelRequest): NoiseLevels {
  const schedule = scheduleOf(config);
  const timesteps = distilledTimesteps(config, request);
  const sigmaAt = (t: number): number => schedule.sigmas[t] ?? NaN;
  const next = [...timesteps.slice(1), 0];
  const eta = request.eta ?? 0.3;
  return {
    sigmas: [...timesteps, 0].map(sigmaAt),
    timesteps,
    sampleScale: variancePreservingScale,
    initNoiseSigma: 1,
    timestepOf: continuousTimestep(schedule),
    options: { eta, intermediateSigmas: next.map((t) => sigmaAt(Math.floor((1 - eta) * t))) },
  };
}
