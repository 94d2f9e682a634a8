import { rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { expect, it, onTestFinished } from 'vitest';
import { pageRequestSchema } from '../../../main/contract/library.ts';
import { generationSettingsSchema } from '../../../main/contract/settings.ts';
import { LikenessOrder } from '../../../main/library/likeness-order.ts';
import { openLibrary, type Library } from '../../../main/library/library.ts';
import { verifyLibrary } from '../../../main/library/verify.ts';
import { loadFeatureEncoder } from '../../../main/model-packages/feature-encoder.ts';
import { curatedMaker } from '../../../main/studio/calls/curated-maker.ts';
import { JobQueue } from '../../../main/studio/jobs/job-queue.ts';
import { measuredPackage } from '../../doubles/measured-package.ts';
import { packagesWorkshop } from '../../doubles/packages-workshop.ts';
import { temporaryLibrary } from '../../library/temporary-library.ts';

const seenIn = (library: Library): unknown[] =>
  library.database.all('SELECT DISTINCT feature_encoder, length(features) AS bytes FROM image_records');

/** Batches of a library's images by likeness to one. */
const batchesLike = async (library: Library, similarTo: string): Promise<string[]> => {
  const request = pageRequestSchema.parse({ query: { sort: 'similar', similarTo, candidates: 'all' } });
  return (await new LikenessOrder(library).page(request)).images.map(({ batch }) => batch);
};

it('keeps how the model sees its pictures: likeness goes by it, and by looks once the library was rebuilt', async () => {
  const { library } = await temporaryLibrary();
  const { home, database } = library.folders;
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  using model = measuredPackage();
  using workshop = packagesWorkshop();
  const queue = new JobQueue({ library, ...curatedMaker(workshop) });
  const asked = { model: model.path, seed: 3, stepCount: 8, guidanceScale: 1, densityThreshold: 60 };
  queue.enqueue(generationSettingsSchema.parse({ ...asked, prompt: 'a vase', count: 4, densityWeight: 8 }));
  queue.enqueue(generationSettingsSchema.parse({ ...asked, prompt: 'blue', count: 3 }));
  await queue.idle();
  expect(queue.list().jobs.map(({ state, failure }) => [state, failure])).toEqual([
    ['done', null],
    ['done', null],
  ]);
  const [plain = '', blue = ''] = queue.list().jobs.map(({ batch }) => batch);

  // Also of the candidates that were not kept: they may be rescued.
  const rejected = library.database.get('SELECT count(*) AS count FROM images WHERE rejected = 1');
  expect(rejected?.['count']).toBeGreaterThan(0);
  const encoder = `${loadFeatureEncoder(model.path).fingerprint}:image_embeds`;
  expect(seenIn(library)).toEqual([{ feature_encoder: encoder, bytes: 3 * 4 }]);
  const like = await batchesLike(library, `${blue}-00001`);
  expect(like.slice(0, 3)).toEqual([blue, blue, blue]);
  expect(new Set(like.slice(3))).toEqual(new Set([plain]));

  await queue.close();
  await library.close();
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${database}${suffix}`, { force: true });
  expect(await verifyLibrary(home, { repair: true })).toMatchObject({ whole: true, images: like.length });
  const rebuilt = await openLibrary(home);
  onTestFinished(() => rebuilt.close());
  expect(seenIn(rebuilt)).toEqual([{ feature_encoder: null, bytes: null }]);
  expect((await batchesLike(rebuilt, `${blue}-00001`)).slice(0, 3)).toEqual([blue, blue, blue]);
});
