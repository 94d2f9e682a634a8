import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { GenerationRequest } from '../../main/contract/settings.ts';
import { generateBatch, type CuratedEvent } from '../../main/studio/generate-batch.ts';
import { settingsOfRequest } from '../../main/studio/settings-of-request.ts';
import { writeBatch } from '../../main/studio/write-batch.ts';
import { measuredPackage } from '../doubles/measured-package.ts';
import { packagesWorkshop } from '../doubles/packages-workshop.ts';
import { packageFolder, temporaryFolder } from '../doubles/packages.ts';

const settingsOf = (asked: Partial<GenerationRequest>) =>
  settingsOfRequest({
    model: 'flow',
    prompt: 'a vase',
    seed: 3,
    count: 12,
    stepCount: 8,
    batchSize: 4,
    guidanceScale: 1,
    ...asked,
  });

const recordsOf = (events: readonly CuratedEvent[], kind: 'image' | 'rejected') =>
  events.flatMap((event) => (event.kind === kind ? [event.record] : []));

describe('a batch with reweighting', () => {
  it.each([
    [8, 'typical', 60],
    [0.125, 'unusual', 40],
  ])('of weight %d keeps the %s, by the law that every record states', async (densityWeight, _, densityThreshold) => {
    using model = measuredPackage();
    using workshop = packagesWorkshop();
    const settings = settingsOf({ model: model.path, densityWeight, densityThreshold });
    const events = await Array.fromAsync(generateBatch(settings, workshop));
    const kept = recordsOf(events, 'image');
    const rejected = recordsOf(events, 'rejected');
    expect(kept).toHaveLength(12);
    // Candidates accepted after the batch was full are surplus; the others failed their draw.
    for (const { scores, reweighting } of rejected.filter((record) => record.reweighting?.accepted === false)) {
      expect(reweighting).toMatchObject({ weight: densityWeight, acceptance: 0.125, accepted: false });
      expect((scores.densityPercentile ?? NaN) > densityThreshold).toBe(densityWeight < 1);
    }
    const favoured = kept.filter(({ reweighting }) => reweighting?.acceptance === 1);
    expect(favoured.length).toBeGreaterThan(6);
    expect(events.at(-1)).toMatchObject({
      kind: 'finished',
      cost: { asked: 12, kept: 12, rejected: rejected.length, failed: 0 },
    });
  });

  it('keeps the same images for every batch size, and goes on where it was cut off', async () => {
    using model = measuredPackage();
    using workshop = packagesWorkshop();
    const asked = { model: model.path, densityWeight: 8, densityThreshold: 60, count: 6 };
    const indicesOf = (events: readonly CuratedEvent[]) => recordsOf(events, 'image').map(({ index }) => index);
    const whole = indicesOf(await Array.fromAsync(generateBatch(settingsOf(asked), workshop)));
    const single = await Array.fromAsync(generateBatch(settingsOf({ ...asked, batchSize: 1 }), workshop));
    expect(indicesOf(single)).toEqual(whole);
    const resume = { candidate: (whole[2] ?? 0) + 1, kept: 3 };
    const rest = await Array.fromAsync(generateBatch(settingsOf(asked), workshop, { resume }));
    expect(indicesOf(rest)).toEqual(whole.slice(3));
  });

  it('whose acceptance is so low that the limit is hit ends with what it has, and says so', async () => {
    using model = measuredPackage();
    using workshop = packagesWorkshop();
    // Pictures of a colour lie far from all references: hardly any passes at weight 10,000.
    const settings = settingsOf({
      model: model.path,
      prompt: 'a green vase',
      densityWeight: 10_000,
      densityThreshold: 50,
      count: 2,
      attemptLimit: 5,
    });
    const events = await Array.fromAsync(generateBatch(settings, workshop));
    const note = events.find((event) => event.kind === 'note');
    expect(note?.message).toMatch(/^Kept 0 of 2: the limit of 10 candidates was reached/);
    expect(events.at(-1)).toMatchObject({
      kind: 'finished',
      cost: { asked: 2, kept: 0, rejected: 10, secondsPerKept: null },
    });
  });

  it('gives nobody up whose estimate says nothing, and says how many it gave up', async () => {
    using model = measuredPackage();
    using workshop = packagesWorkshop();
    // Halfway the noise is 60 times as large as what tells this model's pictures apart.
    const asked = { model: model.path, densityWeight: 8, densityThreshold: 60, count: 6 };
    const whole = await Array.fromAsync(generateBatch(settingsOf(asked), workshop));
    const looked = await Array.fromAsync(generateBatch(settingsOf(asked), workshop, { pruneRisk: 0.02 }));
    expect(recordsOf(looked, 'image').map(({ index }) => index)).toEqual(
      recordsOf(whole, 'image').map(({ index }) => index),
    );
    const note = looked.find((event) => event.kind === 'note');
    expect(note?.message).toMatch(/^Given up early: 0 of \d+ candidates\. The law of the kept changes by about 0 %/);
  });

  it('refuses a risk that is none', async () => {
    using model = measuredPackage();
    using workshop = packagesWorkshop();
    const settings = settingsOf({ model: model.path, densityWeight: 8 });
    await expect(Array.fromAsync(generateBatch(settings, workshop, { pruneRisk: 0.7 }))).rejects.toMatchObject({
      code: 'bad-input',
      message: expect.stringMatching(/prune risk: expected a chance/),
    });
  });

  it('says within which bounds each image’s seconds lie, unless all were made at once', async () => {
    using model = measuredPackage();
    using workshop = packagesWorkshop();
    const costOf = async (asked: Partial<GenerationRequest>) => {
      const events = await Array.fromAsync(generateBatch(settingsOf({ model: model.path, ...asked }), workshop));
      const last = events.at(-1);
      if (last?.kind !== 'finished') throw new Error('expected the end of the batch');
      return last.cost;
    };
    for (const asked of [{}, { densityWeight: 8, densityThreshold: 60 }]) {
      const { secondsPerKept, secondsPerKeptInterval: interval } = await costOf(asked);
      expect(interval?.low).toBeGreaterThan(0);
      expect(interval?.low).toBeLessThan(secondsPerKept ?? NaN);
      expect(interval?.high).toBeGreaterThan(secondsPerKept ?? NaN);
    }
    expect(await costOf({ count: 4 })).toMatchObject({ kept: 4, secondsPerKeptInterval: null });
  });

  it('measures what it kept, and scores every image', async () => {
    using model = measuredPackage();
    using workshop = packagesWorkshop();
    const events = await Array.fromAsync(generateBatch(settingsOf({ model: model.path }), workshop));
    const measured = events.find((event) => event.kind === 'measured');
    expect(measured?.measures.map(({ name }) => name)).toEqual([
      'precision',
      'recall',
      'density',
      'coverage',
      'frechetDistance',
      'vendiScore',
      'rke',
      'meanPairwiseDistance',
      'textImageScore',
    ]);
    // The model makes exactly what the references are: most of it lies within their manifold.
    expect(measured?.measures[0]?.value).toBeGreaterThan(0.6);
    expect(measured?.measures[0]).toMatchObject({ generatedCount: 12, referenceCount: 200 });
    const [first] = recordsOf(events, 'image');
    expect(first?.scores).toMatchObject({ classProbability: null, densityPercentile: expect.any(Number) });
    expect(first?.reweighting).toBeNull();
  });

  it('says that references are broader than its brief, where too few satisfy it', async () => {
    using model = measuredPackage(80);
    using workshop = packagesWorkshop();
    const settings = settingsOf({ model: model.path, prompt: 'a red vase', count: 6 });
    const events = await Array.fromAsync(generateBatch(settings, workshop));
    const measures = events.find((event) => event.kind === 'measured')?.measures ?? [];
    const broader = measures.filter(({ broaderReferences }) => broaderReferences === true);
    expect(broader.map(({ name }) => name)).toEqual(['precision', 'recall', 'density', 'coverage', 'frechetDistance']);
    for (const { note } of broader)
      expect(note).toMatch(/^the references are broader than the brief \(too few are red\)/);
  });

  it('is measured against the references that satisfy its brief, and knows what the brief states', async () => {
    using model = measuredPackage();
    using workshop = packagesWorkshop();
    const settings = settingsOf({ model: model.path, prompt: 'a red vase', count: 6 });
    const events = await Array.fromAsync(generateBatch(settings, workshop));
    const measured = events.find((event) => event.kind === 'measured');
    expect(measured?.measures[0]?.referenceCount).toBe(100);
    expect(events[0]).toMatchObject({ notes: [expect.stringMatching(/Measured against 100 references.*: red/)] });
    // Logits 3 for red, −1 for the others: P = e³ / (e³ + 3 e⁻¹), less what clipped noise takes away.
    const [record] = recordsOf(events, 'image');
    expect(record?.scores.classProbability).toBeGreaterThan(0.9);
    expect(record?.scores.textImageScore).toBeGreaterThan(0.99);
    const reciprocal = measured?.measures.find(({ name }) => name === 'reciprocalProbability');
    expect(reciprocal?.value).toBeGreaterThanOrEqual(1);
    expect(reciprocal?.note).toMatch(/^of red; rests on \d\.\d of 6 images/);
  });

  it('refuses a weight where nothing can judge, and a dial without calibration', async () => {
    using workshop = packagesWorkshop();
    const plain = { model: packageFolder('flow') };
    await expect(
      Array.fromAsync(generateBatch(settingsOf({ ...plain, densityWeight: 2 }), workshop)),
    ).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringMatching(/no feature encoder with references/),
    });
    await expect(Array.fromAsync(generateBatch(settingsOf({ ...plain, dial: 0.5 }), workshop))).rejects.toMatchObject({
      code: 'bad-input',
      message: expect.stringMatching(/no calibration; run gamut calibrate/),
    });
  });

  it('takes its knobs from the dial’s path, and records both', async () => {
    using model = measuredPackage();
    using workshop = packagesWorkshop();
    const stop = (dial: number, guidanceScale: number, densityWeight: number) => ({
      dial,
      guidanceScale,
      guidanceInterval: null,
      densityWeight,
      densityThreshold: 50,
      measures: [],
      acceptance: null,
      secondsPerKept: null,
    });
    writeFileSync(
      join(model.path, 'calibration.json'),
      JSON.stringify({
        format: 1,
        command: 'test',
        modelHash: 'test',
        features: 'test',
        references: 'test',
        stepCount: 2,
        seed: 0,
        briefs: ['a vase'],
        pools: [],
        keptPerBrief: 1,
        k: 1,
        densityK: 1,
        path: { description: 'test', stops: [stop(-1, 4, 16), stop(0, 2, 1), stop(1, 1, 0.25)] },
        guidanceAlone: [],
        verdict: { precisionApart: 0, recallApart: 0, backwards: [], dominated: [] },
      }),
    );
    const events = await Array.fromAsync(
      generateBatch(settingsOf({ model: model.path, dial: -0.5, count: 2 }), workshop),
    );
    const [record] = recordsOf(events, 'image');
    expect(record?.settings).toMatchObject({ dial: -0.5, guidanceScale: 3, densityWeight: expect.closeTo(4, 9) });
    expect(record?.reweighting?.weight).toBeCloseTo(4, 9);
  });
});

describe('a curated batch on disk', () => {
  it('keeps the rejected apart, and its measures in the manifest', async () => {
    using model = measuredPackage();
    using workshop = packagesWorkshop();
    using folder = temporaryFolder();
    const settings = settingsOf({ model: model.path, densityWeight: 8, densityThreshold: 60, count: 6 });
    const events = await Array.fromAsync(
      writeBatch(generateBatch(settings, workshop, { batch: 'b' }), folder.path, { batch: 'b' }),
    );
    const rejected = events.filter(({ kind }) => kind === 'rejected');
    expect(rejected.length).toBeGreaterThan(0);
    expect(readdirSync(join(folder.path, 'rejected'))).toHaveLength(rejected.length);
    const manifest = JSON.parse(readFileSync(join(folder.path, 'manifest.json'), 'utf8')) as {
      images: unknown[];
      measures: { name: string }[];
    };
    expect(manifest.images).toHaveLength(6);
    expect(manifest.measures[0]?.name).toBe('precision');
  });
});
