import { ancestralStep } from '../samplers/ancestral.ts';
import { sigmaOfTimestep } from '../noise-schedule.ts';
import { middleSigma } from '../samplers/kdpm2.ts';
import type { SchedulerConfig } from '../scheduler-config.ts';
import { exponentialSigmas } from '../sigma-spacing.ts';
import { continuousTimesteps, roundHalfEven } from '../timestep-spacing.ts';
import {
  checkedSigmas,
  continuousTimestep,
  finalSigma,
  scheduleOf,
  sigmaShapeOf,
  smallestAlphaCumprod,
  spacedSigmas,
  type LevelRequest,
  type NoiseLevels,
} from './noise-levels.ts';

/** Levels of the samplers of Karras et al. and k-diffusion, whose sample is x itself: Euler, Heun, LMS, DPM-Solver-2. */
export function karrasLevels(config: SchedulerConfig, request: LevelRequest): NoiseLevels {
  const { stepCount, timesteps: given, sigmas: givenSigmas } = request;
  const schedule = scheduleOf(config, smallestAlphaCumprod);
  const timestepOf = continuousTimestep(schedule);
  const shape = sigmaShapeOf(config);
  const isContinuous = config.timestep_type === 'continuous' && config.prediction_type === 'v_prediction';
  const isMidpoint = config.sampler === 'kdpm2' || config.sampler === 'kdpm2-ancestral';

  let timesteps =
    given ?? continuousTimesteps(config.timestep_spacing, schedule.length, stepCount, config.steps_offset);
  let sigmas = timesteps.map((t) => sigmaOfTimestep(schedule, t));
  if (shape !== 'model') {
    // The ends of the range are those of the spaced timesteps, which need not be the schedule's.
    const isLogLinear = config.interpolation_type === 'log_linear';
    const range = isLogLinear ? schedule.sigmas : Float64Array.from(sigmas).reverse();
    sigmas = spacedSigmas(shape, config, { sigmas: range }, stepCount);
    timesteps = sigmas.map(timestepOf);
    if (isMidpoint && shape === 'karras') timesteps = timesteps.map(roundHalfEven);
  }
  let end = config.sampler === 'euler' ? finalSigma(config, schedule) : 0;
  if (shape === 'model' && config.interpolation_type === 'log_linear') {
    // One level more than steps: the schedule's smallest is where sampling ends. Only timesteps that follow from the levels
    // make a step of it too.
    const [smallest = NaN] = schedule.sigmas;
    sigmas = exponentialSigmas(schedule.sigmas[schedule.length - 1] ?? NaN, smallest, stepCount + 1);
    if (!isContinuous) end = sigmas.pop() ?? NaN;
  }
  if (givenSigmas) {
    [sigmas, end] = [[...checkedSigmas(givenSigmas, Infinity)], givenSigmas[givenSigmas.length - 1] ?? NaN];
    sigmas.pop();
    timesteps = sigmas.map(timestepOf);
  }
  const levels = [...sigmas, end];
  if (isContinuous) timesteps = sigmas.map((sigma) => 0.25 * Math.log(sigma));

  const largest = Math.max(...levels);
  return {
    sigmas: levels,
    timesteps,
    between: isMidpoint
      ? middles(levels, config.sampler === 'kdpm2-ancestral').map((m) => [m, timestepOf(m)] as const)
      : [],
    sampleScale: () => 1,
    // Where the first timestep is the noisiest of training, the start is pure noise; elsewhere it is a noised sample.
    initNoiseSigma: config.timestep_spacing === 'leading' ? Math.sqrt(largest ** 2 + 1) : largest,
    timestepOf,
  };
}

/** Levels between steps where the midpoint methods call the network. */
function middles(levels: readonly number[], isAncestral: boolean): number[] {
  return levels.slice(0, -2).map((sigma, i) => {
    const next = levels[i + 1] ?? NaN;
    return middleSigma(sigma, isAncestral ? ancestralStep(sigma, next).down : next);
  });
}
