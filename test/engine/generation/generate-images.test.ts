import { describe, expect, it } from 'vitest';
import type { Failure } from '../../../main/contract/failures.ts';
import { generationSettingsSchema } from '../../../main/contract/settings.ts';
import type { GenerationRequest } from '../../../main/contract/settings.ts';
import { generateImages } from '../../../main/engine/generation/generate-images.ts';
import type { GenerationEvent, GenerationInput, Picture } from '../../../main/engine/generation/generation-request.ts';
import { Sessions } from '../../../main/engine/runtime/sessions.ts';
import { loadPackage } from '../../../main/model-packages/load.ts';
import { packageFolder } from '../../doubles/packages.ts';
import type { PackageName } from '../../doubles/packages.ts';

const sessions = new Sessions();

interface Asked extends Partial<GenerationRequest> {
  readonly indices?: readonly number[];
  readonly start?: Picture;
  readonly guiding?: PackageName;
  readonly previews?: boolean;
}

function inputOf(name: PackageName, { indices, start, guiding, previews, ...asked }: Asked): GenerationInput {
  const { model, readPrompt } = loadPackage(packageFolder(name));
  const settings = generationSettingsSchema.parse({
    model: name,
    prompt: 'a red vase',
    seed: 7,
    guidanceScale: 1,
    ...asked,
  });
  const weaker = guiding === undefined ? null : loadPackage(packageFolder(guiding));
  return {
    model,
    guiding: weaker && { model: weaker.model, prompt: weaker.readPrompt(settings.prompt).windows },
    provider: 'cpu',
    prompt: readPrompt(settings.prompt).windows,
    negative: readPrompt(settings.negativePrompt).windows,
    empty: readPrompt('').windows,
    settings,
    width: settings.width ?? 64,
    height: settings.height ?? 64,
    indices: indices ?? [0],
    start: start ?? null,
    previews: previews ?? false,
  };
}

function run(input: GenerationInput, now = () => performance.now(), signal = new AbortController().signal) {
  return generateImages(input, { signal, now, sessions });
}

async function eventsOf(name: PackageName, asked: Asked = {}): Promise<GenerationEvent[]> {
  return Array.fromAsync(run(inputOf(name, asked)));
}

function imagesIn(events: readonly GenerationEvent[]): Map<number, Picture> {
  return new Map(events.flatMap((event) => (event.kind === 'image' ? [[event.index, event.picture]] : [])));
}

async function imageOf(name: PackageName, asked: Asked = {}): Promise<Picture> {
  const [picture] = imagesIn(await eventsOf(name, asked)).values();
  return picture ?? expect.unreachable('an image was expected');
}

/** Mean of each colour, in −1 … 1. */
function colourOf({ pixels }: Picture): number[] {
  const sums = [0, 0, 0];
  pixels.forEach((value, at) => (sums[at % 3] = (sums[at % 3] ?? 0) + value / 127.5 - 1));
  return sums.map((sum) => sum / (pixels.length / 3));
}

function within(value: number, distance: number): unknown {
  return expect.toSatisfy((got: number) => Math.abs(got - value) <= distance, `within ${distance} of ${value}`);
}

/** The doubles’ data is a Gaussian around the prompt’s colour; pure colours lie on the edge of the range. */
const close = (...colour: number[]): unknown => colour.map((value) => within(value, 0.15));

describe('text to image', () => {
  it.each(['legacy', 'optimum', 'half', 'fixed', 'flow'] as const)(
    'of package %s shows what the prompt says',
    async (name) => {
      expect(colourOf(await imageOf(name))).toEqual(close(1, -1, -1));
      expect(colourOf(await imageOf(name, { prompt: 'Blue' }))).toEqual(close(-1, -1, 1));
      expect(colourOf(await imageOf(name, { prompt: '' }))).toEqual(close(0, 0, 0));
    },
  );

  it('makes any size that divides', async () => {
    const picture = await imageOf('flow', { width: 40, height: 96 });
    expect([picture.width, picture.height, picture.pixels.length]).toEqual([40, 96, 40 * 96 * 3]);
    expect(colourOf(picture)).toEqual(close(1, -1, -1));
  });

  it('decodes large pictures in tiles without a seam', async () => {
    const picture = await imageOf('flow', { width: 800, height: 64, stepCount: 2 });
    expect(colourOf(picture)).toEqual(close(1, -1, -1));
    const [whole] = [await imageOf('flow', { width: 64, height: 64, stepCount: 2 })];
    expect(colourOf(whole)).toEqual(close(...colourOf(picture)));
  });

  it('makes the same image alone, in a batch, in any order and split', async () => {
    const alone = await imageOf('flow', { indices: [3], prompt: '' });
    for (const asked of [
      { indices: [0, 1, 2, 3] },
      { indices: [3, 9, 1] },
      { indices: [1, 3], batchSize: 1 },
      { indices: [5, 4, 3, 2, 1], batchSize: 2 },
    ]) {
      const images = imagesIn(await eventsOf('flow', { ...asked, prompt: '' }));
      expect([...images.keys()]).toEqual(asked.indices);
      expect(images.get(3)).toEqual(alone);
    }
    expect(await imageOf('flow', { indices: [4], prompt: '' })).not.toEqual(alone);
    expect(await imageOf('flow', { indices: [3], prompt: '', seed: 8 })).not.toEqual(alone);
  });

  it('takes noise as PyTorch draws it, one generator an image', async () => {
    const first = await imageOf('flow', { prompt: '', randomStream: 'torch-cpu', seed: 5, indices: [2] });
    const second = await imageOf('flow', { prompt: '', randomStream: 'torch-cpu', seed: 7, indices: [0] });
    expect(first).toEqual(second);
  });
});

describe('image to image', () => {
  const green: Picture = {
    width: 64,
    height: 64,
    pixels: Uint8Array.from({ length: 64 * 64 * 3 }, (_, at) => (at % 3 === 1 ? 255 : 0)),
  };

  it.each(['legacy', 'optimum', 'half', 'flow'] as const)(
    'of package %s keeps the image at strength 0 and forgets it at strength 1',
    async (name) => {
      const asked = (strength: number): Asked => ({ start: green, image: { source: 'green.png', strength } });
      expect(colourOf(await imageOf(name, asked(0)))).toEqual(close(-1, 1, -1));
      expect(colourOf(await imageOf(name, asked(1)))).toEqual(close(1, -1, -1));
    },
  );

  it('takes only the share of the steps that the strength says', async () => {
    const events = await eventsOf('flow', {
      start: green,
      image: { source: 'green.png', strength: 0.3 },
      stepCount: 20,
    });
    expect(events.filter(({ kind }) => kind === 'step')).toHaveLength(6);
  });
});

describe('guidance', () => {
  const callsOf = async (asked: Asked): Promise<number> => {
    const last = (await eventsOf('fixed', asked)).at(-1);
    return last?.kind === 'cost' ? last.modelCalls : NaN;
  };

  it('moves the picture away from the negative prompt', async () => {
    // Guided mean: negative + scale (prompt − negative), here (0, 0, 0) + 0.5 ((1, −1, −1) − 0).
    expect(colourOf(await imageOf('flow', { guidanceScale: 0.5 }))).toEqual(close(0.5, -0.5, -0.5));
    const away = await imageOf('flow', { prompt: '', negativePrompt: 'red', guidanceScale: 1.5 });
    expect(colourOf(away)).toEqual(close(-0.5, 0.5, 0.5));
  });

  it('at scale 1, and outside its interval, runs no unconditional pass', async () => {
    // A fixed batch of one shows each pass as a call; text encoder twice and decoder once besides.
    const steps = 10;
    expect(await callsOf({ stepCount: steps, guidanceScale: 1 })).toBe(steps + 3);
    expect(await callsOf({ stepCount: steps, guidanceScale: 2 })).toBe(2 * steps + 3);
    expect(await callsOf({ stepCount: steps, guidanceScale: 2, guidanceInterval: { low: 0, high: 1e-9 } })).toBe(
      steps + 3,
    );
    const some = await callsOf({ stepCount: steps, guidanceScale: 2, guidanceInterval: { low: 0.3, high: 3 } });
    expect(some).toBeGreaterThan(steps + 3);
    expect(some).toBeLessThan(2 * steps + 3);
  });

  it('runs both conditions in one call where the batch is free', async () => {
    const last = (await eventsOf('flow', { stepCount: 10, guidanceScale: 2, indices: [0, 1, 2] })).at(-1);
    expect(last).toMatchObject({ kind: 'cost', modelCalls: 10 + 3 });
  });

  it('by a second model runs that model', async () => {
    const last = (await eventsOf('flow', { stepCount: 10, guidanceScale: 2, guiding: 'flow' })).at(-1);
    expect(last).toMatchObject({ kind: 'cost', modelCalls: 2 * 10 + 4 });
  });

  it.each([
    ['rescaled', { guidanceRescale: 0.7 }],
    ['adaptive and projected', { apg: { eta: 0, normThreshold: 15, momentum: -0.5 } }],
    ['with zeroed first steps', { zeroedSteps: 0.1 }],
    ['with an annealed condition', { cads: { low: 0, high: 1, scale: 0.1, mix: 0 } }],
  ] as const)('%s still shows what the prompt says, the same in every batch', async (_, rule) => {
    const asked = { ...rule, guidanceScale: 0.6, prompt: 'blue' };
    const alone = await imageOf('flow', { ...asked, indices: [1] });
    const [red = NaN, , blue = NaN] = colourOf(alone);
    expect(blue - red).toBeGreaterThan(0.6);
    expect(imagesIn(await eventsOf('flow', { ...asked, indices: [0, 1, 2] })).get(1)).toEqual(alone);
    expect(alone).not.toEqual(await imageOf('flow', { guidanceScale: 0.6, prompt: 'blue', indices: [1] }));
  });

  it('takes prompts of different lengths', async () => {
    const long = Array.from({ length: 100 }, () => 'a').join(' ');
    const picture = await imageOf('optimum', { prompt: `${long} red`, guidanceScale: 0.5 });
    expect(colourOf(picture)).toEqual(close(0.5, -0.5, -0.5));
    // The shorter prompt is filled up with nothing, not with the negative prompt again.
    const negative = `blue ${long} a`;
    const filled = await imageOf('optimum', { prompt: 'red', negativePrompt: negative, guidanceScale: 0.5 });
    expect(colourOf(filled)).toEqual(close(0, -1, 0));
  });
});

describe('numbers that stop being finite', () => {
  it('fail the image and name step and sigma', async () => {
    const events = await eventsOf('breaking', { indices: [0, 1], stepCount: 10 });
    expect(events.filter(({ kind }) => kind === 'image-failed')).toEqual(
      [0, 1].map((index) => ({
        kind: 'image-failed',
        index,
        failure: { code: 'non-finite', message: expect.stringMatching(/step \d+ of 10, sigma 0\.\d+/) },
      })),
    );
    expect(imagesIn(events).size).toBe(0);
  });

  it('in a half-precision decoder are decoded again at float32, and said', async () => {
    const images = (await eventsOf('half', { prompt: 'white' })).flatMap((event) =>
      event.kind === 'image' ? [event] : [],
    );
    expect(images.map(({ notes }) => notes)).toEqual([
      ['The decoder overflowed at half precision and was run again at float32.'],
    ]);
  });
});

describe('events', () => {
  it('tell each step, and previews at most five times a second, coloured like the image', async () => {
    let clock = 0;
    const input = inputOf('flow', { prompt: 'a blue vase', stepCount: 20, previews: true, indices: [0, 1] });
    const events = await Array.fromAsync(run(input, () => (clock += 45)));
    const steps = events.flatMap((event) => (event.kind === 'step' ? [event.step] : []));
    expect(steps).toEqual(Array.from({ length: 20 }, (_, at) => at + 1));
    const previews = events.flatMap((event) => (event.kind === 'preview' ? [event] : []));
    expect(new Set(previews.map(({ index }) => index))).toEqual(new Set([0, 1]));
    expect(previews.length).toBeLessThanOrEqual(10);
    const last = previews.at(-1);
    expect(last?.picture).toMatchObject({ width: 8, height: 8 });
    expect(colourOf(last?.picture ?? { width: 0, height: 0, pixels: new Uint8Array() })).toEqual(close(-1, -1, 1));
  });

  it('end within one model call after a stop', async () => {
    const controller = new AbortController();
    const events: string[] = [];
    const work = (async () => {
      for await (const event of run(inputOf('flow', { stepCount: 50 }), undefined, controller.signal)) {
        events.push(event.kind);
        if (event.kind === 'step' && event.step === 3) controller.abort();
      }
    })();
    await expect(work).rejects.toThrow();
    expect(events).toEqual(['started', 'step', 'step', 'step']);
  });
});

it('refuses a size its latents do not divide', async () => {
  const failure = await eventsOf('flow', { width: 100 }).then(
    () => expect.unreachable('a failure was expected'),
    (error: unknown) => error as Failure,
  );
  expect([failure.code, failure.message]).toEqual(['bad-input', 'size: expected multiples of 8, got 100x64']);
});
