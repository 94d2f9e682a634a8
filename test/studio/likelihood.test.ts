import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it, vi } from 'vitest';
import type { LikelihoodProgressEvent, LikelihoodReport } from '../../main/contract/likelihood.ts';
import { likelihoodEventSchema } from '../../main/contract/likelihood.ts';
import { likelihoodHandlers } from '../../main/studio/calls/likelihood-calls.ts';
import { imageLikelihood } from '../../main/studio/likelihood.ts';
import { captionTest } from '../../main/studio/likelihood-report.ts';
import { measuredPackage } from '../doubles/measured-package.ts';
import { mixingPackage } from '../doubles/mixing-package.ts';
import { packagesWorkshop } from '../doubles/packages-workshop.ts';
import { packageFolder, temporaryFolder } from '../doubles/packages.ts';

vi.setConfig({ testTimeout: 120_000 });

/** A workshop whose every picture has one colour: the source says which, as "255,0,0 64x64". */
const workshopOf = () =>
  packagesWorkshop({
    readPicture: async (source) => {
      const [colour = '', size = '64x64'] = source.split(' ');
      const [width = 0, height = 0] = size.split('x').map(Number);
      const channels = colour.split(',').map(Number);
      const pixels = Uint8Array.from({ length: 3 * width * height }, (_, at) => channels[at % 3] ?? 0);
      return { width, height, pixels };
    },
  });

const few = { stepCount: 4, probeCount: 2 };

async function reportOf(events: AsyncGenerator<LikelihoodProgressEvent>): Promise<LikelihoodReport> {
  const all = await Array.fromAsync(events);
  for (const event of all) likelihoodEventSchema.parse(event);
  const last = all.at(-1);
  if (last?.kind !== 'complete') throw new Error('no report');
  return last.report;
}

describe('the surprise of an image', () => {
  it('is told under its prompt, none and confounders, with differences and a text-image score beside each', async () => {
    using model = measuredPackage();
    using workshop = workshopOf();
    const settings = { ...few, image: '255,0,0', prompt: 'red vase', confounders: ['blue vase', 'red vase'] };
    const report = await reportOf(imageLikelihood({ ...settings, model: model.path }, workshop));
    const { conditional, unconditional, confounders, differences } = report;
    expect(report).toMatchObject({
      label: 'surprise',
      warning: expect.stringContaining('neither quality nor prompt match') as string,
      model: 'measured',
      dimensions: 512,
      method: 'vector-jacobian',
      evaluations: 3 * 4 * 4 * 2,
      provider: { chosen: 'cpu' },
      notes: [],
    });
    // It is red: more likely under red than under nothing, and than under blue; the score says the same.
    expect([conditional, unconditional, ...confounders].map(({ prompt }) => prompt)).toEqual([
      'red vase',
      '',
      'blue vase',
      'red vase',
    ]);
    expect(conditional.nats).toBeGreaterThan(unconditional.nats);
    expect(unconditional.nats).toBeGreaterThan(confounders[0]?.nats ?? NaN);
    expect(conditional.bitsPerDimension).toBeCloseTo((-conditional.nats * Math.LOG2E) / 512, 12);
    expect(conditional.textImageScore).toBeGreaterThan(confounders[0]?.textImageScore ?? NaN);
    expect(unconditional.textImageScore).toBeNull();
    expect(differences.map(({ than }) => than)).toEqual(['', 'blue vase', 'red vase']);
    expect(differences[1]?.nats).toBeCloseTo(conditional.nats - (confounders[0]?.nats ?? NaN), 8);
    expect(differences[2]).toMatchObject({ nats: 0, natsStandardError: 0, bitsPerDimension: 0 });
  });

  it('has no standard error with one probe, and names what is not as usual', async () => {
    using workshop = workshopOf();
    const settings = {
      stepCount: 2,
      probeCount: 1,
      image: '9,9,9 32x64',
      prompt: 'zorble',
      model: packageFolder('flow'),
    };
    const report = await reportOf(imageLikelihood(settings, workshop));
    expect(report.conditional).toMatchObject({
      natsStandardError: null,
      bitsPerDimensionStandardError: null,
      textImageScore: null,
      unknownWords: ['zorble'],
    });
    expect(report.notes).toEqual(["The model's own size is 64x64; compare within one size only."]);
  });

  it('is an alarm above what a law smoothed with sigmaMin can reach', async () => {
    using workshop = workshopOf();
    const alarmOf = async (repulsion: number) => {
      using model = mixingPackage({ repulsion });
      const settings = { ...few, image: '128,128,128', prompt: 'vase', model: model.path };
      const { conditional, boundPerDimension, dimensions } = await reportOf(imageLikelihood(settings, workshop));
      expect(boundPerDimension).toBeCloseTo(2.2591, 4);
      return { alarm: conditional.aboveBound, isAbove: conditional.nats > boundPerDimension * dimensions };
    };
    expect(await alarmOf(0)).toEqual({ alarm: false, isAbove: false });
    expect(await alarmOf(2)).toEqual({ alarm: true, isAbove: true });
  });

  it.each([
    ['fixed', '100x64', 'image: model fixed expects 64x64, got 100x64'],
    ['flow', '100x64', 'image: model flow expects 64x64 or sides up to twice that in multiples of 8, got 100x64'],
    ['flow', '64x512', 'image: model flow expects 64x64 or sides up to twice that in multiples of 8, got 64x512'],
  ] as const)('refuses of model %s a picture of %s', async (name, size, message) => {
    using workshop = workshopOf();
    const settings = { ...few, image: `9,9,9 ${size}`, prompt: 'red', model: packageFolder(name) };
    await expect(reportOf(imageLikelihood(settings, workshop))).rejects.toMatchObject({ code: 'bad-input', message });
  });

  it('stops when nobody wants it any more, and the engine goes on', async () => {
    using workshop = workshopOf();
    const controller = new AbortController();
    const settings = { stepCount: 1000, probeCount: 8, image: '9,9,9', prompt: 'red', model: packageFolder('flow') };
    const work = imageLikelihood(settings, workshop, controller.signal);
    await work.next();
    await work.next();
    controller.abort();
    await expect(Array.fromAsync(work)).rejects.toMatchObject({ code: 'interrupted' });
    expect(workshop.engine.restarts).toBe(0);
  });

  it('is not told of a model that a window names by a folder', async () => {
    using workshop = workshopOf();
    const effort = { ...few, solver: 'rk4', tolerance: 1e-3, seed: 0, method: null } as const;
    const settings = { ...effort, image: '9,9,9', prompt: 'red', confounders: [] };
    const { score } = likelihoodHandlers(workshop);
    const asked = (model: string) => Array.fromAsync(score({ ...settings, model }, new AbortController().signal));
    await expect(asked(packageFolder('flow'))).rejects.toMatchObject({ code: 'not-found' });
    expect((await asked('flow')).at(-1)?.kind).toBe('complete');
  });
});

describe('the caption test', () => {
  async function write(path: string, [r = 0, g = 0, b = 0]: readonly number[]): Promise<void> {
    await sharp({ create: { width: 64, height: 64, channels: 3, background: { r, g, b } } })
      .png()
      .toFile(path);
  }
  const test = { count: null, confounderCount: 2, vary: 'color', seed: 1, ...few };

  it('ranks captions by log p and by the text-image score; the colours that this model knows are told apart', async () => {
    using model = measuredPackage();
    using folder = temporaryFolder();
    using workshop = packagesWorkshop();
    await write(join(folder.path, 'a.png'), [255, 0, 0]);
    await write(join(folder.path, 'b.png'), [0, 0, 255]);
    writeFileSync(join(folder.path, 'captions.txt'), 'red vase\n\nblue vase\n');
    const events = await Array.fromAsync(captionTest({ ...test, images: folder.path, model: model.path }, workshop));
    const last = events.at(-1);
    if (last?.kind !== 'complete') throw new Error('no report');
    expect(last.report).toMatchObject({
      imageCount: 2,
      captionCount: 3,
      chance: 1 / 3,
      vary: 'color',
      exchangedCount: 2,
      method: 'vector-jacobian',
      notes: [],
      likelihood: { accuracy: 1, meanReciprocalRank: 1, imageCount: 2 },
      textImageScore: { accuracy: 1 },
      // Two pictures of three captions each: nothing is spent on the empty prompt.
      evaluations: 2 * 3 * 4 * 4 * 2,
    });
    expect(last.report.rows.map(({ name, captions }) => [name, captions[0], captions.length])).toEqual([
      ['a.png', 'red vase', 3],
      ['b.png', 'blue vase', 3],
    ]);
    expect(events.slice(0, -1).map((event) => (event.kind === 'progress' ? [event.done, event.all] : []))).toEqual([
      [1, 2],
      [2, 2],
    ]);
  });

  it('takes the pictures that a model ships, square by square', async () => {
    using model = measuredPackage();
    using workshop = packagesWorkshop();
    const red = await sharp({ create: { width: 64, height: 64, channels: 3, background: '#f00' } })
      .png()
      .toBuffer();
    await sharp({ create: { width: 128, height: 128, channels: 3, background: '#00f' } })
      .composite([{ input: red, left: 64, top: 0 }])
      .png()
      .toFile(join(model.path, 'reference/pictures.png'));
    writeFileSync(
      join(model.path, 'reference/captions.txt'),
      'blue vase\nred vase\nblue photo\nblue matte\nnot shown\n',
    );
    const card = join(model.path, 'gamut.json');
    const content = JSON.parse(readFileSync(card, 'utf8')) as object;
    const pictures = { file: 'reference/pictures.png', count: 4, columns: 2, size: 64 };
    const referenceSet = { captions: 'reference/captions.txt', pictures };
    writeFileSync(card, JSON.stringify({ ...content, referenceSet }));
    const settings = { ...test, stepCount: 2, images: 'reference', model: model.path };
    const last = (await Array.fromAsync(captionTest(settings, workshop))).at(-1);
    if (last?.kind !== 'complete') throw new Error('no report');
    expect(last.report.rows.map(({ name }) => name)).toEqual([0, 1, 2, 3].map((at) => `reference ${at}`));
    expect(last.report.likelihood.accuracy).toBe(1);
  });

  it.each([
    [
      'an attribute that the model does not know',
      { vary: 'mood' },
      /^vary: expected a head of model measured \(color\), got "mood"$/,
    ],
    ['more pictures than there are', { count: 2 }, /^count: expected at most 1, the pictures in \S+, got 2$/],
    ['more confounders than there are', { confounderCount: 9 }, /^a\.png: expected 9 confounders, only 3 can be made/],
    [
      'a folder without captions',
      { images: 'bare' },
      /a\.png: expected a caption in captions\.txt, in a\.txt or in the picture's own record/,
    ],
    ['no folder', { images: 'nowhere' }, /^images: expected a folder of pictures: /],
    ['shipped pictures where there are none', { images: 'reference' }, /^images: model measured ships no pictures/],
  ] as const)('refuses %s', async (_, wrong, message) => {
    using model = measuredPackage();
    using folder = temporaryFolder();
    using workshop = workshopOf();
    const bare = join(folder.path, 'bare');
    const whole = join(folder.path, 'whole');
    for (const path of [bare, whole]) {
      mkdirSync(path);
      await write(join(path, 'a.png'), [255, 0, 0]);
    }
    writeFileSync(join(whole, 'a.txt'), 'red vase\n');
    const settings = { ...test, images: 'whole', ...wrong };
    const images = settings.images === 'reference' ? 'reference' : join(folder.path, settings.images);
    const work = captionTest({ ...settings, images, model: model.path }, workshop);
    await expect(Array.fromAsync(work)).rejects.toThrow(message);
  });
});
