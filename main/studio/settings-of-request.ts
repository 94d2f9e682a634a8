import { Failure, failureFromZod } from '../contract/failures.ts';
import { generationSettingsSchema, largestSide, longestPrompt } from '../contract/settings.ts';
import type { GenerationRequest, GenerationSettings } from '../contract/settings.ts';
import type { ModelFolders } from '../model-packages/package.ts';
import { openPackage } from '../model-packages/resolve.ts';

/**
 * Settings from what was asked for; defaults filled in, everything else refused.
 *
 * @throws Failure `bad-input`: the setting, what was expected, what came
 */
export function settingsOfRequest(request: GenerationRequest): GenerationSettings {
  for (const [name, text] of [
    ['prompt', request.prompt],
    ['negative prompt', request.negativePrompt ?? ''],
  ] as const) {
    if (text.length > longestPrompt)
      throw new Failure(
        'bad-input',
        `${name}: expected at most ${longestPrompt} characters, got ${text.length}`,
        'prompt',
      );
  }
  for (const side of [request.width, request.height]) {
    if (side != null && !(Number.isInteger(side) && side >= 8 && side <= largestSide))
      throw new Failure('bad-input', `size: expected sides from 8 to ${largestSide} pixels, got ${side}`, 'size');
  }
  const parsed = generationSettingsSchema.safeParse(request);
  if (!parsed.success) throw failureFromZod(parsed.error, 'settings', request);
  return parsed.data;
}

/**
 * The same, with what the model's makers recommend where nothing was asked for.
 *
 * @throws Failure as above, and where there is no such model
 */
export function settingsForModel(request: GenerationRequest, folders: ModelFolders): GenerationSettings {
  const { sampling: { steps, guidanceScale } = {} } = openPackage(settingsOfRequest(request).model, folders).card;
  return settingsOfRequest({
    ...(steps !== undefined && { stepCount: steps }),
    ...(guidanceScale !== undefined && { guidanceScale }),
    ...request,
  });
}
