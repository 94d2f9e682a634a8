import { rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import type { ActivityEvent } from '../../main/contract/calls/workshop.ts';
import type { FeatureEvent } from '../../main/contract/features.ts';
import { pageRequestSchema } from '../../main/contract/library.ts';
import { generationSettingsSchema } from '../../main/contract/settings.ts';
import { LikenessOrder } from '../../main/library/likeness-order.ts';
import type { Library } from '../../main/library/library.ts';
import { deleteImages } from '../../main/library/marks.ts';
import { pictureFile } from '../../main/library/picture-files.ts';
import { loadFeatureEncoder, type FeatureEncoder } from '../../main/model-packages/feature-encoder.ts';
import { Announcer } from '../../main/studio/calls/announcer.ts';
import { curatedMaker } from '../../main/studio/calls/curated-maker.ts';
import { featureHandlers } from '../../main/studio/calls/feature-calls.ts';
import { encodeLibrary } from '../../main/studio/encode-library.ts';
import { JobQueue } from '../../main/studio/jobs/job-queue.ts';
import type { Workshop } from '../../main/studio/workshop.ts';
import { measuredPackage } from '../doubles/measured-package.ts';
import { packagesWorkshop } from '../doubles/packages-workshop.ts';
import { addExample, temporaryLibrary } from '../library/temporary-library.ts';

async function openAll(): Promise<{ library: Library; encoder: FeatureEncoder; workshop: Workshop; model: string }> {
  const { library, remove } = await temporaryLibrary();
  const model = measuredPackage();
  const workshop = packagesWorkshop();
  onTestFinished(async () => {
    workshop[Symbol.dispose]();
    model[Symbol.dispose]();
    await remove();
  });
  return { library, workshop, model: model.path, encoder: loadFeatureEncoder(model.path) };
}

/** What is stored, by image. */
const stored = (library: Library): ReadonlyMap<string, string> =>
  new Map(
    library.database
      .all('SELECT id, feature_encoder, hex(features) AS bytes FROM images JOIN image_records ON image = key')
      .map((row) => [
        String(row['id']),
        row['bytes'] === '' ? 'none' : `${String(row['feature_encoder'])} ${row['bytes']}`,
      ]),
  );
const lacking = (library: Library): readonly string[] =>
  [...stored(library)].filter(([, features]) => features === 'none').map(([id]) => id);

const settled = (events: readonly FeatureEvent[]) => events.filter(({ kind }) => kind !== 'progress');
const whole = { batch: null };

it('computes the very features that a batch made now stores, also in place of another encoder’s', async () => {
  const { library, encoder, workshop, model } = await openAll();
  const queue = new JobQueue({ library, ...curatedMaker(workshop) });
  const asked = { model, seed: 3, stepCount: 8, guidanceScale: 1, densityThreshold: 60, densityWeight: 8 };
  queue.enqueue(generationSettingsSchema.parse({ ...asked, prompt: 'a vase', count: 4 }));
  queue.enqueue(generationSettingsSchema.parse({ ...asked, prompt: 'blue', count: 3, width: 32, height: 48 }));
  await queue.idle();
  await queue.close();
  const fresh = stored(library);
  expect(fresh.size).toBeGreaterThanOrEqual(7);
  library.database.run('UPDATE image_records SET feature_encoder = NULL, features = NULL WHERE image % 2 = 0');
  library.database.run("UPDATE image_records SET feature_encoder = 'another' WHERE image % 3 = 0");

  const events = await Array.fromAsync(encodeLibrary(library, encoder, workshop, whole));
  expect(stored(library)).toEqual(fresh);
  expect(settled(events)).toEqual([
    { kind: 'complete', features: 'features of measured', encoded: expect.any(Number) as number, skipped: 0 },
  ]);
  // Nothing is left to do.
  expect(await Array.fromAsync(encodeLibrary(library, encoder, workshop, whole))).toEqual([
    { kind: 'progress', done: 0, all: 0, secondsLeft: null },
    { kind: 'complete', features: 'features of measured', encoded: 0, skipped: 0 },
  ]);
});

it('tells how far it is and how long the rest takes', async () => {
  const { library, encoder, workshop } = await openAll();
  for (let index = 0; index < 20; index += 1) await addExample(library, index);
  let second = 0;
  const clocked = { ...workshop, now: () => new Date(1000 * second++) };
  expect(await Array.fromAsync(encodeLibrary(library, encoder, clocked, whole))).toEqual([
    { kind: 'progress', done: 0, all: 20, secondsLeft: null },
    { kind: 'progress', done: 8, all: 20, secondsLeft: 1.5 },
    { kind: 'progress', done: 16, all: 20, secondsLeft: 0.5 },
    { kind: 'progress', done: 20, all: 20, secondsLeft: 0 },
    { kind: 'complete', features: 'features of measured', encoded: 20, skipped: 0 },
  ]);
});

it('names and skips what cannot be read, and leaves the trash alone', async () => {
  const { library, encoder, workshop } = await openAll();
  for (let index = 0; index < 5; index += 1) await addExample(library, index);
  const id = (index: number) => `batch-1-0000${index}`;
  rmSync((await pictureFile(library, id(1))).path);
  writeFileSync((await pictureFile(library, id(3))).path, 'no picture');
  await deleteImages(library, [id(4)]);
  const events = await Array.fromAsync(encodeLibrary(library, encoder, workshop, whole));
  expect(settled(events)).toEqual([
    { kind: 'skipped', image: id(3), reason: expect.stringContaining('expected a readable PNG') as string },
    { kind: 'skipped', image: id(1), reason: expect.stringContaining('is gone') as string },
    { kind: 'complete', features: 'features of measured', encoded: 2, skipped: 2 },
  ]);
  expect(lacking(library)).toEqual([id(1), id(3), id(4)]);
});

it('keeps what is done when it is stopped, goes on with the rest, and passes over what became another picture', async () => {
  const { library, encoder, workshop } = await openAll();
  for (let index = 0; index < 40; index += 1) await addExample(library, index);
  const stop = new AbortController();
  const stopped = (async () => {
    for await (const event of encodeLibrary(library, encoder, workshop, { batch: null, signal: stop.signal }))
      if (event.kind === 'progress' && event.done === 16) stop.abort();
  })();
  await expect(stopped).rejects.toMatchObject({ name: 'AbortError' });
  expect(lacking(library)).toHaveLength(24);

  const rest = encodeLibrary(library, encoder, workshop, whole);
  expect((await rest.next()).value).toMatchObject({ all: 24 });
  const encoding = rest.next();
  await setImmediate();
  library.database.run("UPDATE images SET pixel_hash = 'another' WHERE id = 'batch-1-00020'");
  await encoding;
  expect((await Array.fromAsync(rest)).at(-1)).toMatchObject({ encoded: 23, skipped: 0 });
  expect(lacking(library)).toEqual(['batch-1-00020']);
});

it('answers a window: what is missing of a batch, one work at a time, and an order by likeness that knows of it', async () => {
  const { library, workshop, model } = await openAll();
  for (const batch of ['batch-1', 'batch-2'])
    for (let index = 0; index < 3; index += 1) await addExample(library, index, {}, { batch });
  const announcer = new Announcer();
  const told: ActivityEvent[] = [];
  const window = new AbortController();
  const listening = (async () => {
    for await (const event of announcer.listen(window.signal)) told.push(event);
  })();
  // A window names a model by its id.
  const folders = { ...workshop.folders, builtIn: join(model, '..') };
  const features = featureHandlers(library, { ...workshop, folders }, announcer);
  const name = basename(model);
  const likeness = new LikenessOrder(library);
  const request = pageRequestSchema.parse({ query: { sort: 'similar', similarTo: 'batch-1-00000' } });
  const order = async () => (await likeness.page(request)).images.map(({ id }) => id);
  const before = await order();

  expect(await features.missing({ model: name, batch: null })).toEqual({ images: 6 });
  expect(await features.missing({ model: name, batch: 'batch-2' })).toEqual({ images: 3 });
  expect(await features.missing({ model: 'flow', batch: null })).toEqual({ images: null });
  await expect(features.missing({ model: '/etc', batch: null })).rejects.toMatchObject({ code: 'not-found' });
  const { signal } = new AbortController();
  const works = await Promise.all(
    ['batch-2', null, null].map((batch) => Array.fromAsync(features.compute({ model: name, batch }, signal))),
  );
  expect(works.map((events) => events.at(-1))).toMatchObject([{ encoded: 3 }, { encoded: 3 }, { encoded: 0 }]);
  expect(await features.missing({ model: name, batch: null })).toEqual({ images: 0 });
  // By features alone now: without looks the order stays, and it is none of arrival.
  const after = await order();
  library.database.run('UPDATE image_records SET look = NULL');
  expect([await order(), after.at(0)]).toEqual([after, 'batch-1-00000']);
  expect([before, [...after].sort()]).not.toContainEqual(after);
  window.abort();
  await listening;
  expect(told).toEqual([
    { kind: 'library', images: [] },
    { kind: 'library', images: [] },
  ]);
});
