import type { Parameterization } from './parameterization.ts';
import { isEdmModel } from './plans/other-sampler.ts';
import { scheduleOf } from './plans/noise-levels.ts';
import { planSampling } from './sampling-plan.ts';
import type { SchedulerConfig } from './scheduler-config.ts';

/** Over which noise levels a model's likelihood is integrated, and how its network is wrapped there. */
export interface LikelihoodRange {
  readonly sigmaMin: number;
  readonly sigmaMax: number;
  readonly parameterization: Parameterization;
}

/**
 * Flow times t in sigma = t/(1 − t): 0.0417 to 24. Both ends of a flow are hardly trained (logit-normal times), and at 0 no
 * density exists; the lower end is about the 0.0413 of Cross & Ragni 2024.
 */
const flowTimes = { low: 0.04, high: 0.96 } as const;

/** A schedule whose last level is pure noise has no largest sigma; beyond this one the flow is a straight line. */
const largest = 100;

/**
 * The range of a model: the ends of its own noise schedule, of a flow those above. It begins above sigma 0, so the density
 * is that of images with a little noise, and what it can reach is bounded (`densityBound`).
 */
export function likelihoodRange(config: SchedulerConfig): LikelihoodRange {
  const isEdm = isEdmModel(config);
  const isFlow = config.schedulerClass.startsWith('FlowMatch') || config.use_flow_sigmas;
  // Another solver's plan may round timesteps; Euler's does not.
  const sampler = isEdm || isFlow ? null : 'euler';
  const { parameterization } = planSampling(config, { stepCount: 1, sampler });
  if (isFlow) {
    const sigmaOf = (t: number): number => t / (1 - t);
    return { sigmaMin: sigmaOf(flowTimes.low), sigmaMax: sigmaOf(flowTimes.high), parameterization };
  }
  if (isEdm) return { sigmaMin: config.sigma_min ?? 0.002, sigmaMax: config.sigma_max ?? 80, parameterization };
  const { sigmas } = scheduleOf(config);
  const last = sigmas[sigmas.length - 1] ?? NaN;
  return { sigmaMin: sigmas[0] ?? NaN, sigmaMax: Math.min(last, largest), parameterization };
}

/**
 * The largest log density a dimension of a law smoothed with sigmaMin can have, in nats: −ln(sigmaMin √(2π)). An estimate
 * above it shows an error of the network, not a likely image.
 */
export function densityBound(sigmaMin: number): number {
  return -Math.log(sigmaMin * Math.sqrt(2 * Math.PI));
}
