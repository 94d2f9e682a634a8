import packageJson from '../../package.json' with { type: 'json' };
import { Failure } from '../contract/failures.ts';
import type { ImageRecord, ProviderReport } from '../contract/images.ts';
import { note } from '../contract/notes.ts';
import type { GenerationSettings } from '../contract/settings.ts';
import { planOfSettings } from '../engine/generation/plan-of-settings.ts';
import type { GenerationInput, Picture } from '../engine/generation/generation-request.ts';
import { hashPackage } from '../model-packages/hash.ts';
import type { ModelPackage } from '../model-packages/package.ts';
import { openPackage, resolvePackage } from '../model-packages/resolve.ts';
import { resizePicture } from './resize-picture.ts';
import type { Workshop } from './workshop.ts';

/** Settings that were checked against their model, with everything the engine needs. */
export interface PreparedGeneration {
  readonly package: ModelPackage;
  /** As asked, with the size filled in. */
  readonly settings: GenerationSettings;
  readonly request: Omit<GenerationInput, 'indices' | 'previews'>;
  /** What was not as asked, for everybody to see. */
  readonly notes: readonly string[];
  /** The record of one image, as far as it is known before anything is measured. */
  readonly recordOf: (index: number, provider: ProviderReport, notes: readonly string[]) => ImageRecord;
}

/** What is known once the engine begins on prepared settings. */
export interface GenerationStarted {
  readonly kind: 'started';
  readonly provider: ProviderReport;
  readonly sampler: string;
  readonly stepCount: number;
  readonly notes: readonly string[];
}

/**
 * Checks settings against the model they name: its files, the size, the prompt.
 *
 * @param batch id of the batch, for the records
 * @throws Failure with one line that says what was expected, what came and where
 */
export async function prepareGeneration(
  settings: GenerationSettings,
  workshop: Workshop,
  batch: string,
): Promise<PreparedGeneration> {
  if (settings.adapters.length > 0)
    throw new Failure('unsupported', 'adapters: adapter files are not supported yet', 'adapters');
  const modelPackage = openPackage(settings.model, workshop.folders);
  const { width, height } = sizeFor(settings, modelPackage);
  const prompt = modelPackage.readPrompt(settings.prompt);
  const negative = modelPackage.readPrompt(settings.negativePrompt);
  const guidingPackage = settings.guidingModel === null ? null : openPackage(settings.guidingModel, workshop.folders);
  const notes = [...modelPackage.notes];
  if (prompt.tokensDropped > 0)
    notes.push(
      note('promptCut', {
        tokens: prompt.tokenCount,
        limit: modelPackage.readPrompt.tokenLimit,
        dropped: prompt.tokensDropped,
      }),
    );
  if (negative.tokensDropped > 0) notes.push(note('negativePromptCut', { dropped: negative.tokensDropped }));
  const start = await startPicture(settings, modelPackage, workshop, { width, height }, notes);
  // A record must name its model from any folder.
  const settled = { ...settings, model: resolvePackage(settings.model, workshop.folders).id, width, height };
  const { sampler, options } = planOfSettings(modelPackage.model, settled);
  const hash = await hashPackage(modelPackage, workshop.hashCache);
  return {
    package: modelPackage,
    settings: settled,
    notes,
    request: {
      model: modelPackage.model,
      guiding:
        guidingPackage === null
          ? null
          : { model: guidingPackage.model, prompt: guidingPackage.readPrompt(settings.prompt).windows },
      provider: workshop.provider,
      prompt: prompt.windows,
      negative: negative.windows,
      empty: modelPackage.readPrompt('').windows,
      settings: settled,
      width,
      height,
      start,
    },
    recordOf: (index, provider, imageNotes) => ({
      application: { name: 'Gamut', version: packageJson.version },
      settings: settled,
      index,
      batch,
      createdAt: workshop.now().toISOString(),
      model: { id: modelPackage.id, hash, precision: modelPackage.precision },
      provider,
      sampling: { sampler, eta: options.eta ?? null },
      width,
      height,
      scores: { pseudoDensity: null, densityPercentile: null, textImageScore: null, classProbability: null },
      reweighting: null,
      prompt: { unknownWords: [...prompt.unknownWords], tokensDropped: prompt.tokensDropped },
      notes: [...notes, ...imageNotes],
    }),
  };
}

/** The size asked for, or the model's own; refused, never rounded, when the model cannot make it. */
export function sizeFor(
  { width, height }: GenerationSettings,
  { size, id }: ModelPackage,
): { width: number; height: number } {
  const asked = { width: width ?? size.width, height: height ?? size.height };
  const shown = `${asked.width}x${asked.height}`;
  if (size.fixed && (asked.width !== size.width || asked.height !== size.height))
    throw new Failure('bad-input', `size: model ${id} makes ${size.width}x${size.height} only, got ${shown}`, 'size');
  if (asked.width % size.step !== 0 || asked.height % size.step !== 0)
    throw new Failure('bad-input', `size: model ${id} expects multiples of ${size.step}, got ${shown}`, 'size');
  return asked;
}

async function startPicture(
  settings: GenerationSettings,
  { model, id }: ModelPackage,
  workshop: Workshop,
  size: { readonly width: number; readonly height: number },
  notes: string[],
): Promise<Picture | null> {
  if (settings.image === null) return null;
  if (model.files.vaeEncoder === null)
    throw new Failure('unsupported', `image: model ${id} has no encoder, so it cannot start from an image`, 'image');
  const picture = await workshop.readPicture(settings.image.source);
  if (picture.width === size.width && picture.height === size.height) return picture;
  notes.push(
    note('startImageScaled', { from: `${picture.width}x${picture.height}`, to: `${size.width}x${size.height}` }),
  );
  return resizePicture(picture, size);
}
