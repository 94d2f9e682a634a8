import { Failure } from '../../../contract/failures.ts';
import type { NoiseSchedule } from '../noise-schedule.ts';
import { variancePreservingScale } from '../parameterization.ts';
import type { PndmCall } from '../samplers/pndm.ts';
import type { SchedulerConfig } from '../scheduler-config.ts';
import { integerTimesteps } from '../timestep-spacing.ts';
import {
  checkedTimesteps,
  continuousTimestep,
  scheduleOf,
  type LevelRequest,
  type NoiseLevels,
} from './noise-levels.ts';

/** Levels of the samplers that work on the training timesteps themselves: DDPM, DDIM and PNDM. */
interface Grid {
  readonly schedule: NoiseSchedule;
  readonly timesteps: readonly number[];
  /** Noise level at a timestep; below 0 it is the clean end. */
  readonly sigmaAt: (timestep: number) => number;
  /** What diffusers takes one step to be, whatever the spacing. */
  readonly stride: number;
}

function gridOf(config: SchedulerConfig, { stepCount, timesteps: given }: LevelRequest): Grid {
  const schedule = scheduleOf(config);
  const { length, sigmas } = schedule;
  const timesteps = given
    ? checkedTimesteps(given, length)
    : integerTimesteps(config.timestep_spacing, length, stepCount, config.steps_offset);
  const end = config.set_alpha_to_one ? 0 : (sigmas[0] ?? NaN);
  const sigmaAt = (t: number): number => {
    if (t < 0) return end;
    const sigma = sigmas[t];
    if (sigma === undefined)
      throw new Failure('bad-input', `timestep: expected at most ${length - 1}, got ${t}`, 'stepCount');
    return sigma;
  };
  return { schedule, timesteps, sigmaAt, stride: Math.floor(length / timesteps.length) };
}

const shared = ({ schedule }: Grid): Pick<NoiseLevels, 'sampleScale' | 'initNoiseSigma' | 'timestepOf'> => ({
  sampleScale: variancePreservingScale,
  initNoiseSigma: 1,
  timestepOf: continuousTimestep(schedule),
});

/** Each step ends where the next one starts; the last one at sigma 0. */
export function ddpmLevels(config: SchedulerConfig, request: LevelRequest): NoiseLevels {
  const grid = gridOf(config, request);
  const sigmas = [...grid.timesteps.map(grid.sigmaAt), 0];
  const endsAboveZero = (grid.timesteps[grid.timesteps.length - 1] ?? 0) > 0;
  return { ...shared(grid), sigmas, timesteps: grid.timesteps, options: { noiseInLastStep: endsAboveZero } };
}

/**
 * diffusers' DDIM always steps down by a whole stride, and passes its sample on as it is even where the next timestep is
 * another (spacings other than `leading`): the sample then counts as one of that other noise level.
 */
export function ddimLevels(config: SchedulerConfig, request: LevelRequest): NoiseLevels {
  const grid = gridOf(config, request);
  const landingTimesteps = grid.timesteps.map((t) => t - grid.stride);
  const lastLanding = landingTimesteps[landingTimesteps.length - 1] ?? -1;
  const sigmas = [...grid.timesteps.map(grid.sigmaAt), grid.sigmaAt(lastLanding)];
  const landings = landingTimesteps.map((t, i) => {
    const [sigma, next] = [grid.sigmaAt(t), sigmas[i + 1] ?? NaN];
    return { sigma, relabel: variancePreservingScale(sigma) / variancePreservingScale(next) };
  });
  const meets = landings.every(({ sigma }, i) => sigma === sigmas[i + 1]);
  return { ...shared(grid), sigmas, timesteps: grid.timesteps, ...(meets ? {} : { options: { landings } }) };
}

/** PNDM's calls in diffusers' order, each with the noise levels that its timestep arithmetic gives. */
export function pndmLevels(config: SchedulerConfig, request: LevelRequest): NoiseLevels {
  const grid = gridOf(config, request);
  const { timesteps, sigmaAt, stride } = grid;
  const half = Math.floor(stride / 2);
  const warmUp = config.skip_prk_steps ? 0 : 3;
  const { firstCall = 0 } = request;
  if (firstCall > 0 && warmUp > 0)
    throw new Failure('unsupported', "PNDM's Runge–Kutta start: expected to begin at its first call", 'firstCall');
  if (timesteps.length <= warmUp)
    throw new Failure(
      'bad-input',
      `steps: PNDM with its Runge–Kutta start needs at least ${warmUp + 1}, got ${timesteps.length}`,
      'stepCount',
    );

  const told: [sigma: number, timestep: number][] = [];
  const call = (at: number, from: number, to: number): PndmCall => {
    told.push([sigmaAt(at), at]);
    return { at: sigmaAt(at), from: sigmaAt(from), to: sigmaAt(to) };
  };
  // diffusers lists the second timestep twice, and begins with the improved Euler step wherever it begins.
  const listed = [...timesteps.slice(0, 2), ...timesteps.slice(1)].slice(firstCall);
  const [first = NaN, again, ...others] = listed;
  const starts = warmUp > 0 ? timesteps : [first, ...others];
  const steps = starts.map((t, i): PndmCall[] => {
    const next = timesteps[i + 1] ?? t - stride;
    if (i < warmUp) {
      // The middle is counted up from the end of the step.
      const middle = next + half;
      return [call(t, t, t - half), call(middle, t, middle), call(middle, t, middle - half), call(next, t, next)];
    }
    const whole = call(t, t, t - stride);
    if (warmUp > 0 || i > 0 || again === undefined) return [whole];
    return [whole, call(again, again + stride, again)];
  });

  const last = steps[steps.length - 1]?.at(-1)?.to ?? NaN;
  return {
    ...shared(grid),
    sigmas: [...starts.map(sigmaAt), last],
    timesteps: starts,
    between: told,
    options: {
      pndm: {
        steps,
        sampleScale: variancePreservingScale,
        combinesVelocity: config.prediction_type === 'v_prediction',
      },
    },
  };
}
