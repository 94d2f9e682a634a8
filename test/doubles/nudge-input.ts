import { generationSettingsSchema, type GenerationRequest } from '../../main/contract/settings.ts';
import { densityReference } from '../../main/engine/features/pseudo-density.ts';
import type { NudgeInput } from '../../main/engine/generation/nudge-image.ts';
import { loadFeatureEncoder } from '../../main/model-packages/feature-encoder.ts';
import { loadPackage } from '../../main/model-packages/load.ts';
import { nudgeEncoder } from '../../main/studio/nudge-encoder.ts';
import { loadReferenceSet, subsetFor } from '../../main/studio/reference-set.ts';

/** What the engine is asked to nudge image 0 of these settings with, on the CPU. */
export async function nudgeInput(
  folder: string,
  asked: Omit<GenerationRequest, 'model'>,
  k: number | 'all' = 10,
): Promise<NudgeInput> {
  const { model, readPrompt, size } = loadPackage(folder);
  const settings = generationSettingsSchema.parse({ model: folder, ...asked });
  const encoder = loadFeatureEncoder(folder);
  const references = subsetFor(settings.prompt, await loadReferenceSet(folder, 'test'), encoder).features;
  const { width, height } = { width: settings.width ?? size.width, height: settings.height ?? size.height };
  return {
    generation: {
      model,
      guiding: null,
      provider: 'cpu',
      prompt: readPrompt(settings.prompt).windows,
      negative: readPrompt(settings.negativePrompt).windows,
      empty: readPrompt('').windows,
      settings,
      width,
      height,
      indices: [0],
      start: null,
      previews: false,
    },
    encoder: nudgeEncoder(encoder, { width, height }),
    ruler: {
      references,
      reference: await densityReference(references, k === 'all' ? references.count - 1 : k, 1),
      predictor: null,
    },
  };
}
