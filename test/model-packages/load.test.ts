import { cpSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../main/contract/failures.ts';
import type { SamplerName } from '../../main/contract/settings.ts';
import { decode } from '../../main/engine/graph/decode.ts';
import { encode } from '../../main/engine/graph/encode.ts';
import { planOfSettings } from '../../main/engine/generation/plan-of-settings.ts';
import type { Content } from '../../main/engine/graph/model.ts';
import { hashPackage } from '../../main/model-packages/hash.ts';
import { loadPackage } from '../../main/model-packages/load.ts';
import { settingsForModel, settingsOfRequest } from '../../main/studio/settings-of-request.ts';
import { findPackages, openPackage, resolvePackage } from '../../main/model-packages/resolve.ts';
import { copiedPackage, packageFolder, packagesFolder, temporaryFolder } from '../doubles/packages.ts';

function complaint(work: () => unknown): { readonly code: string; readonly message: string } {
  try {
    work();
  } catch (error) {
    if (error instanceof Failure) return { code: error.code, message: error.message };
    throw error;
  }
  return expect.unreachable('a failure was expected');
}

function editJson(path: string, change: Record<string, unknown>): void {
  const content = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
  writeFileSync(path, JSON.stringify({ ...content, ...change }));
}

describe('a package in the diffusers ONNX layout', () => {
  it('is read with what it says of itself', () => {
    const folder = packageFolder('flow');
    const { readPrompt: _, ...read } = loadPackage(folder);
    expect(read).toEqual({
      id: 'flow',
      folder,
      builtIn: false,
      card: { id: 'flow', licence: 'MIT' },
      pipeline: 'StableDiffusionPipeline',
      model: {
        kind: 'text-unet-vae',
        files: {
          textEncoder: join(folder, 'text_encoder/model.onnx'),
          unet: join(folder, 'unet/model.onnx'),
          vaeDecoder: join(folder, 'vae_decoder/model.onnx'),
          vaeEncoder: join(folder, 'vae_encoder/model.onnx'),
        },
        latent: { channels: 8, downscale: 8, scalingFactor: 1, shiftFactor: 0 },
        scheduler: { _class_name: 'FlowMatchEulerDiscreteScheduler', num_train_timesteps: 1000, shift: 1 },
      },
      precision: 'float32',
      weightFiles: ['text_encoder', 'unet', 'vae_decoder', 'vae_encoder'].map((part) =>
        join(folder, part, 'model.onnx'),
      ),
      bytes: read.bytes,
      size: { width: 64, height: 64, step: 8, fixed: false },
      notes: [],
    });
    expect(read.bytes).toBeGreaterThan(2000);
  });

  it('gets the scale of its autoencoder by family where it does not say it, and a note', () => {
    const { model, notes } = loadPackage(packageFolder('legacy'));
    expect(model.latent).toEqual({ channels: 4, downscale: 8, scalingFactor: 0.18215, shiftFactor: 0 });
    expect(notes).toEqual([
      "The package does not say its autoencoder's scale: 0.18215, as Stable Diffusion 1/2 has it.",
    ]);
  });

  it('with fixed dims says so', () => {
    expect(loadPackage(packageFolder('fixed')).size).toEqual({ width: 64, height: 64, step: 8, fixed: true });
  });

  it('takes the sides a deep U-Net can halve', () => {
    using copy = copiedPackage('legacy');
    editJson(join(copy.path, 'unet/config.json'), { block_out_channels: [320, 640, 1280, 1280] });
    expect(loadPackage(copy.path).size.step).toBe(64);
  });
});

describe('the sampler that a package recommends', () => {
  it('is taken where settings name none, with its stochasticity, and is part of the hash', async () => {
    using copy = copiedPackage('flow');
    const plain = loadPackage(copy.path);
    editJson(join(copy.path, 'gamut.json'), { sampling: { steps: 20, sampler: 'euler-ancestral', eta: 0.7 } });
    const recommending = loadPackage(copy.path);
    expect(recommending.model).toEqual({ ...plain.model, recommended: { sampler: 'euler-ancestral', eta: 0.7 } });
    expect(await hashPackage(recommending)).not.toBe(await hashPackage(plain));

    const planned = (asked: { sampler?: SamplerName; eta?: number }) => {
      const settings = settingsOfRequest({ model: copy.path, prompt: 'vase', seed: 1, ...asked });
      const { sampler, options } = planOfSettings(recommending.model, settings);
      return { sampler, eta: options.eta };
    };
    expect(planned({})).toEqual({ sampler: 'euler-ancestral', eta: 0.7 });
    expect(planned({ eta: 0.2 })).toEqual({ sampler: 'euler-ancestral', eta: 0.2 });
    expect(planned({ sampler: 'euler-ancestral' })).toEqual({ sampler: 'euler-ancestral', eta: undefined });
    expect(planned({ sampler: 'flow-match-euler' })).toEqual({ sampler: 'flow-match-euler', eta: undefined });
  });

  it('comes with the steps and the guidance that its makers recommend, where nothing else is asked for', () => {
    using copy = copiedPackage('flow');
    const folders = { builtIn: packagesFolder, user: packagesFolder };
    const settled = (asked: { stepCount?: number; guidanceScale?: number } = {}) => {
      const request = { model: copy.path, prompt: 'vase', seed: 1, ...asked };
      const { stepCount, guidanceScale } = settingsForModel(request, folders);
      return { stepCount, guidanceScale };
    };
    expect(settled()).toEqual({ stepCount: 20, guidanceScale: 3 });
    editJson(join(copy.path, 'gamut.json'), { sampling: { steps: 12, guidanceScale: 2 } });
    expect(settled()).toEqual({ stepCount: 12, guidanceScale: 2 });
    expect(settled({ stepCount: 5, guidanceScale: 1 })).toEqual({ stepCount: 5, guidanceScale: 1 });
  });

  it('must be one that there is', () => {
    using copy = copiedPackage('flow');
    for (const sampling of [
      { sampler: 'euler-uphill' },
      { sampler: 'euler-ancestral', eta: 2 },
      { steps: 0 },
      { guidanceScale: -1 },
      'euler',
    ]) {
      editJson(join(copy.path, 'gamut.json'), { sampling });
      expect(complaint(() => loadPackage(copy.path))).toMatchObject({
        code: 'model-broken',
        message: expect.stringMatching(/gamut\.json.*sampling/) as string,
      });
    }
  });
});

describe('a broken package', () => {
  it('without its weights is told by the file that is missing', () => {
    using copy = copiedPackage('optimum');
    rmSync(join(copy.path, 'unet/model.onnx'));
    expect(complaint(() => loadPackage(copy.path))).toEqual({
      code: 'model-broken',
      message: `model package ${copy.path}: expected the weight file unet/model.onnx, found none`,
    });
  });

  it('with a truncated weight file is told by the bytes that are missing', () => {
    using copy = copiedPackage('optimum');
    truncateSync(join(copy.path, 'unet/model.onnx_data'), 9000);
    expect(complaint(() => loadPackage(copy.path))).toEqual({
      code: 'model-broken',
      message: expect.stringMatching(
        /^unet\/model\.onnx: weight "\w+": expected \d+ bytes in "model\.onnx_data", the file has 9000 \(an unfinished download\?\)$/,
      ),
    });
  });

  it('with a missing external file is told by its name', () => {
    using copy = copiedPackage('optimum');
    rmSync(join(copy.path, 'unet/model.onnx_data'));
    expect(complaint(() => loadPackage(copy.path)).message).toMatch(
      /^unet\/model\.onnx: weight "\w+": expected the file "model\.onnx_data" beside the model, found none$/,
    );
  });

  it('with a truncated graph is told that it does not parse', () => {
    using copy = copiedPackage('legacy');
    truncateSync(join(copy.path, 'unet/model.onnx'), 700);
    expect(complaint(() => loadPackage(copy.path))).toEqual({
      code: 'model-broken',
      message: expect.stringMatching(/^unet\/model\.onnx: expected an ONNX model, got 700 bytes that do not parse/),
    });
  });

  it.each(['../../secret.bin', '/etc/passwd', 'C:\\secret.bin'])('whose weights lie at %s is refused', (location) => {
    using copy = copiedPackage('optimum');
    const file = join(copy.path, 'unet/model.onnx');
    const model = decode(readFileSync(file));
    const moved = (content: Content): Content => (content.kind === 'external' ? { ...content, location } : content);
    const initializers = new Map(
      [...model.graph.initializers].map(([name, constant]) => [
        name,
        { ...constant, content: moved(constant.content) },
      ]),
    );
    writeFileSync(file, encode({ ...model, graph: { ...model.graph, initializers } }));
    expect(complaint(() => loadPackage(copy.path))).toEqual({
      code: 'model-broken',
      message: expect.stringContaining(`expected a file inside the model's folder, got "${location}"`),
    });
  });

  it('without a scheduler is told by the file that is missing', () => {
    using copy = copiedPackage('legacy');
    rmSync(join(copy.path, 'scheduler'), { recursive: true });
    expect(complaint(() => loadPackage(copy.path))).toEqual({
      code: 'model-broken',
      message: `model package ${copy.path}: expected scheduler/scheduler_config.json, found none`,
    });
  });

  it('with an unknown input is refused by the input', () => {
    using copy = copiedPackage('legacy');
    const file = join(copy.path, 'unet/model.onnx');
    const model = decode(readFileSync(file));
    const inputs = [...model.graph.inputs, { name: 'timestep_cond', elementType: 'float32', dims: [1, 256] } as const];
    writeFileSync(file, encode({ ...model, graph: { ...model.graph, inputs } }));
    expect(complaint(() => loadPackage(copy.path))).toEqual({
      code: 'unsupported',
      message: 'unet/model.onnx: needs an input "timestep_cond", which is not supported yet',
    });
  });

  it('in bfloat16 is refused with advice', () => {
    using copy = copiedPackage('legacy');
    const file = join(copy.path, 'unet/model.onnx');
    const model = decode(readFileSync(file));
    const inputs = model.graph.inputs.map((input) =>
      input.name === 'sample' ? { ...input, elementType: 'bfloat16' as const } : input,
    );
    writeFileSync(file, encode({ ...model, graph: { ...model.graph, inputs } }));
    expect(complaint(() => loadPackage(copy.path)).message).toBe(
      'unet/model.onnx: input "sample" is bfloat16, which ONNX Runtime cannot be fed; export it as float16 or float32',
    );
  });

  it('with operators of a stranger is refused', () => {
    using copy = copiedPackage('legacy');
    const file = join(copy.path, 'vae_decoder/model.onnx');
    const model = decode(readFileSync(file));
    const nodes = model.graph.nodes.map((node) => ({ ...node, domain: 'com.stranger' }));
    const opsets = { ...model.opsets, 'com.stranger': 1 };
    writeFileSync(file, encode({ ...model, opsets, graph: { ...model.graph, nodes } }));
    expect(complaint(() => loadPackage(copy.path))).toEqual({
      code: 'unsupported',
      message: 'vae_decoder/model.onnx: it needs operators of the domain "com.stranger", which are not known here',
    });
  });

  it.each([
    ['StableDiffusionXLPipeline', 'Stable Diffusion XL', 'its second text encoder is not supported yet'],
    [
      'ORTStableDiffusion3Pipeline',
      'Stable Diffusion 3',
      'its transformer and three text encoders are not supported yet',
    ],
    ['FluxPipeline', 'Flux', 'its transformer and packed latents are not supported yet'],
  ])('of class %s says what is missing', (pipeline, family, missing) => {
    using copy = copiedPackage('legacy');
    editJson(join(copy.path, 'model_index.json'), { _class_name: pipeline });
    expect(complaint(() => loadPackage(copy.path))).toEqual({
      code: 'unsupported',
      message: `${copy.path}: ${family} (${pipeline}): ${missing}`,
    });
  });
});

describe('an opened package', () => {
  it('is read again only when its files have changed', async () => {
    using copy = copiedPackage('flow');
    const folders = { builtIn: packagesFolder, user: packagesFolder, opened: new Map() };
    const first = openPackage(copy.path, folders);
    expect(openPackage(copy.path, folders)).toBe(first);
    editJson(join(copy.path, 'scheduler/scheduler_config.json'), { shift: 3 });
    const second = openPackage(copy.path, folders);
    expect(second.model.scheduler['shift']).toBe(3);
    expect(await hashPackage(second)).not.toBe(await hashPackage(first));
  });

  it('has the same hash wherever it lies', async () => {
    using copy = copiedPackage('optimum');
    expect(await hashPackage(loadPackage(copy.path))).toBe(await hashPackage(loadPackage(packageFolder('optimum'))));
  });
});

describe('model ids', () => {
  it('are looked for among the built-in models, then the person’s own, then as folders', () => {
    using user = temporaryFolder();
    mkdirSync(join(user.path, 'mine'));
    cpSync(packageFolder('legacy'), join(user.path, 'mine'), { recursive: true });
    cpSync(packageFolder('legacy'), join(user.path, 'flow'), { recursive: true });
    mkdirSync(join(user.path, 'not-a-model'));
    const folders = { builtIn: packagesFolder, user: user.path };
    expect(findPackages(folders).map(({ id, builtIn }) => [id, builtIn])).toEqual([
      ...['breaking', 'fixed', 'flow', 'half', 'legacy', 'optimum'].map((id) => [id, true]),
      ['mine', false],
    ]);
    expect(resolvePackage('flow', folders)).toMatchObject({ folder: packageFolder('flow'), builtIn: true });
    expect(resolvePackage(packageFolder('half'), folders)).toMatchObject({ folder: packageFolder('half') });
    expect(complaint(() => resolvePackage('stranger', { builtIn: user.path, user: user.path }))).toEqual({
      code: 'not-found',
      message: 'model: expected a folder or one of flow, mine, got "stranger"',
    });
  });
});
