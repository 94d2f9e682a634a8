import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { Failure } from '../contract/failures.ts';
import { note } from '../contract/notes.ts';
import type { DiffusionModel, LatentSpace } from '../engine/generation/diffusion-model.ts';
import { familyOf } from './family.ts';
import type { Family } from './family.ts';
import { gamutCardSchema, type GamutCard } from './gamut-card.ts';
import type { ModelPackage } from './package.ts';
import { promptReader } from './prompt.ts';
import { readJson, readOptionalJson } from './read-json.ts';
import { readTokenizerFiles } from './tokenizer-files.ts';
import { checkInputs, checkWeights, inputDim, precisionOf } from './weights.ts';
import type { CheckedWeights } from './weights.ts';

const indexSchema = z.looseObject({ _class_name: z.string() });
const schedulerSchema = z.looseObject({ _class_name: z.string() });
const side = z.int().positive();
const unetSchema = z.looseObject({
  sample_size: z.union([side, z.tuple([side, side])]).nullish(),
  block_out_channels: z.array(z.number()).nonempty().nullish(),
});
const vaeSchema = z.looseObject({
  scaling_factor: z.number().nullish(),
  shift_factor: z.number().nullish(),
  block_out_channels: z.array(z.number()).nonempty().nullish(),
  latents_mean: z.array(z.number()).nullish(),
});

/** CLIP's window: the length at which long prompts are split into several. */
const clipWindow = 77;

/**
 * Loads a folder in the diffusers ONNX layout (`model_index.json`, one text encoder, U-Net, autoencoder, tokenizer,
 * scheduler): everything is read, checked and parsed here, once; no weight is computed with.
 *
 * @throws Failure `model-broken` or `unsupported`, one line that names the file and what was expected of it
 */
export function loadPackage(folder: string, builtIn = false): ModelPackage {
  const index = readJson(folder, 'model_index.json', indexSchema);
  const family = familyOf(index._class_name);
  if (family.missing !== null)
    throw new Failure('unsupported', `${folder}: ${family.name} (${index._class_name}): ${family.missing}`);
  const card = readOptionalJson(folder, 'gamut.json', gamutCardSchema) ?? {};
  const scheduler = readJson(folder, 'scheduler/scheduler_config.json', schedulerSchema);

  const textEncoder = checkWeights(folder, 'text_encoder');
  const unet = checkWeights(folder, 'unet');
  const vaeDecoder = checkWeights(folder, 'vae_decoder');
  const vaeEncoder = existsSync(join(folder, 'vae_encoder')) ? checkWeights(folder, 'vae_encoder') : null;
  checkInputs(folder, textEncoder, ['input_ids']);
  checkInputs(folder, unet, ['sample', 'timestep', 'encoder_hidden_states']);
  checkInputs(folder, vaeDecoder, ['latent_sample']);
  if (vaeEncoder !== null) checkInputs(folder, vaeEncoder, ['sample']);

  const notes: string[] = [];
  const latent = latentSpaceOf(folder, family, unet, notes);
  const tokenizer = readTokenizerFiles(join(folder, 'tokenizer'));
  const window = inputDim(textEncoder, 'input_ids', 1) ?? tokenizer.maxLength ?? clipWindow;
  const freeLength = inputDim(unet, 'encoder_hidden_states', 1) === undefined;
  const parts = [textEncoder, unet, vaeDecoder, ...(vaeEncoder === null ? [] : [vaeEncoder])];
  return {
    id: card.id ?? basename(folder),
    folder,
    builtIn,
    card,
    pipeline: index._class_name,
    model: {
      kind: 'text-unet-vae',
      files: {
        textEncoder: textEncoder.path,
        unet: unet.path,
        vaeDecoder: vaeDecoder.path,
        vaeEncoder: vaeEncoder?.path ?? null,
      },
      latent,
      scheduler,
      ...recommendedOf(card),
    },
    readPrompt: promptReader(tokenizer, window, window === clipWindow && freeLength),
    precision: precisionOf(unet),
    weightFiles: parts.flatMap(({ files }) => files),
    bytes: parts.reduce((sum, { bytes }) => sum + bytes, 0),
    size: sizeOf(folder, family, unet, latent.downscale, notes),
    notes,
  };
}

/** The sampler that gamut.json recommends, where it names one. */
function recommendedOf({ sampling: { sampler, eta } = {} }: GamutCard): Pick<DiffusionModel, 'recommended'> {
  if (sampler === undefined) return {};
  return { recommended: { sampler, ...(eta === undefined ? {} : { eta }) } };
}

/** Latent channels from the graph itself; scale and shift from the autoencoder's config, else by family. */
function latentSpaceOf(folder: string, family: Family, unet: CheckedWeights, notes: string[]): LatentSpace {
  const channels = inputDim(unet, 'sample', 1);
  if (channels === undefined)
    throw new Failure('unsupported', 'unet/model.onnx: expected a fixed number of channels in input "sample"');
  const config = ['vae_decoder', 'vae', 'vae_encoder']
    .map((part) => readOptionalJson(folder, `${part}/config.json`, vaeSchema))
    .find((found) => found !== null);
  if (config?.latents_mean != null)
    throw new Failure('unsupported', `${folder}: latents with a mean for each channel are not supported yet`);
  if (config?.scaling_factor == null)
    notes.push(note('vaeScaleAssumed', { scale: family.vaeScale, family: family.name }));
  return {
    channels,
    downscale: 2 ** ((config?.block_out_channels?.length ?? 4) - 1),
    scalingFactor: config?.scaling_factor ?? family.vaeScale,
    shiftFactor: config?.shift_factor ?? family.vaeShift,
  };
}

function sizeOf(
  folder: string,
  family: Family,
  unet: CheckedWeights,
  downscale: number,
  notes: string[],
): ModelPackage['size'] {
  const fixedHeight = inputDim(unet, 'sample', 2);
  const fixedWidth = inputDim(unet, 'sample', 3);
  const config = readOptionalJson(folder, 'unet/config.json', unetSchema);
  const declared = config?.sample_size ?? null;
  if (declared === null && fixedHeight === undefined)
    notes.push(note('sizeAssumed', { pixels: family.sampleSize * downscale, family: family.name }));
  const [height, width] = Array.isArray(declared)
    ? declared
    : [declared ?? family.sampleSize, declared ?? family.sampleSize];
  return {
    height: (fixedHeight ?? height) * downscale,
    width: (fixedWidth ?? width) * downscale,
    // A U-Net halves its sample between blocks; a side that does not divide makes its skip connections disagree.
    step: downscale * 2 ** ((config?.block_out_channels?.length ?? 1) - 1),
    fixed: fixedHeight !== undefined || fixedWidth !== undefined,
  };
}
