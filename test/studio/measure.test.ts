import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { loadFeatureEncoder } from '../../main/model-packages/feature-encoder.ts';
import { densityOfFiles } from '../../main/studio/density.ts';
import { encodeFolder, encodeTexts } from '../../main/studio/encode-pictures.ts';
import { FeatureCache } from '../../main/studio/feature-cache.ts';
import { measureSets, type MeasureSettings } from '../../main/studio/measure.ts';
import { writeFeatures } from '../../main/studio/npy.ts';
import { select, type SelectSettings } from '../../main/studio/select.ts';
import { openWorkshop } from '../../main/studio/workshop.ts';
import { lcgFeatures } from '../doubles/lcg.ts';
import { measuredPackage, referenceFeatures } from '../doubles/measured-package.ts';
import { packagesWorkshop } from '../doubles/packages-workshop.ts';
import { temporaryFolder } from '../doubles/packages.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

/** A PNG, JPEG or WebP of one colour. */
async function picture(path: string, red: number, green = 128, blue = 128): Promise<void> {
  const background = { r: red, g: green, b: blue };
  await sharp({ create: { width: 64, height: 64, channels: 3, background } }).toFile(path);
}

/** Sixteen patches of random colours, 64 pixels wide. */
function patchwork(seed: number): Sharp {
  const data = Uint8Array.from(lcgFeatures(seed, 16, 3).values, (value) => Math.floor(256 * value));
  return sharp(data, { raw: { width: 4, height: 4, channels: 3 } }).resize(64, 64, { kernel: 'nearest' });
}

/** Twelve greys around the middle, one strange picture, two copies of one, one that is cut off. */
async function pictures(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  for (let i = 0; i < 12; i++)
    await picture(join(folder, `grey-${String(i).padStart(2, '0')}.png`), 122 + i, 128, 122 + ((i * 5) % 12));
  await picture(join(folder, 'strange.webp'), 250, 0, 0);
  await picture(join(folder, 'twin.png'), 130, 133, 128);
  writeFileSync(join(folder, 'twin-copy.png'), readFileSync(join(folder, 'twin.png')));
  writeFileSync(join(folder, 'broken.png'), readFileSync(join(folder, 'twin.png')).subarray(0, 60));
  writeFileSync(join(folder, 'notes.txt'), 'no picture');
  mkdirSync(join(folder, 'folder.png'));
}

const measuring = (
  settings: Partial<MeasureSettings> & Pick<MeasureSettings, 'generated' | 'reference'>,
): MeasureSettings => ({
  encoder: null,
  brief: null,
  k: 5,
  convention: 'strict',
  vendiOrder: 1,
  seed: 0,
  ...settings,
});

const selecting = (settings: Partial<SelectSettings> & Pick<SelectSettings, 'from' | 'reference'>): SelectSettings => ({
  count: 4,
  dial: 0,
  encoder: null,
  brief: null,
  duplicateShare: 0.3,
  out: null,
  ...settings,
});

describe('pictures as vectors', () => {
  it('are what the encoder’s preprocessing and graph say, and are remembered by content', async () => {
    using model = measuredPackage();
    using folder = temporaryFolder();
    using workshop = packagesWorkshop();
    const encoder = loadFeatureEncoder(model.path);
    await picture(join(folder.path, 'a.png'), 255, 0, 51);
    const cache = new FeatureCache(join(folder.path, 'cache'), encoder.fingerprint);
    const { vectors } = await encodeFolder(workshop.engine, encoder, folder.path, { cache });
    // (255, 0, 51) / 255 · 2 − 1 in every quarter and as the mean.
    expect([...(vectors[0]?.['image_embeds'] ?? [])]).toEqual([1, -1, -0.6].map((value) => expect.closeTo(value, 6)));
    expect([...(vectors[0]?.['features'] ?? [])]).toEqual(
      [1, 1, 1, 1, -1, -1, -1, -1, -0.6, -0.6, -0.6, -0.6].map((value) => expect.closeTo(value, 6)),
    );
    workshop.engine.close();
    expect((await encodeFolder(workshop.engine, encoder, folder.path, { cache })).vectors).toEqual(vectors);
  });

  it('whose features are no finite numbers are named, skipped and counted', async () => {
    using model = measuredPackage();
    using folder = temporaryFolder();
    using workshop = packagesWorkshop();
    // Pixels times this overflow float32 where they are bright.
    const config = join(model.path, 'feature_encoder/preprocessor_config.json');
    const preprocessing = JSON.parse(readFileSync(config, 'utf8')) as Record<string, unknown>;
    writeFileSync(config, JSON.stringify({ ...preprocessing, rescale_factor: 2e36 }));
    await picture(join(folder.path, 'bright.png'), 255, 255, 255);
    await picture(join(folder.path, 'dark.png'), 0, 0, 0);
    const found = await encodeFolder(workshop.engine, loadFeatureEncoder(model.path), folder.path);
    expect(found.files).toEqual([join(folder.path, 'dark.png')]);
    expect(found.vectors).toHaveLength(1);
    expect(found.skipped).toEqual([
      { file: join(folder.path, 'bright.png'), reason: 'its features are not finite numbers' },
    ]);
  });

  it('and texts meet in one space', async () => {
    using model = measuredPackage();
    using workshop = packagesWorkshop();
    const texts = await encodeTexts(workshop.engine, loadFeatureEncoder(model.path), ['red', 'blue vase']);
    const [r = 0, g = 0, b = 0, ...second] = texts.values;
    expect([Math.sign(r), Math.sign(g), Math.sign(b)]).toEqual([1, -1, -1]);
    expect(second.map(Math.sign)).toEqual([-1, -1, 1]);
  });
});

describe('measuring', () => {
  it('two folders of pictures skips what is broken, names it, and counts it', async () => {
    using model = measuredPackage();
    using folder = temporaryFolder();
    using workshop = packagesWorkshop();
    vi.stubEnv('GAMUT_HOME', join(folder.path, 'home'));
    const generated = join(folder.path, 'pictures');
    await pictures(generated);
    const report = await measureSets(
      workshop,
      measuring({ generated, reference: generated, encoder: model.path, k: 3 }),
    );
    expect(report.generated).toMatchObject({ count: 15, width: 12 });
    expect(report.generated.skipped).toEqual([{ file: join(generated, 'broken.png'), reason: expect.any(String) }]);
    expect(report.measures['precision']).toMatchObject({ value: 1, features: 'features of measured' });
    expect(report.measures['frechetDistance']?.value).toBeCloseTo(0, 6);
  });

  it('rows of .npy files works without any model', async () => {
    using folder = temporaryFolder();
    using workshop = openWorkshop({
      folders: { builtIn: folder.path, user: folder.path },
      provider: 'cpu',
      hashCache: null,
    });
    const generated = join(folder.path, 'g.npy');
    const reference = join(folder.path, 'r.npy');
    await writeFeatures(generated, lcgFeatures(2, 150, 8));
    await writeFeatures(reference, lcgFeatures(1, 200, 8));
    const report = await measureSets(workshop, measuring({ generated, reference }));
    expect(report.measures['precision']?.value).toBeCloseTo(0.99333333, 6);
    expect(report.measures['recall']?.value).toBeCloseTo(0.98, 6);
    expect(report).toEqual(await measureSets(workshop, measuring({ generated, reference })));
    const density = await densityOfFiles(workshop.engine, { reference, query: generated }, { k: 20, exponent: 1 });
    expect(density).toMatchObject({ k: 20, exponent: 1, referenceCount: 200, queryCount: 150, width: 8 });
    expect(density.densities).toHaveLength(150);

    const narrow = join(folder.path, 'narrow.npy');
    await writeFeatures(narrow, lcgFeatures(3, 30, 7));
    const attempts = [
      [
        () => measureSets(workshop, measuring({ generated: narrow, reference })),
        /expected rows of 8 features as in reference, got 7/,
      ],
      [
        () => measureSets(workshop, measuring({ generated, reference, k: 150 })),
        /k: expected less than the 150 rows of generated/,
      ],
      [
        () => measureSets(workshop, measuring({ generated, reference, brief: 'a vase' })),
        /brief: expected a model's reference set/,
      ],
      [() => measureSets(workshop, measuring({ generated: folder.path, reference })), /expected --encoder DIR/],
      [
        () => densityOfFiles(workshop.engine, { reference, query: narrow }, { k: 20, exponent: 1 }),
        /expected rows of 8 features/,
      ],
      [
        () => densityOfFiles(workshop.engine, { reference, query: generated }, { k: 200, exponent: 1 }),
        /k: expected at most 199/,
      ],
      [
        () => densityOfFiles(workshop.engine, { reference, query: generated }, { k: 5, exponent: 0 }),
        /exponent: expected a positive/,
      ],
    ] as const;
    for (const [attempt, message] of attempts) await expect(attempt()).rejects.toThrow(message);
  });

  it('refuses a folder without pictures, and one where none can be read', async () => {
    using model = measuredPackage();
    using folder = temporaryFolder();
    using workshop = packagesWorkshop();
    vi.stubEnv('GAMUT_HOME', join(folder.path, 'home'));
    const empty = join(folder.path, 'empty');
    mkdirSync(empty);
    const attempt = () => measureSets(workshop, measuring({ generated: empty, reference: empty, encoder: model.path }));
    await expect(attempt()).rejects.toThrow(/expected PNG, JPEG or WebP pictures, found none/);
    writeFileSync(join(empty, 'a.png'), 'not a picture');
    await expect(attempt()).rejects.toThrow(/none of 1 pictures could be read/);
  });
});

describe('selecting from a folder', () => {
  it('at −1 takes the typical, at 1 the different, never both twins, and copies them with a contact sheet', async () => {
    using model = measuredPackage();
    using folder = temporaryFolder();
    using workshop = packagesWorkshop();
    vi.stubEnv('GAMUT_HOME', join(folder.path, 'home'));
    const from = join(folder.path, 'pictures');
    const reference = join(folder.path, 'references');
    const out = join(folder.path, 'out');
    await pictures(from);
    mkdirSync(reference);
    for (let i = 0; i < 20; i++) await picture(join(reference, `${i}.jpg`), 118 + i, 128, 118 + ((i * 7) % 20));
    writeFileSync(join(reference, 'torn.png'), 'no picture');
    const settings = selecting({ from, reference, encoder: model.path, out });
    const typical = await select(workshop, { ...settings, dial: -1 });
    const different = await select(workshop, { ...settings, dial: 1, out: null });
    const names = (chosen: typeof typical.chosen) => chosen.map(({ item }) => item);
    expect(typical.nearDuplicates.flat()).toEqual(expect.arrayContaining(['twin-copy.png', 'twin.png']));
    expect(names(typical.chosen)).not.toContain('strange.webp');
    expect(names(different.chosen)).toContain('strange.webp');
    expect(typical.ranking.at(-1)?.item).toBe('strange.webp');
    expect(typical.ranking).toHaveLength(15);
    expect(typical.skipped.map(({ file }) => file)).toEqual([join(from, 'broken.png'), join(reference, 'torn.png')]);
    expect(typical.value).toBeLessThanOrEqual(typical.bound);
    expect(readdirSync(out).sort()).toEqual([...names(typical.chosen).map(String), 'contact-sheet.png'].sort());
  });

  it('knows a picture again in another format and size, and tells flat pictures of other colours apart', async () => {
    using model = measuredPackage();
    using folder = temporaryFolder();
    using workshop = packagesWorkshop();
    vi.stubEnv('GAMUT_HOME', join(folder.path, 'home'));
    const from = join(folder.path, 'pictures');
    mkdirSync(from);
    await patchwork(1).png().toFile(join(from, 'a.png'));
    await patchwork(1).resize(96, 96).jpeg({ quality: 50 }).toFile(join(from, 'b.jpg'));
    await patchwork(2).png().toFile(join(from, 'c.png'));
    for (const grey of [120, 122, 124]) await picture(join(from, `flat-${grey}.webp`), grey, grey, grey);
    const reference = join(folder.path, 'reference.npy');
    // References so close together that features alone tell the copies apart.
    await writeFeatures(reference, {
      ...referenceFeatures(50),
      values: referenceFeatures(50).values.map((v) => v / 100),
    });
    const settings = selecting({ from, reference, encoder: model.path, count: 2 });
    expect((await select(workshop, settings)).nearDuplicates).toEqual([['a.png', 'b.jpg']]);
    expect((await select(workshop, { ...settings, duplicateShare: 0 })).nearDuplicates).toEqual([]);
  });

  it('at −1 takes the head of the ranking, also where no candidate is as dense as any reference', async () => {
    using folder = temporaryFolder();
    using workshop = packagesWorkshop();
    const from = join(folder.path, 'from.npy');
    const reference = join(folder.path, 'reference.npy');
    await writeFeatures(reference, lcgFeatures(1, 50, 4));
    // Ever nearer to the references, all of them outside.
    const { count, width, values } = lcgFeatures(2, 12, 4);
    await writeFeatures(from, { count, width, values: values.map((value, i) => value + 40 - Math.floor(i / width)) });
    const { chosen, ranking } = await select(workshop, selecting({ from, reference, count: 4, dial: -1 }));
    expect(ranking.map(({ percentile }) => percentile)).toEqual(Array(12).fill(0));
    expect(chosen.map(({ item }) => item).sort()).toEqual(
      ranking
        .slice(0, 4)
        .map(({ item }) => item)
        .sort(),
    );
  });

  it('at 1 takes the one that differs most from the others where one is wanted', async () => {
    using folder = temporaryFolder();
    using workshop = packagesWorkshop();
    const from = join(folder.path, 'from.npy');
    const reference = join(folder.path, 'reference.npy');
    await writeFeatures(reference, lcgFeatures(1, 50, 4));
    const candidates = lcgFeatures(2, 9, 4);
    candidates.values.fill(3, 5 * 4, 6 * 4);
    await writeFeatures(from, candidates);
    const { chosen } = await select(workshop, selecting({ from, reference, count: 1, dial: 1 }));
    expect(chosen.map(({ item }) => item)).toEqual([5]);
  });

  it('refuses to copy pictures onto themselves, and says what is not there', async () => {
    using model = measuredPackage();
    using folder = temporaryFolder();
    using workshop = packagesWorkshop();
    vi.stubEnv('GAMUT_HOME', join(folder.path, 'home'));
    const from = join(folder.path, 'pictures');
    await pictures(from);
    const settings = selecting({ from, reference: from, encoder: model.path });
    await expect(select(workshop, { ...settings, out: join(from, '..', 'pictures') })).rejects.toThrow(
      /out: expected another folder than the pictures' own/,
    );
    await expect(select(workshop, { ...settings, from: join(folder.path, 'gone') })).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringMatching(/expected a folder of pictures or a .npy file, found nothing at .*gone/),
    });
    await expect(select(workshop, { ...settings, reference: 'nobody' })).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringMatching(
        /expected a model's id, a folder of pictures or a .npy file, found nothing at nobody/,
      ),
    });
  });

  it('of rows names rows, and refuses more than there are', async () => {
    using folder = temporaryFolder();
    using workshop = packagesWorkshop();
    const from = join(folder.path, 'from.npy');
    const reference = join(folder.path, 'reference.npy');
    await writeFeatures(from, lcgFeatures(2, 10, 4));
    await writeFeatures(reference, lcgFeatures(1, 50, 4));
    const { chosen } = await select(workshop, selecting({ from, reference, count: 3 }));
    expect(chosen.every(({ item }) => typeof item === 'number')).toBe(true);
    await expect(select(workshop, selecting({ from, reference, count: 11 }))).rejects.toThrow(
      /count: expected at most 10/,
    );
    await expect(select(workshop, selecting({ from, reference, dial: 2 }))).rejects.toThrow(
      /dial: expected a number from -1 to 1/,
    );
  });
});
