import type { GenerationSettings } from '../../contract/settings.ts';
import type { Denoiser } from '../diffusion/denoiser.ts';
import { adaptiveProjected } from '../diffusion/guidance/apg.ts';
import { annealedCondition } from '../diffusion/guidance/cads.ts';
import { cfgZeroStar, sigmaAfterShare, zeroedAbove } from '../diffusion/guidance/cfg-zero.ts';
import { autoguidancePair, classifierFree, classifierFreePair, guided } from '../diffusion/guidance/guided.ts';
import type { ConditionedDenoiser, GuidancePair } from '../diffusion/guidance/guided.ts';
import { rescaled } from '../diffusion/guidance/rescale.ts';
import { timeOfSigma } from '../diffusion/guidance/time-of-sigma.ts';
import type { NoiseSource } from '../diffusion/noise-source.ts';
import type { SamplingPlan } from '../diffusion/sampling-plan.ts';
import { repeatRows } from './pictures.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** What guidance is made of: the model, its two conditions, and the weaker model of autoguidance where there is one. */
export interface GuidanceParts {
  readonly model: ConditionedDenoiser<Tensor>;
  /** [1, L, D] each. */
  readonly conditional: Tensor;
  readonly unconditional: Tensor;
  readonly guiding: Denoiser | null;
  readonly plan: SamplingPlan;
  /** What CADS draws from, one stream an image. */
  readonly cadsNoise: NoiseSource;
}

/** The denoiser that the settings ask for. A new one for each batch: some rules remember the step before. */
export function guidanceOfSettings(parts: GuidanceParts, settings: GenerationSettings): Denoiser {
  const { parameterization, sigmas } = parts.plan;
  const { apg, zeroedSteps, guidanceRescale } = settings;
  const plain =
    apg !== null ? adaptiveProjected(apg) : zeroedSteps > 0 ? cfgZeroStar(parameterization) : classifierFree;
  const denoise = guided(pairOfSettings(parts, settings), {
    guidanceScale: settings.guidanceScale,
    interval: settings.guidanceInterval ?? undefined,
    rule: rescaled(plain, guidanceRescale, parameterization),
  });
  return zeroedSteps > 0 ? zeroedAbove(denoise, sigmaAfterShare(sigmas, zeroedSteps), parameterization) : denoise;
}

function pairOfSettings(parts: GuidanceParts, { cads }: GenerationSettings): GuidancePair {
  const pairFor = (conditional: Tensor): GuidancePair => {
    const plain = classifierFreePair(parts.model, conditional, parts.unconditional);
    return parts.guiding === null ? plain : autoguidancePair(plain.conditional, parts.guiding);
  };
  if (cads === null) return pairFor(parts.conditional);
  const timeOf = timeOfSigma(parts.plan.sigmas);
  const annealed = (x: Tensor, sigma: number): GuidancePair => {
    const condition = repeatRows(parts.conditional, x.dims[0] ?? 1);
    return pairFor(annealedCondition(condition, timeOf(sigma), cads, parts.cadsNoise));
  };
  return {
    conditional: (x, sigma) => annealed(x, sigma).conditional(x, sigma),
    both: (x, sigma) => annealed(x, sigma).both(x, sigma),
  };
}
