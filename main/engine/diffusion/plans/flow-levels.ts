import { Failure } from '../../../contract/failures.ts';
import { largestSigma } from '../noise-schedule.ts';
import { flowScale } from '../parameterization.ts';
import type { SchedulerConfig } from '../scheduler-config.ts';
import { betaSigmas, exponentialSigmas, karrasSigmas } from '../sigma-spacing.ts';
import { linspace } from '../timestep-spacing.ts';
import { checkedSigmas, sigmaShapeOf, type LevelRequest, type NoiseLevels } from './noise-levels.ts';

/** Small enough to change nothing, large enough to divide by. */
const smallestFlowTime = 2 ** -26;

/**
 * Levels of a straight flow x_t = (1 − t) x0 + t noise. The timesteps 1 … N over N are shifted towards noise (Esser et al. 2024,
 * eq 23), stretched to a terminal value, and respaced, in this order. Where t is 1, sigma = t/(1 − t) is `largestSigma`.
 */
export function flowLevels(config: SchedulerConfig, request: LevelRequest): NoiseLevels {
  const { stepCount, mu, timesteps: given, sigmas: givenTimes } = request;
  const { num_train_timesteps: length, use_dynamic_shifting: isDynamic } = config;
  const shift = (t: number): number => shiftTime(t, config.shift);
  // diffusers shifts the ends of the range once more than the points between them.
  const [first, last] = [1, 1 / length].map((t) => (isDynamic ? t : shift(t))) as [number, number];
  const even = (): number[] => (given ?? linspace(first * length, last * length, stepCount)).map((t) => t / length);
  let ts = givenTimes ? [...checkedSigmas(givenTimes, 1)] : even();
  if (given && given.length !== ts.length)
    throw new Failure(
      'bad-input',
      `timesteps: expected ${ts.length}, one for each level, got ${given.length}`,
      'timesteps',
    );
  ts = ts.map(isDynamic ? dynamicShift(config, mu) : shift);
  if (config.shift_terminal) ts = stretchTo(ts, config.shift_terminal);
  ts = respaced(ts, config);
  if (config.invert_sigmas) ts = ts.map((t) => 1 - t);

  // An inverted run begins at t = 0, where no line through x and the x0 estimate has a direction: it begins just above.
  const lowest = config.invert_sigmas ? smallestFlowTime : 0;
  const sigmaOf = (t: number): number => Math.min(Math.max(t, lowest) / (1 - t), largestSigma);
  return {
    sigmas: [...ts, config.invert_sigmas ? 1 : 0].map(sigmaOf),
    // Timesteps that were asked for are what the network is told, although the levels are shifted.
    timesteps: given && !config.invert_sigmas ? given : ts.map((t) => t * length),
    sampleScale: flowScale,
    initNoiseSigma: 1,
    timestepOf: (sigma) => (sigma / (1 + sigma)) * length,
    options: { stochastic: config.stochastic_sampling },
  };
}

/** The shift for an image of `tokens` tokens: linear between the configuration's two sizes, as the pipelines of Flux have it. */
export function muOf(config: SchedulerConfig, tokens: number): number {
  const { base_shift, max_shift, base_image_seq_len: low, max_image_seq_len: high } = config;
  const slope = (max_shift - base_shift) / (high - low);
  return base_shift + slope * (tokens - low);
}

/** Moves a flow time towards noise. Esser et al. 2024 (2403.03206), eq 23. */
export function shiftTime(t: number, shift: number): number {
  return (shift * t) / (1 + (shift - 1) * t);
}

/** The shift by the image size: e^mu/(e^mu + 1/t − 1), or with mu in place of e^mu. */
export function dynamicShift({ time_shift_type }: SchedulerConfig, mu: number | undefined): (t: number) => number {
  if (mu === undefined)
    throw new Failure('bad-input', 'mu: this scheduler shifts by the image size and needs mu', 'mu');
  const odds = time_shift_type === 'exponential' ? Math.exp(mu) : mu;
  return (t) => odds / (odds + (1 / t - 1));
}

/** Scales 1 − t so that the last t is `terminal`. */
export function stretchTo(ts: readonly number[], terminal: number): number[] {
  const factor = (1 - (ts[ts.length - 1] ?? NaN)) / (1 - terminal);
  return ts.map((t) => 1 - (1 - t) / factor);
}

function respaced(ts: number[], config: SchedulerConfig): number[] {
  const shape = sigmaShapeOf(config);
  if (shape !== 'karras' && shape !== 'exponential' && shape !== 'beta') return ts;
  const spacing = { karras: karrasSigmas, exponential: exponentialSigmas, beta: betaSigmas }[shape];
  return spacing(ts[0] ?? NaN, ts[ts.length - 1] ?? NaN, ts.length);
}
