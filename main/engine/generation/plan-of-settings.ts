import type { GenerationSettings } from '../../contract/settings.ts';
import { planSampling, type SamplingPlan } from '../diffusion/sampling-plan.ts';
import { parseSchedulerConfig } from '../diffusion/scheduler-config.ts';
import type { DiffusionModel } from './diffusion-model.ts';

/** The sampling that settings ask of a model: the sampler its makers recommend where they name none. */
export function planOfSettings({ scheduler, recommended }: DiffusionModel, settings: GenerationSettings): SamplingPlan {
  const own = settings.sampler === null ? recommended : undefined;
  return planSampling(parseSchedulerConfig(scheduler), {
    stepCount: settings.stepCount,
    sampler: own?.sampler ?? settings.sampler,
    sigmaSpacing: settings.sigmaSpacing,
    // 0 is what settings say when nothing was asked; ancestral samplers then keep their own 1, DDIM its 0.
    eta: settings.eta === 0 ? own?.eta : settings.eta,
  });
}

/** Where image-to-image starts. As diffusers counts: strength 1 takes every step, 0 none. */
export function startStepOf({ image }: GenerationSettings, { sigmas }: SamplingPlan): number {
  const stepCount = sigmas.length - 1;
  return stepCount - Math.min(Math.floor(stepCount * (image?.strength ?? 1)), stepCount);
}
