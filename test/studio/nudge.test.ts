import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { toFailure } from '../../main/contract/failures.ts';
import { nudgeEventSchema } from '../../main/contract/nudge.ts';
import { generationSettingsSchema, type GenerationRequest } from '../../main/contract/settings.ts';
import { generateBatch } from '../../main/studio/generate-batch.ts';
import { nudgeHandlers } from '../../main/studio/calls/nudge-calls.ts';
import { Announcer } from '../../main/studio/calls/announcer.ts';
import { nudgeOne, type NudgeRunEvent } from '../../main/studio/nudge.ts';
import { readPictureFile } from '../../main/studio/workshop.ts';
import { decode } from '../../main/engine/graph/decode.ts';
import { encode } from '../../main/engine/graph/encode.ts';
import { createBatch } from '../../main/library/batches.ts';
import { storeImage } from '../../main/library/add-image.ts';
import { importPicture } from '../../main/library/import-files.ts';
import { imageDetail, pictureFile } from '../../main/library/picture-files.ts';
import { exampleRecord } from '../library/record.ts';
import { temporaryLibrary } from '../library/temporary-library.ts';
import { measuredPackage } from '../doubles/measured-package.ts';
import { packagesWorkshop } from '../doubles/packages-workshop.ts';
import { packageFolder, packagesFolder, temporaryFolder } from '../doubles/packages.ts';
import { op } from '../doubles/small-models.ts';

vi.setConfig({ testTimeout: 180_000 });

const typical = { direction: 'typical', budget: 0.1, stepCount: 5, slope: 'neighbours' } as const;

/** Without guidance and colour, the double's pictures lie among its references. */
const settingsOf = (model: string, more: Partial<GenerationRequest> = {}) =>
  generationSettingsSchema.parse({
    model,
    prompt: 'vase',
    seed: 5,
    stepCount: 8,
    guidanceScale: 1,
    nudge: typical,
    ...more,
  });

async function outcomeOf(events: AsyncGenerator<NudgeRunEvent>) {
  const all = await Array.fromAsync(events);
  const last = all.at(-1);
  if (last?.kind !== 'nudged') throw new Error('no outcome');
  return { ...last, all };
}

async function imagesOf(...args: Parameters<typeof generateBatch>) {
  const events = await Array.fromAsync(generateBatch(...args));
  return events.filter((event) => event.kind === 'image');
}

describe('a nudge', () => {
  it.each([
    ['typical', 1, 'neighbours'],
    ['unusual', -1, 'neighbours'],
    ['typical', 1, 'predictor'],
    ['unusual', -1, 'predictor'],
  ] as const)(
    'towards %s moves the density that way, within its budget (%i, by %s)',
    async (direction, sign, slope) => {
      using model = measuredPackage();
      using workshop = packagesWorkshop();
      const settings = settingsOf(model.path, { nudge: { ...typical, direction, slope } });
      const { before, after, largestChange, all } = await outcomeOf(nudgeOne(settings, 3, workshop));
      const change = (after.record.scores.pseudoDensity ?? NaN) - (before.record.scores.pseudoDensity ?? NaN);
      expect(sign * change).toBeGreaterThan(0.01);
      expect(largestChange).toBeGreaterThan(0.09);
      expect(largestChange).toBeLessThanOrEqual(0.1);
      const steps = all.filter(({ kind }) => kind === 'progress').slice(-6);
      expect(steps[0]).toEqual({ kind: 'progress', done: 0, all: 5, secondsLeft: null });
      expect(steps.at(-1)).toEqual({ kind: 'progress', done: 5, all: 5, secondsLeft: 0 });
    },
  );

  it('starts from the very image that its settings make, and says in both records all there is to say', async () => {
    using model = measuredPackage();
    using workshop = packagesWorkshop();
    const settings = settingsOf(model.path);
    const { before, after, references } = await outcomeOf(nudgeOne(settings, 2, workshop, { batch: 'nudges' }));
    const [plain] = await imagesOf({ ...settings, nudge: null }, workshop, { indices: [2], batch: 'nudges' });
    expect(before.picture).toEqual(plain?.picture);
    expect({ ...before.record, createdAt: '' }).toEqual({ ...plain?.record, createdAt: '' });
    expect(after.record).toMatchObject({ index: 2, batch: 'nudges', settings: { nudge: typical, seed: 5 } });
    expect(after.record.notes.at(-1)).toMatch(
      /^Nudged: density percentile [\d.]+ before, [\d.]+ after, among all 200 references of measured\.$/,
    );
    expect(references).toBe('all 200 references of measured');
    expect(after.picture.pixels).not.toEqual(before.picture.pixels);
  });

  it('repeats itself from the settings in its record, and goes through batches with measures', async () => {
    using model = measuredPackage();
    using workshop = packagesWorkshop();
    const { after } = await outcomeOf(nudgeOne(settingsOf(model.path), 1, workshop));
    const events = await Array.fromAsync(generateBatch({ ...after.record.settings, count: 2 }, workshop));
    const images = events.filter((event) => event.kind === 'image');
    expect(images.map(({ index }) => index)).toEqual([0, 1]);
    expect(images[1]?.picture).toEqual(after.picture);
    expect(images[1]?.record.scores).toEqual(after.record.scores);
    expect(events.filter(({ kind }) => kind === 'started')).toHaveLength(1);
    expect(events.at(-2)?.kind).toBe('measured');
    expect(events.at(-1)).toMatchObject({ kind: 'finished', cost: { asked: 2, kept: 2, rejected: 0, failed: 0 } });
  });

  it('by a learned density remembers what it learned, beside the other caches', async () => {
    using model = measuredPackage();
    using folder = temporaryFolder();
    using workshop = packagesWorkshop({ hashCache: join(folder.path, 'cache', 'model-hashes.json') });
    const settings = settingsOf(model.path, { nudge: { ...typical, slope: 'predictor' } });
    const first = await outcomeOf(nudgeOne(settings, 0, workshop));
    const again = await outcomeOf(nudgeOne(settings, 0, workshop));
    expect(first.all.filter(({ kind }) => kind === 'progress').length).toBe(40 + 6);
    expect(again.all.filter(({ kind }) => kind === 'progress').length).toBe(6);
    expect(again.after.picture).toEqual(first.after.picture);
  });

  it.each(['philox', 'torch-cpu'] as const)(
    'holds the noise of a stochastic sampler fixed: what it was before is the image as it is made (%s)',
    async (randomStream) => {
      using model = measuredPackage();
      using workshop = packagesWorkshop();
      const asked = { sampler: 'euler-ancestral', eta: 0.5, randomStream } as const;
      const settings = settingsOf(model.path, { ...asked, nudge: typical });
      const [, plain] = await imagesOf({ ...settings, nudge: null, count: 2 }, workshop);
      const { before, after, largestChange } = await outcomeOf(nudgeOne(settings, 1, workshop));
      expect(before.picture).toEqual(plain?.picture);
      expect(after.picture.pixels).not.toEqual(before.picture.pixels);
      expect(largestChange).toBeGreaterThan(0);
    },
  );

  it('stops when nobody wants it any more, and the engine goes on', async () => {
    using model = measuredPackage();
    using workshop = packagesWorkshop();
    const controller = new AbortController();
    const settings = settingsOf(model.path, { nudge: { ...typical, stepCount: 200 } });
    const running = nudgeOne(settings, 0, workshop, { signal: controller.signal });
    await running.next();
    await running.next();
    controller.abort();
    await expect(Array.fromAsync(running)).rejects.toMatchObject({ code: 'interrupted' });
    expect(await imagesOf({ ...settings, nudge: null, count: 1 }, workshop)).toHaveLength(1);
  });

  it.each<[string, Partial<GenerationRequest>, string]>([
    [
      'too many steps',
      { stepCount: 51 },
      'nudge: expected 1 to 50 calls of the network from noise to picture, flow-match-euler makes 51 in these steps',
    ],
    [
      'guidance that is no fixed combination',
      { apg: { eta: 0, normThreshold: 2, momentum: 0 } },
      'nudge: expected plain guidance, the settings ask for adaptive projected guidance',
    ],
    [
      'a size that the feature encoder does not take',
      { width: 128, height: 64 },
      'nudge: the feature encoder takes pictures of 64x64 only, this one is 128x64',
    ],
  ])('is refused with %s, in one line that says why', async (_, more, message) => {
    using model = measuredPackage();
    using workshop = packagesWorkshop();
    const events = nudgeOne(settingsOf(model.path, more), 0, workshop);
    await expect(Array.fromAsync(events)).rejects.toMatchObject({ code: 'unsupported', message });
  });

  it('is refused where nothing tells typical from unusual, and together with a dial', async () => {
    using workshop = packagesWorkshop();
    const plain = nudgeOne(settingsOf(packageFolder('flow')), 0, workshop);
    await expect(Array.fromAsync(plain)).rejects.toMatchObject({
      code: 'unsupported',
      message: 'nudge: model flow has no feature encoder with references to tell typical from unusual',
    });
    const dialled = generateBatch(settingsOf(packageFolder('flow'), { densityWeight: 2 }), workshop);
    await expect(Array.fromAsync(dialled)).rejects.toMatchObject({
      code: 'bad-input',
      message:
        'nudge: expected no dial and no density weight with a nudge; they choose among images, a nudge changes each',
    });
  });

  it('is refused where the scheduler clips estimates, and where a network has no gradient, naming node and operator', async () => {
    using model = measuredPackage();
    using workshop = packagesWorkshop();
    const decoder = join(model.path, 'vae_decoder/model.onnx');
    const plain = decode(readFileSync(decoder));
    const nodes = plain.graph.nodes.map((node) => ({
      ...node,
      outputs: node.outputs.map((name) => (name === 'sample' ? 'unnormalised' : name)),
    }));
    const strange = op('LRN', ['unnormalised'], 'sample', { size: 3 });
    writeFileSync(decoder, encode({ ...plain, graph: { ...plain.graph, nodes: [...nodes, strange] } }));
    await expect(Array.fromAsync(nudgeOne(settingsOf(model.path), 0, workshop))).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringMatching(/^nudge: the decoder has no gradient here: .*LRN/) as string,
    });
    const scheduler = join(model.path, 'scheduler/scheduler_config.json');
    const clipping = { _class_name: 'DDIMScheduler', clip_sample: true, prediction_type: 'epsilon' };
    writeFileSync(scheduler, JSON.stringify(clipping));
    await expect(Array.fromAsync(nudgeOne(settingsOf(model.path), 0, workshop))).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringContaining("this model's scheduler clips or thresholds them (ddim)") as string,
    });
  });
});

describe('the window’s nudge', () => {
  it('makes an image of the library again, and keeps the picture when asked', async () => {
    using model = measuredPackage();
    const { library, remove } = await temporaryLibrary();
    onTestFinished(remove);
    using workshop = packagesWorkshop({
      folders: { builtIn: packagesFolder, user: model.parent },
      readPicture: async (image) => readPictureFile((await pictureFile(library, image)).path),
    });
    const id = model.path.slice(model.parent.length + 1);
    const settings = generationSettingsSchema.parse({ ...settingsOf(model.path), model: id, nudge: null, count: 1 });
    const [made] = await imagesOf(settings, workshop, { batch: 'first' });
    if (made === undefined) throw new Error('no image');
    await createBatch(library, 'first', settings);
    const { width, height, pixels } = made.picture;
    const image = await storeImage(library, { width, height, data: pixels }, { ...made.record, batch: 'first' });
    const handlers = nudgeHandlers(library, workshop, new Announcer());
    const { signal } = new AbortController();
    const events = await Array.fromAsync(handlers.run({ ...typical, image: image.id }, signal));
    for (const event of events) nudgeEventSchema.parse(event);
    const last = events.at(-1);
    if (last?.kind !== 'complete') throw new Error('not complete');
    // The very picture of the library was made again: there is nothing to note.
    expect(last.report).toMatchObject({ moved: true, settings: typical, before: made.record.scores, notes: [] });
    const kept = await handlers.keep({ token: last.token });
    expect(kept).toMatchObject({ index: 0, origin: 'generated', scores: last.report.after });
    expect(imageDetail(library, kept.id).record?.settings.nudge).toEqual(typical);
    await expect(handlers.keep({ token: 'stranger' })).rejects.toMatchObject({ code: 'not-found' });
  });

  it('says why not without trying, in the line that trying would end with', async () => {
    using model = measuredPackage();
    const { library, remove } = await temporaryLibrary();
    onTestFinished(remove);
    using workshop = packagesWorkshop({
      folders: { builtIn: packagesFolder, user: model.parent },
      readPicture: async (image) => readPictureFile((await pictureFile(library, image)).path),
    });
    const { obstacle, run } = nudgeHandlers(library, workshop, new Announcer());
    const own = model.path.slice(model.parent.length + 1);
    const grey = { width: 8, height: 8, data: new Uint8Array(192).fill(128) };
    let count = 0;
    const stored = async (more: Partial<GenerationRequest>, id = own) => {
      const settings = generationSettingsSchema.parse({ ...settingsOf(id, more), nudge: null, count: 1 });
      const record = exampleRecord({}, { settings, batch: `batch-${count++}`, width: 8, height: 8 });
      await createBatch(library, record.batch, settings);
      return (await storeImage(library, grey, record)).id;
    };
    const tried = async (image: string) =>
      Array.fromAsync(run({ ...typical, image }, new AbortController().signal)).then(
        () => null,
        (error: unknown) => toFailure(error).toRecord(),
      );
    expect(await obstacle({ image: await stored({}) })).toBeNull();
    for (const [more, where] of [
      [{ stepCount: 51 }, 'stepCount'],
      [{ guidanceRescale: 0.5 }, 'guidance'],
      [{ width: 128, height: 64 }, 'size'],
    ] as const) {
      const image = await stored(more);
      const said = await obstacle({ image });
      expect(said).toMatchObject({ code: 'unsupported', where });
      expect(said).toEqual(await tried(image));
    }
    const colour = { width: 64, height: 64, channels: 3, background: '#f00' } as const;
    const foreign = await sharp({ create: colour }).png().toBuffer();
    const others = {
      references: await stored({}, 'flow'),
      model: await stored({}, 'long gone'),
      image: (await importPicture(library, foreign)).id,
    };
    for (const [where, image] of Object.entries(others)) {
      const said = await obstacle({ image });
      expect(said).toMatchObject({ code: where === 'model' ? 'not-found' : 'unsupported', where });
      expect(said).toEqual(await tried(image));
    }
  });
});
