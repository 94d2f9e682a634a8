import { Failure } from '../../contract/failures.ts';
import type { ConformanceResult, ScheduleCase } from './conformance-cases.ts';
import { planInversion } from './ddim-inversion.ts';
import { flowScale } from './parameterization.ts';
import { scheduleOf } from './plans/noise-levels.ts';
import { planSampling, type SamplingPlan } from './sampling-plan.ts';
import { ancestralStep } from './samplers/ancestral.ts';
import { middleSigma } from './samplers/kdpm2.ts';
import { sigmaAt } from './samplers/sampler.ts';
import { schedulerOfCase } from './conformance.ts';
import type { SchedulerConfig } from './scheduler-config.ts';

/** Computes a case's quantity and compares every number of it. A case about two schedulers must hold for both. */
export function checkScheduleCase(given: ScheduleCase): ConformanceResult {
  const { id, quantity, expect, tolerance } = given;
  const results = given.scheduler.split(' and ').map((scheduler) => {
    const config = schedulerOfCase(scheduler.trim(), given.config ?? {});
    return quantityOf(config, quantity, expect);
  });
  const wrong = results.find((got) => !agree(expect, got, tolerance));
  return { id, expected: expect, got: wrong ?? results[0], tolerance, pass: wrong === undefined };
}

/** Whether two nested lists have the same shape and their numbers agree; timesteps in the file are rounded to float32. */
function agree(expected: unknown, got: unknown, tolerance: number): boolean {
  if (Array.isArray(expected))
    return (
      Array.isArray(got) && got.length === expected.length && expected.every((e, i) => agree(e, got[i], tolerance))
    );
  if (typeof expected !== 'number' || typeof got !== 'number') return expected === got;
  const rounding = Number.isInteger(expected) ? 0 : Math.abs(expected) * 2 ** -23;
  return Math.abs(expected - got) <= Math.max(tolerance, rounding);
}

function quantityOf(config: SchedulerConfig, quantity: string, expect: readonly unknown[]): unknown {
  const set = /^(timesteps|sigmas|init_noise_sigma) after set_timesteps\((\d+)(?:,\s*mu=([\d.]+))?\)$/.exec(quantity);
  if (set) {
    const [, name, stepCount, mu] = set;
    const request = { stepCount: Number(stepCount), mu: mu === undefined ? undefined : Number(mu) };
    if (config.schedulerClass === 'DDIMInverseScheduler') return planInversion(config, request.stepCount).timesteps;
    const plan = planSampling(config, request);
    if (name === 'timesteps') return listedTimesteps(plan);
    if (name === 'init_noise_sigma') return [plan.startScale * plan.sampleScale(plan.sigmas[0] ?? NaN)];
    return listedSigmas(plan);
  }
  if (quantity.startsWith('_get_variance(timestep, prev_timestep)'))
    return questions(expect).map((question) => {
      const [t, previous] = question as readonly [number, number];
      return [question, posteriorVariance(config, t, previous)];
    });
  if (quantity.startsWith('_get_variance(timestep)'))
    return questions(expect).map((t) => [t, posteriorVariance(config, Number(t), Number(t) - 1)]);
  const custom = /^set_timesteps\(timesteps=\[([\d, ]+)\]\); previous_timestep of each$/.exec(quantity);
  if (custom) {
    const timesteps = (custom[1] ?? '').split(',').map(Number);
    const plan = planSampling(config, { stepCount: timesteps.length, timesteps });
    return plan.timesteps.map((t, i) => [t, plan.timesteps[i + 1] ?? -1]);
  }
  throw new Failure('unsupported', `schedule case: the quantity '${quantity}' is not known`, 'quantity');
}

/** The first of each pair: what the quantity is asked for. */
function questions(expect: readonly unknown[]): readonly unknown[] {
  return expect.map((pair) => (Array.isArray(pair) ? (pair as unknown[])[0] : pair));
}

/** Variance of q(x_{t−1} | x_t, x0) in the scheduler's own sample, Ho et al. 2020, eq 7; or diffusers' figure of another type. */
function posteriorVariance(config: SchedulerConfig, timestep: number, previous: number): number {
  const { alphasCumprod } = scheduleOf(config);
  const end = config.schedulerClass === 'DDPMScheduler' || config.set_alpha_to_one ? 1 : (alphasCumprod[0] ?? NaN);
  const at = alphasCumprod[timestep] ?? NaN;
  const before = previous < 0 ? end : (alphasCumprod[previous] ?? NaN);
  const beta = 1 - at / before;
  const small = ((1 - before) / (1 - at)) * beta;
  switch (config.variance_type) {
    case 'fixed_large':
      return beta;
    case 'fixed_large_log':
      return Math.log(beta);
    case 'fixed_small_log': // diffusers' figure of this type is a standard deviation
      return Math.sqrt(Math.max(small, 1e-20));
    default:
      return small;
  }
}

/** Samplers that call the network at both ends of a step. */
const callsTwice: readonly SamplingPlan['sampler'][] = ['heun', 'flow-match-heun'];

/** diffusers' list of noise levels: a level for each call of the model and the last one. Flow times where they are levels. */
export function listedSigmas({ sampler, sigmas, sampleScale }: SamplingPlan): readonly number[] {
  const own = sampleScale === flowScale ? sigmas.map((sigma) => sigma / (1 + sigma)) : sigmas;
  const [first = NaN, ...others] = own;
  const last = sigmaAt(own, own.length - 1);
  if (callsTwice.includes(sampler)) return [first, ...others.slice(0, -1).flatMap((sigma) => [sigma, sigma]), last];
  if (sampler !== 'kdpm2' && sampler !== 'kdpm2-ancestral') return own;
  return [first, ...others.flatMap((sigma) => [sigma, sigma]), last];
}

/** diffusers' list of timesteps: one for each call of the model, where a step makes two. */
function listedTimesteps({ sampler, timesteps, parameterization, sigmas, options }: SamplingPlan): readonly number[] {
  const [first = NaN, ...others] = timesteps;
  if (options.pndm) return options.pndm.steps.flat().map(({ at }) => parameterization.timestep(at));
  if (callsTwice.includes(sampler)) return [first, ...others.flatMap((t) => [t, t])];
  if (sampler !== 'kdpm2' && sampler !== 'kdpm2-ancestral') return timesteps;
  const middles = others.map((_, i) => {
    const [sigma, next] = [sigmaAt(sigmas, i), sigmaAt(sigmas, i + 1)];
    return middleSigma(sigma, sampler === 'kdpm2' ? next : ancestralStep(sigma, next).down);
  });
  return [first, ...others.flatMap((t, i) => [parameterization.timestep(sigmaAt(middles, i)), t])];
}
