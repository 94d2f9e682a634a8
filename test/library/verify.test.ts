import { existsSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { libraryQuerySchema } from '../../main/contract/library.ts';
import { endArriving, setBatchOutcome } from '../../main/library/batches.ts';
import { createCollection, listCollections } from '../../main/library/collections.ts';
import { imageSummaries } from '../../main/library/image-rows.ts';
import { openLibrary, type Library } from '../../main/library/library.ts';
import {
  collectImages,
  deleteImages,
  flagImages,
  rateImages,
  rescueImages,
  tagImages,
} from '../../main/library/marks.ts';
import { imageDetail } from '../../main/library/picture-files.ts';
import { addPreferencePair, preferencePairs } from '../../main/library/preference-pairs.ts';
import { countOf, searchAll } from '../../main/library/search.ts';
import { verifyLibrary } from '../../main/library/verify.ts';
import { addExample, temporaryLibrary } from './temporary-library.ts';

let library: Library;
let home: string;
const id = (i: number): string => `batch-1-0000${i}`;
const path = (i: number): string => join(library.folders.images, 'batch-1', `0000${i}.png`);
const rejectedBy = { reweighting: { weight: 2, threshold: 1, acceptance: 0.2, accepted: false } } as const;

beforeEach(async () => {
  ({ library } = await temporaryLibrary());
  home = library.folders.home;
  for (let i = 0; i < 6; i += 1) await addExample(library, i, {}, i >= 4 ? rejectedBy : {});
  await addExample(library, 0, {}, { batch: 'batch-2', createdAt: '2026-12-01T00:00:00.000Z' });
  await rateImages(library, [id(0)], 4);
  await flagImages(library, [id(1), 'batch-2-00000'], 'pick');
  await tagImages(library, [id(0), id(1)], 'autumn');
  await collectImages(library, [id(1)], createCollection(library, 'Best').id);
  await deleteImages(library, [id(2)]);
  await rescueImages(library, [id(4)]);
  addPreferencePair(library, id(0), 'batch-2-00000');
  setBatchOutcome(library, 'batch-1', null, []);
  for (const batch of ['batch-1', 'batch-2']) endArriving(library, batch);
});
afterEach(async () => {
  await library.close();
  await rm(home, { recursive: true, force: true });
});

/** All that a person would miss. */
function everything(from: Library): unknown {
  const images = [false, true].flatMap((deleted) => [
    ...searchAll(from, { candidates: 'all', deleted, sort: 'oldest' }),
  ]);
  const details = images.map((image) => imageDetail(from, image.id));
  return {
    details: details.map(({ collections, ...rest }) => ({ ...rest, collections: collections.length })),
    collections: listCollections(from).map(({ name, count }) => ({ name, count })),
    pairs: preferencePairs(from),
    batches: from.database.all('SELECT id, created_at, settings, state, cost, measures FROM batches ORDER BY id'),
    words: countOf(from, libraryQuerySchema.parse({ words: 'autumn' })),
  };
}

describe('a whole library', () => {
  it('verifies as whole', async () => {
    await library.close();
    expect(await verifyLibrary(home, { repair: false })).toMatchObject({ images: 7, whole: true, repaired: false });
  });
});

describe('a library whose database is lost', () => {
  it.each([
    [
      'deleted',
      (database: string) => {
        rmSync(database);
      },
    ],
    [
      'damaged at its beginning',
      (database: string) => {
        writeFileSync(database, 'no database at all'.repeat(600));
      },
    ],
    [
      'damaged in its middle',
      (database: string) => {
        const bytes = readFileSync(database);
        bytes.fill(0xa5, 8192, Math.min(bytes.length, 200_000));
        writeFileSync(database, bytes);
      },
    ],
    [
      'cut off',
      (database: string) => {
        truncateSync(database, 20_000);
      },
    ],
  ] as const)('is rebuilt from the folders alone when it was %s', async (_how, damage) => {
    const before = everything(library);
    await library.close();
    for (const suffix of ['-wal', '-shm']) rmSync(`${library.folders.database}${suffix}`, { force: true });
    damage(library.folders.database);
    expect((await verifyLibrary(home, { repair: false })).whole).toBe(false);
    const report = await verifyLibrary(home, { repair: true });
    expect(report).toMatchObject({ images: 7, whole: true, repaired: true, brokenFiles: [] });
    library = await openLibrary(home);
    expect(everything(library)).toEqual(before);
    expect(await verifyLibrary(home, { repair: false })).toMatchObject({ whole: true });
  });

  it('is rebuilt also where the files beside the images are lost: images and settings at least', async () => {
    await library.close();
    rmSync(library.folders.database);
    for (const name of ['batch.json', 'marks.json']) rmSync(join(library.folders.images, 'batch-1', name));
    await verifyLibrary(home, { repair: true });
    library = await openLibrary(home);
    const [image] = imageSummaries(library, [id(0)]);
    expect(image).toMatchObject({ prompt: 'tall matte vase', rating: 0 });
    const batch = library.database.get("SELECT settings FROM batches WHERE id = 'batch-1'");
    expect(JSON.parse(String(batch?.['settings']))).toMatchObject({ seed: 7 });
  });
});

describe('a library whose files and rows differ', () => {
  it('says so, and repairs it', async () => {
    await library.close();
    const strange = join(library.folders.images, 'batch-2', '00007.png');
    writeFileSync(strange, readFileSync(path(3)));
    rmSync(path(0));
    truncateSync(path(1), 300);
    expect(await verifyLibrary(home, { repair: false })).toMatchObject({
      whole: false,
      missingFiles: [path(0)],
      missingRows: [strange],
      brokenFiles: [{ file: path(1) }],
    });
    const repaired = await verifyLibrary(home, { repair: true });
    // A broken file is told and left alone: nobody can make it whole.
    expect(repaired).toMatchObject({ repaired: true, whole: false, brokenFiles: [{ file: path(1) }] });
    expect(existsSync(path(1))).toBe(true);
    expect(await verifyLibrary(home, { repair: false })).toMatchObject({
      missingFiles: [],
      missingRows: [],
      images: 7,
    });
  });

  it('moves files back to where their rows say', async () => {
    await library.close();
    renameSync(join(library.folders.trash, 'batch-1', '00002.png'), path(2));
    expect((await verifyLibrary(home, { repair: false })).whole).toBe(false);
    expect((await verifyLibrary(home, { repair: true })).whole).toBe(true);
    expect(await readdir(join(library.folders.trash, 'batch-1'))).toEqual(['00002.png']);
  });
});
