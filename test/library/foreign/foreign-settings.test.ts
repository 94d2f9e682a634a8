import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { samplerNames } from '../../../main/contract/settings.ts';
import { foreignSettings } from '../../../main/library/foreign/foreign-settings.ts';
import { a1111SamplerName, samplerFromA1111 } from '../../../main/library/foreign/sampler-names.ts';
import { parametersText } from '../../../main/library/image-file/parameters-text.ts';
import {
  readPngChunks,
  textChunk,
  utf8TextChunk,
  writePngChunks,
} from '../../../main/library/image-file/png-chunks.ts';
import { readImageFile } from '../../../main/library/image-file/read-image-file.ts';
import { exampleRecord } from '../record.ts';

/** A PNG as another program would leave it. */
async function pngWith(texts: Readonly<Record<string, string>>): Promise<Uint8Array> {
  const plain = await sharp({ create: { width: 8, height: 8, channels: 3, background: '#345' } })
    .png()
    .toBuffer();
  const [header, ...rest] = readPngChunks(plain);
  if (header === undefined) throw new Error('no header');
  return writePngChunks([header, ...Object.entries(texts).map(([k, v]) => textChunk(k, v)), ...rest]);
}

const read = async (texts: Readonly<Record<string, string>>) => (await readImageFile(await pngWith(texts))).foreign;

describe('a file of AUTOMATIC1111’s web UI', () => {
  const parameters = [
    'tall matte vase, (terracotta:1.2) <lora:clay:0.8>',
    'second line',
    'Negative prompt: blurry, text',
    'more negative',
    'Steps: 30, Sampler: DPM++ 2M Karras, CFG scale: 6.5, Seed: 1234567890, Size: 640x512, Model hash: 31e35c80fc, Model: dreamshaper_8, Denoising strength: 0.4, Clip skip: 2, Lora hashes: "clay: aa11, glaze: bb22", Version: v1.6.0',
  ].join('\n');

  it('gives its settings, and the list of what has no place here', async () => {
    expect(await read({ parameters })).toEqual({
      program: 'a1111',
      model: 'dreamshaper_8',
      settings: {
        prompt: 'tall matte vase, (terracotta:1.2) <lora:clay:0.8>\nsecond line',
        negativePrompt: 'blurry, text\nmore negative',
        stepCount: 30,
        sampler: 'dpm++2m',
        sigmaSpacing: 'karras',
        guidanceScale: 6.5,
        seed: 1234567890,
        width: 640,
        height: 512,
      },
      unmapped: [
        expect.objectContaining({ field: 'prompt' }),
        expect.objectContaining({ field: 'Model hash', value: '31e35c80fc' }),
        expect.objectContaining({ field: 'Model', value: 'dreamshaper_8' }),
        expect.objectContaining({ field: 'Denoising strength', value: '0.4' }),
        expect.objectContaining({ field: 'Clip skip', value: '2' }),
        expect.objectContaining({ field: 'Lora hashes', value: 'clay: aa11, glaze: bb22' }),
        expect.objectContaining({ field: 'Version' }),
      ],
    });
  });

  it('names the schedule on its own since version 1.9, and Forge does so too', async () => {
    const text = 'vase\nSteps: 20, Sampler: Euler a, Schedule type: Exponential, CFG scale: 7, Seed: 1';
    expect((await read({ parameters: text }))?.settings).toMatchObject({
      sampler: 'euler-ancestral',
      sigmaSpacing: 'exponential',
    });
  });

  it('lists a sampler, a spacing and a value that we do not have', async () => {
    const text = 'vase\nSteps: 0, Sampler: Restart, Schedule type: KL Optimal, CFG scale: seven, Seed: -1';
    const found = await read({ parameters: text });
    expect(found?.settings).toEqual({ prompt: 'vase' });
    expect(found?.unmapped.map(({ field }) => field)).toEqual([
      'Sampler',
      'Schedule type',
      'Steps',
      'CFG scale',
      'Seed',
    ]);
  });

  it('without settings is a prompt, even one that ends like a pair', async () => {
    expect((await read({ parameters: 'a poster that says: hello' }))?.settings).toEqual({
      prompt: 'a poster that says: hello',
    });
  });
});

it('reads the parameters text of our own files as others would', () => {
  const record = exampleRecord({
    prompt: 'a, b: "c"',
    negativePrompt: 'd',
    sampler: 'dpm++2m',
    sigmaSpacing: 'karras',
  });
  expect(foreignSettings(new Map([['parameters', parametersText(record)]]))?.settings).toMatchObject({
    prompt: 'a, b: "c"',
    negativePrompt: 'd',
    sampler: 'dpm++2m',
    sigmaSpacing: 'karras',
    seed: 7,
    stepCount: 20,
    guidanceScale: 3,
    width: 24,
    height: 16,
  });
});

it('tells other programs the sampler that was used where none was asked for', () => {
  const text = parametersText(exampleRecord({}, { sampling: { sampler: 'euler-ancestral', eta: 0.7 } }));
  expect(text).toContain('Sampler: Euler a, ');
  expect(text).toContain('Eta: 0.7, ');
  expect(foreignSettings(new Map([['parameters', text]]))?.settings).toMatchObject({ sampler: 'euler-ancestral' });
});

it.each(samplerNames)('reads %s back from the name the web UI shows', (sampler) => {
  expect(samplerFromA1111(a1111SamplerName(sampler), null)?.sampler).toBe(sampler);
});

const comfyPrompt = {
  '3': {
    class_type: 'KSampler',
    inputs: {
      seed: 8566257,
      steps: 25,
      cfg: 7.5,
      sampler_name: 'dpmpp_2m',
      scheduler: 'karras',
      denoise: 1,
      model: ['10', 0],
      positive: ['6', 0],
      negative: ['7', 0],
      latent_image: ['5', 0],
    },
  },
  '4': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'v1-5-pruned.safetensors' } },
  '5': { class_type: 'EmptyLatentImage', inputs: { width: 512, height: 768, batch_size: 4 } },
  '6': { class_type: 'CLIPTextEncode', inputs: { text: ['12', 0], clip: ['10', 1] } },
  '7': { class_type: 'CLIPTextEncode', inputs: { text: 'blurry', clip: ['10', 1] } },
  '8': { class_type: 'VAEDecode', inputs: { samples: ['3', 0], vae: ['4', 2] } },
  '9': { class_type: 'SaveImage', inputs: { filename_prefix: 'x', images: ['8', 0] } },
  '10': { class_type: 'LoraLoader', inputs: { lora_name: 'clay.safetensors', strength_model: 1, model: ['4', 0] } },
  '12': { class_type: 'PrimitiveString', inputs: { value: 'tall matte vase' } },
  '20': { class_type: 'KSampler', inputs: { seed: 1, steps: 99 } },
};

describe('a file of ComfyUI', () => {
  const expected = {
    seed: 8566257,
    stepCount: 25,
    guidanceScale: 7.5,
    sampler: 'dpm++2m',
    sigmaSpacing: 'karras',
    prompt: 'tall matte vase',
    negativePrompt: 'blurry',
    width: 512,
    height: 768,
    count: 4,
  };

  it('is followed from the saved picture back to its sampler, prompts, size and model', async () => {
    const text = JSON.stringify({ ...comfyPrompt, '9': { ...comfyPrompt['9'], is_changed: ['?'] } }).replace(
      '"?"',
      'NaN',
    );
    const found = await read({ prompt: text });
    expect(found).toMatchObject({ program: 'comfyui', model: 'v1-5-pruned.safetensors', settings: expected });
    expect(found?.settings).toEqual(expected);
    expect(found?.unmapped.map(({ field }) => field)).toEqual(['LoraLoader', 'ckpt_name']);
  });

  it('is read from the drawn graph where the run one is missing', async () => {
    const node = (id: number, type: string, widgets: unknown[], inputs: Record<string, number> = {}) => ({
      id,
      type,
      widgets_values: widgets,
      inputs: Object.entries(inputs).map(([name, link]) => ({ name, link })),
    });
    const workflow = {
      nodes: [
        node(3, 'KSampler', [8566257, 'randomize', 25, 7.5, 'dpmpp_2m', 'karras', 0.6], {
          model: 1,
          positive: 2,
          negative: 3,
          latent_image: 4,
        }),
        node(4, 'CheckpointLoaderSimple', ['v1-5-pruned.safetensors']),
        node(5, 'EmptyLatentImage', [512, 768, 4]),
        node(6, 'CLIPTextEncode', ['tall matte vase']),
        node(7, 'CLIPTextEncode', ['blurry']),
        node(9, 'SaveImage', ['x'], { images: 5 }),
      ],
      links: [
        [1, 4, 0, 3, 0, 'MODEL'],
        [2, 6, 0, 3, 1, 'CONDITIONING'],
        [3, 7, 0, 3, 2, 'CONDITIONING'],
        [4, 5, 0, 3, 3, 'LATENT'],
        [5, 3, 0, 9, 0, 'IMAGE'],
      ],
    };
    const found = await read({ workflow: JSON.stringify(workflow) });
    expect(found?.settings).toEqual(expected);
    expect(found?.unmapped.map(({ field }) => field)).toEqual(['denoise', 'ckpt_name']);
  });

  it('follows a custom sampler’s nodes', async () => {
    const graph = {
      '1': {
        class_type: 'SamplerCustomAdvanced',
        inputs: { noise: ['2', 0], guider: ['3', 0], sampler: ['4', 0], sigmas: ['5', 0], latent_image: ['6', 0] },
      },
      '2': { class_type: 'RandomNoise', inputs: { noise_seed: 11 } },
      '3': { class_type: 'CFGGuider', inputs: { cfg: 2, positive: ['7', 0], negative: ['8', 0], model: ['9', 0] } },
      '4': { class_type: 'KSamplerSelect', inputs: { sampler_name: 'res_multistep' } },
      '5': { class_type: 'BasicScheduler', inputs: { scheduler: 'sgm_uniform', steps: 12, denoise: 1 } },
      '6': { class_type: 'EmptySD3LatentImage', inputs: { width: 64, height: 64, batch_size: 1 } },
      '7': { class_type: 'CLIPTextEncode', inputs: { text: 'vase' } },
      '8': { class_type: 'CLIPTextEncode', inputs: { text: '' } },
      '9': { class_type: 'UNETLoader', inputs: { unet_name: 'sd3.safetensors' } },
    };
    const found = await read({ prompt: JSON.stringify(graph) });
    expect(found?.settings).toEqual({
      seed: 11,
      stepCount: 12,
      guidanceScale: 2,
      prompt: 'vase',
      negativePrompt: '',
      width: 64,
      height: 64,
      count: 1,
    });
    expect(found?.unmapped.map(({ field }) => field)).toEqual(['sampler_name', 'scheduler', 'unet_name']);
  });

  it('ends on a graph that goes round in circles', async () => {
    const graph = {
      '1': { class_type: 'KSampler', inputs: { model: ['2', 0], positive: ['2', 0] } },
      '2': { class_type: 'CLIPTextEncode', inputs: { text: ['1', 0], clip: ['2', 0] } },
    };
    expect((await read({ prompt: JSON.stringify(graph) }))?.program).toBe('comfyui');
  });
});

describe('a file of InvokeAI', () => {
  it('gives its settings, and the list of what has no place here', async () => {
    const invokeai_metadata = JSON.stringify({
      app_version: '5.4.2',
      generation_mode: 'img2img',
      positive_prompt: 'tall matte vase',
      negative_prompt: 'blurry',
      width: 512,
      height: 640,
      seed: 42,
      rand_device: 'cpu',
      cfg_scale: 7.5,
      cfg_rescale_multiplier: 0.7,
      steps: 30,
      scheduler: 'dpmpp_2m_k',
      model: { key: 'k', hash: 'blake3:00', name: 'Deliberate', base: 'sd-1', type: 'main' },
      strength: 0.6,
      init_image: 'a.png',
      loras: [],
      controlnets: null,
      toString: 'a name that every object has',
    });
    const found = await read({ invokeai_metadata });
    expect(found?.settings).toEqual({
      prompt: 'tall matte vase',
      negativePrompt: 'blurry',
      width: 512,
      height: 640,
      seed: 42,
      guidanceScale: 7.5,
      guidanceRescale: 0.7,
      stepCount: 30,
      sampler: 'dpm++2m',
      sigmaSpacing: 'karras',
    });
    expect(found?.model).toBe('Deliberate');
    expect(found?.unmapped.map(({ field }) => field)).toEqual([
      'model',
      'rand_device',
      'strength',
      'init_image',
      'toString',
    ]);
  });
});

describe('a file that says nothing, or nonsense', () => {
  it('without texts has no settings', async () => {
    expect(await read({ Software: 'a camera' })).toBeNull();
  });

  it.each(['parameters', 'prompt', 'workflow', 'invokeai_metadata'])('never breaks on %s', (keyword) => {
    const json = fc.json({ maxDepth: 4 });
    fc.assert(
      fc.property(fc.oneof(json, fc.string({ unit: 'binary' })), (text) => {
        expect(foreignSettings(new Map([[keyword, text]]))).toMatchObject({ settings: {} });
      }),
    );
  });

  it('survives UTF-8 in every text', async () => {
    const chunk = utf8TextChunk('parameters', '花瓶\nNegative prompt: 文字\nSteps: 4, CFG scale: 2, Seed: 3');
    const [header, ...rest] = readPngChunks(await pngWith({}));
    if (header === undefined) throw new Error('no header');
    const file = await readImageFile(writePngChunks([header, chunk, ...rest]));
    expect(file.foreign?.settings).toEqual({
      prompt: '花瓶',
      negativePrompt: '文字',
      stepCount: 4,
      guidanceScale: 2,
      seed: 3,
    });
  });
});
