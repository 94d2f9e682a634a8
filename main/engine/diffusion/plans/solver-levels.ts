import { Failure } from '../../../contract/failures.ts';
import { largestSigma, sigmaOfTimestep, type NoiseSchedule } from '../noise-schedule.ts';
import { flowScale, variancePreservingScale } from '../parameterization.ts';
import type { SchedulerConfig } from '../scheduler-config.ts';
import { linspace, roundHalfEven, solverTimesteps } from '../timestep-spacing.ts';
import { dynamicShift, shiftTime, stretchTo } from './flow-levels.ts';
import {
  checkedSigmas,
  checkedTimesteps,
  continuousTimestep,
  finalSigma,
  scheduleOf,
  sigmaShapeOf,
  smallestAlphaCumprod,
  spacedSigmas,
  type LevelRequest,
  type NoiseLevels,
} from './noise-levels.ts';

/** Levels of the exponential integrators: DPM-Solver (multistep and singlestep), DEIS and UniPC. */
export function solverLevels(config: SchedulerConfig, request: LevelRequest): NoiseLevels {
  if (config.use_flow_sigmas) return flowSolverLevels(config, request);
  const shape = sigmaShapeOf(config);
  const schedule = scheduleOf(config, smallestAlphaCumprod);
  const timestepOf = continuousTimestep(schedule);
  const { timesteps, sigmas } =
    shape === 'model'
      ? modelLevels(config, schedule, request)
      : shapedLevels(config, spacedSigmas(shape, config, schedule, request.stepCount), shape, timestepOf);
  return {
    sigmas: [...sigmas, lastSigma(config, schedule, sigmas, shape === 'model')],
    timesteps,
    sampleScale: variancePreservingScale,
    initNoiseSigma: 1,
    timestepOf,
  };
}

function modelLevels(
  config: SchedulerConfig,
  schedule: NoiseSchedule,
  { stepCount, timesteps: given }: LevelRequest,
): { timesteps: readonly number[]; sigmas: number[] } {
  // Clip the noisiest timesteps away, where lambda is below a bound (for the cosine schedule).
  const clipped = schedule.sigmas.reduce(
    (count, sigma) => count + (-Math.log(sigma) < config.lambda_min_clipped ? 1 : 0),
    0,
  );
  const isSinglestep = config.sampler === 'dpm++2s';
  const spacing = isSinglestep ? 'linspace' : config.timestep_spacing;
  const last = config.sampler === 'dpm++2m' || isSinglestep ? schedule.length - clipped : schedule.length;
  const timesteps = given
    ? checkedTimesteps(given, schedule.length)
    : solverTimesteps(spacing, schedule.length, last, stepCount, config.steps_offset);
  return { timesteps, sigmas: timesteps.map((t) => sigmaOfTimestep(schedule, t)) };
}

/** The network of these solvers is told integers: Karras and Lu levels are rounded, the others cut off. */
function shapedLevels(
  config: SchedulerConfig,
  sigmas: number[],
  shape: 'karras' | 'lu' | 'exponential' | 'beta',
  timestepOf: (sigma: number) => number,
): { timesteps: readonly number[]; sigmas: number[] } {
  const rounds = shape === 'karras' || shape === 'lu';
  const isCosineMultistep = config.sampler === 'dpm++2m' && config.beta_schedule === 'squaredcos_cap_v2';
  const toInteger = rounds && !isCosineMultistep ? roundHalfEven : Math.trunc;
  return { sigmas, timesteps: sigmas.map((sigma) => toInteger(timestepOf(sigma))) };
}

function lastSigma(
  config: SchedulerConfig,
  schedule: NoiseSchedule,
  sigmas: readonly number[],
  isModelSpaced: boolean,
): number {
  const smallest = schedule.sigmas[0] ?? NaN;
  // DEIS cannot reach sigma 0, where its logarithms have no value.
  if (config.schedulerClass === 'DEISMultistepScheduler')
    return isModelSpaced ? smallest : (sigmas[sigmas.length - 1] ?? NaN);
  if (config.sampler === 'unipc' && config.final_sigmas_type === 'sigma_min' && !isModelSpaced)
    return sigmas[sigmas.length - 1] ?? NaN;
  return finalSigma(config, schedule);
}

/** The highest flow time of UniPC: at 1 its logarithms have no value. */
const highestFlowTime = 1 - 1e-6;

/** Levels on a straight flow (1 − t) x0 + t noise, where sigma = t/(1 − t). */
function flowSolverLevels(config: SchedulerConfig, request: LevelRequest): NoiseLevels {
  const { num_train_timesteps: length } = config;
  const shape = sigmaShapeOf(config);
  if (shape !== 'model' && !(shape === 'karras' && config.schedulerClass === 'UniPCMultistepScheduler'))
    throw new Failure(
      'bad-input',
      `use_flow_sigmas: expected no other spacing beside it in ${config.schedulerClass}, got ${shape}`,
      'use_flow_sigmas',
    );
  const schedule = scheduleOf(config, smallestAlphaCumprod);
  const ts =
    config.schedulerClass === 'UniPCMultistepScheduler'
      ? unipcFlowTimes(config, schedule, request)
      : flowTimes(config, request);
  const sigmaOf = (t: number): number => Math.min(t / (1 - t), largestSigma);
  return {
    sigmas: [...ts, lastSigma(config, schedule, ts, false)].map(sigmaOf),
    timesteps: ts.map((t) => Math.trunc(t * length)),
    sampleScale: flowScale,
    initNoiseSigma: 1,
    timestepOf: (sigma) => (sigma / (1 + sigma)) * length,
  };
}

/** Even steps on [0, 1 − 1/length], shifted; the clean end is left out. */
function flowTimes(config: SchedulerConfig, { stepCount, mu }: LevelRequest): number[] {
  const shift = config.use_dynamic_shifting && mu !== undefined ? Math.exp(mu) : config.flow_shift;
  return linspace(1, 1 / config.num_train_timesteps, stepCount + 1)
    .map((alpha) => shiftTime(1 - alpha, shift))
    .reverse()
    .slice(0, -1);
}

/** UniPC begins at the noisy end itself, and knows the shifts of flow matching; Karras levels are turned into flow times. */
function unipcFlowTimes(config: SchedulerConfig, schedule: NoiseSchedule, request: LevelRequest): number[] {
  const { stepCount, mu, sigmas: given } = request;
  if (config.use_karras_sigmas)
    return spacedSigmas('karras', config, schedule, stepCount).map((sigma) => sigma / (sigma + 1));
  const even = given
    ? checkedSigmas(given, 1)
    : linspace(1, 1 / config.num_train_timesteps, stepCount + 1).slice(0, -1);
  const shifted = even.map(
    config.use_dynamic_shifting ? dynamicShift(config, mu) : (t) => shiftTime(t, config.flow_shift),
  );
  const stretched = config.shift_terminal ? stretchTo(shifted, config.shift_terminal) : shifted;
  return stretched.map((t) => Math.min(t, highestFlowTime));
}
