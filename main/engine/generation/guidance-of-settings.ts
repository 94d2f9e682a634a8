import type { GenerationSettings } from '../../contract/settings.ts';
import type { Denoiser } from '../diffusion/denoiser.ts';
import { autoguidancePair, classifierFreePair, guided } from '../diffusion/guidance/guided.ts';
import type { ConditionedDenoiser } from '../diffusion/guidance/guided.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** What guidance is made of: the model, its two conditions, and the weaker model of autoguidance where there is one. */
export interface GuidanceParts {
  readonly model: ConditionedDenoiser<Tensor>;
  readonly conditional: Tensor;
  readonly unconditional: Tensor;
  readonly guiding: Denoiser | null;
}

/** The denoiser that the settings ask for. A new one for each batch: some rules remember the step before. */
export function guidanceOfSettings(parts: GuidanceParts, settings: GenerationSettings): Denoiser {
  const plain = classifierFreePair(parts.model, parts.conditional, parts.unconditional);
  const pair = parts.guiding === null ? plain : autoguidancePair(plain.conditional, parts.guiding);
  return guided(pair, {
    guidanceScale: settings.guidanceScale,
    interval: settings.guidanceInterval ?? undefined,
  });
}
