import type { PartialSettings } from '../../main/contract/library.ts';
import type { ModelCard } from '../../main/contract/models.ts';
import { defaultGuidanceScale, defaultStepCount } from '../../main/contract/settings.ts';

type Recommended = Pick<ModelCard, 'stepCount' | 'guidanceScale'>;

/**
 * What changes with the model: steps and guidance that stand where the last model's makers (or nobody) put them go where the
 * next one's do, since one that was distilled to four steps is no use at twenty. What a person set stays.
 */
export function movedOn(
  settings: { readonly stepCount: number; readonly guidanceScale: number },
  from: Recommended | undefined,
  to: Recommended,
): PartialSettings {
  const edit: PartialSettings = {};
  if (settings.stepCount === (from?.stepCount ?? defaultStepCount)) edit.stepCount = to.stepCount ?? defaultStepCount;
  if (settings.guidanceScale === (from?.guidanceScale ?? defaultGuidanceScale))
    edit.guidanceScale = to.guidanceScale ?? defaultGuidanceScale;
  return edit;
}
