import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  libraryQuerySchema,
  librarySorts,
  pageRequestSchema,
  type ImageSummary,
  type LibraryQueryInput,
} from '../../main/contract/library.ts';
import { storeImage } from '../../main/library/add-image.ts';
import { batchSummary, recentBatches, setBatchOutcome } from '../../main/library/batches.ts';
import { closeBatch } from '../../main/library/close-batch.ts';
import {
  createCollection,
  listCollections,
  removeCollection,
  renameCollection,
} from '../../main/library/collections.ts';
import { openDatabase } from '../../main/library/database.ts';
import { duplicateGroups } from '../../main/library/duplicates.ts';
import { imageSummaries } from '../../main/library/image-rows.ts';
import { readImageFile } from '../../main/library/image-file/read-image-file.ts';
import { defaultHome, openLibrary, type Library } from '../../main/library/library.ts';
import { LikenessOrder } from '../../main/library/likeness-order.ts';
import {
  collectImages,
  deleteImages,
  flagImages,
  rateImages,
  redo,
  rescueImages,
  restoreImages,
  tagImages,
  uncollectImages,
  undo,
  untagImages,
} from '../../main/library/marks.ts';
import { migrations } from '../../main/library/migrations.ts';
import { imageDetail, pictureBytes, pictureFile, thumbnail } from '../../main/library/picture-files.ts';
import { addPreferencePair, preferencePairs } from '../../main/library/preference-pairs.ts';
import { countOf, searchAll, searchPage, tagCounts } from '../../main/library/search.ts';
import { thumbnailPath } from '../../main/library/thumbnail-path.ts';
import { discardImages, removeForGood } from '../../main/library/trash.ts';
import { examplePixels, exampleRecord } from './record.ts';
import { addExample, temporaryLibrary } from './temporary-library.ts';

let library: Library;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ library, remove } = await temporaryLibrary());
});
afterEach(async () => {
  await remove();
});

const byLikeness = async (query: LibraryQueryInput): Promise<string[]> => {
  const page = await new LikenessOrder(library).page(pageRequestSchema.parse({ query }));
  return page.images.map(({ id }) => id);
};
const found = (query: LibraryQueryInput): string[] => [...searchAll(library, query)].map(({ id }) => id);
const one = (id: string): ImageSummary => imageSummaries(library, [id])[0] as ImageSummary;

const rejectedBy = { reweighting: { weight: 2, threshold: 1, acceptance: 0.2, accepted: false } } as const;

describe('an image', () => {
  it('lies whole in its batch’s folder and has a row with its settings', async () => {
    const image = await addExample(library, 3, { prompt: 'walnut chair', seed: 11 });
    expect(image).toMatchObject({ id: 'batch-1-00003', batch: 'batch-1', index: 3, seed: 11, candidate: 'kept' });
    expect(readdirSync(join(library.folders.images, 'batch-1'))).toContain('00003.png');
    const file = await readImageFile(await pictureBytes(library, image.id));
    const detail = imageDetail(library, image.id);
    expect(detail.record).toEqual(file.record);
    expect(detail).toMatchObject({ fileName: '00003.png', summary: image, collections: [] });
  });

  it('that is stored again replaces itself and keeps its marks', async () => {
    await addExample(library, 0);
    await rateImages(library, ['batch-1-00000'], 4);
    await addExample(library, 0, { prompt: 'another' });
    expect(found({})).toEqual(['batch-1-00000']);
    expect(one('batch-1-00000')).toMatchObject({ rating: 4, prompt: 'another' });
    expect(found({ words: 'matte' })).toEqual([]);
  });

  it('has a thumbnail that is made once', async () => {
    const { id } = await addExample(library, 0);
    const first = await thumbnail(library, id);
    expect(Buffer.from(await thumbnail(library, id)).equals(first)).toBe(true);
    expect((await readImageFile(first)).width).toBe(24);
  });

  it('that is not there is a coded failure', async () => {
    expect(() => imageDetail(library, 'nothing-1')).toThrow(expect.objectContaining({ code: 'not-found' }));
    await expect(rateImages(library, ['nothing-1'], 3)).rejects.toMatchObject({ code: 'not-found' });
    await expect(pictureFile(library, 'nothing-1')).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('marks', () => {
  const ids = ['batch-1-00000', 'batch-1-00001', 'batch-1-00002'];
  const [first = '', second = '', third = ''] = ids;
  beforeEach(async () => {
    for (let i = 0; i < 3; i += 1) await addExample(library, i, {}, i === 2 ? rejectedBy : {});
  });

  /** Everything people can say, as one value. */
  const state = (): unknown => ({
    summaries: imageSummaries(library, ids),
    collections: ids.map((id) => imageDetail(library, id).collections),
    found: [found({ words: 'autumn' }), found({}), found({ deleted: true })],
  });

  it.each([
    ['flag', () => flagImages(library, [first, second], 'pick')],
    ['rate', () => rateImages(library, [first, second], 5)],
    ['tag', () => tagImages(library, [first, second], 'autumn')],
    ['delete', () => deleteImages(library, [first])],
    ['rescue', () => rescueImages(library, [third])],
    ['collect', () => collectImages(library, [first], listCollections(library)[0]?.id ?? '')],
  ] as const)('%s can be undone and done again', async (verb, act) => {
    createCollection(library, 'line');
    const before = state();
    await act();
    const after = state();
    expect(after).not.toEqual(before);
    expect(await undo(library)).toMatchObject({ verb });
    expect(state()).toEqual(before);
    expect(await redo(library)).toMatchObject({ verb });
    expect(state()).toEqual(after);
    expect(await redo(library)).toBeNull();
  });

  it('come back in order, and only what really changed', async () => {
    await tagImages(library, [first], 'autumn');
    await tagImages(library, [first, second], 'autumn');
    await untagImages(library, [second], 'autumn');
    expect(await undo(library)).toMatchObject({ verb: 'untag', images: [second] });
    expect(await undo(library)).toMatchObject({ verb: 'tag', images: [second] });
    expect(one(first).tags).toEqual(['autumn']);
    expect(await undo(library)).toMatchObject({ verb: 'tag', images: [first] });
    expect(await undo(library)).toBeNull();
  });

  it('that change nothing leave no trace', async () => {
    await flagImages(library, [first], 'none');
    await uncollectImages(library, [first], createCollection(library, 'line').id);
    expect(await undo(library)).toBeNull();
  });

  it('forget what was undone once something new is done', async () => {
    await rateImages(library, [first], 1);
    await undo(library);
    await rateImages(library, [first], 2);
    expect(await redo(library)).toBeNull();
    expect(one(first).rating).toBe(2);
  });

  it('survive any order of doing and undoing (property)', async () => {
    const action = fc.oneof(
      fc.record({ verb: fc.constant('rate' as const), value: fc.nat(5), image: fc.constantFrom(first, second) }),
      fc.record({
        verb: fc.constant('tag' as const),
        value: fc.constantFrom('a', 'b'),
        image: fc.constantFrom(...ids),
      }),
      fc.record({ verb: fc.constantFrom('delete' as const, 'restore' as const), image: fc.constantFrom(...ids) }),
      fc.record({ verb: fc.constant('flag' as const), image: fc.constantFrom(...ids) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 1, maxLength: 8 }), async (actions) => {
        library.database.run('DELETE FROM actions');
        const before = state();
        for (const each of actions) {
          if (each.verb === 'rate') await rateImages(library, [each.image], each.value);
          if (each.verb === 'tag') await tagImages(library, [each.image], each.value);
          if (each.verb === 'delete') await deleteImages(library, [each.image]);
          if (each.verb === 'restore') await restoreImages(library, [each.image]);
          if (each.verb === 'flag') await flagImages(library, [each.image], 'reject');
        }
        const after = state();
        while ((await undo(library)) !== null);
        expect(state()).toEqual(before);
        while ((await redo(library)) !== null);
        expect(state()).toEqual(after);
        while ((await undo(library)) !== null);
      }),
      { numRuns: 25 },
    );
  });

  it('move a deleted image’s file into the trash and back', async () => {
    await deleteImages(library, [first]);
    expect((await pictureFile(library, first)).path).toBe(join(library.folders.trash, 'batch-1', '00000.png'));
    await restoreImages(library, [first]);
    expect((await pictureFile(library, first)).path).toBe(join(library.folders.images, 'batch-1', '00000.png'));
  });

  it('let only deleted images be discarded for good', async () => {
    await expect(discardImages(library, [first], removeForGood)).rejects.toMatchObject({ code: 'bad-input' });
    await tagImages(library, [first], 'gone');
    await deleteImages(library, [first]);
    await thumbnail(library, first);
    const hash = library.database.get('SELECT pixel_hash FROM images WHERE id = ?', first)?.['pixel_hash'];
    const small = thumbnailPath(library.folders, String(hash));
    expect(existsSync(small)).toBe(true);
    const noTrash = discardImages(library, [first], () => Promise.reject(new Error('no trash here')));
    await expect(noTrash).rejects.toMatchObject({
      code: 'not-writable',
      message: expect.stringContaining('no trash here'),
    });
    expect(found({ deleted: true })).toEqual([first]);
    const discarded: string[] = [];
    await discardImages(library, [first], async (path) => {
      discarded.push(path);
      await removeForGood(path);
    });
    expect(discarded).toEqual([join(library.folders.trash, 'batch-1', '00000.png')]);
    expect(found({ deleted: true })).toEqual([]);
    expect(tagCounts(library)).toEqual([]);
    expect(existsSync(small)).toBe(false);
    // The history passes over what is gone.
    expect(await undo(library)).toMatchObject({ verb: 'delete', images: [] });
  });

  it('are kept a second time beside the images', async () => {
    await rateImages(library, [first], 3);
    await rateImages(library, [first], 5);
    await tagImages(library, [second], 'autumn');
    await library.sidecars.settle();
    const marks: unknown = JSON.parse(readFileSync(join(library.folders.images, 'batch-1', 'marks.json'), 'utf8'));
    expect(marks).toMatchObject({
      images: { '00000.png': { rating: 5 }, '00001.png': { tags: ['autumn'] }, '00002.png': { rejected: true } },
    });
  });
});

describe('a search', () => {
  beforeEach(async () => {
    const prompts = [
      'tall terracotta vase',
      'small glass vase',
      'oak chair',
      '秋の花瓶、陶器',
      'Große Schüssel “rund”',
    ];
    for (const [i, prompt] of prompts.entries())
      await addExample(
        library,
        i,
        { prompt, seed: i, stepCount: 10 + i, guidanceScale: 1 + i, sampler: i % 2 === 0 ? 'euler' : 'ddim' },
        {
          scores: {
            pseudoDensity: null,
            densityPercentile: i === 4 ? null : 20 * i,
            textImageScore: i / 10,
            classProbability: null,
          },
          createdAt: `2026-11-0${i + 1}T00:00:00.000Z`,
        },
      );
  });
  const at = (...indices: readonly number[]): string[] => indices.map((i) => `batch-1-0000${i}`);

  it.each([
    ['vase', [1, 0]],
    ['VASE tall', [0]],
    ['terra', [0]],
    ['terra vase', []],
    ['vase -glass', [0]],
    ['-vase', [4, 3, 2]],
    ['花瓶', [3]],
    ['瓶花', []],
    ['秋の', [3]],
    ['grosse', []],
    ['große', [4]],
    ['schussel', [4]],
    ['"rund"', [4]],
    ['vase" OR "oak', []],
    ['state00', []],
    ['* ( ) ^ :', [4, 3, 2, 1, 0]],
    ['gamut-products', [4, 3, 2, 1, 0]],
  ])('for %j', (words, indices) => {
    expect(found({ words })).toEqual(at(...indices));
    expect(countOf(library, libraryQuerySchema.parse({ words }))).toBe(indices.length);
  });

  it('never breaks on what people type (property)', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 20 }), (words) => {
        expect(found({ words }).length).toBe(countOf(library, libraryQuerySchema.parse({ words })));
      }),
      { numRuns: 300 },
    );
  });

  it('finds what begins with an unfinished word, of few terms in the index and of many', async () => {
    const endings = ['', 's', 'er', 'ing', 'ed', 'y', 'é', 'ful', 'like', 'ware'];
    for (const [i, ending] of endings.entries()) await addExample(library, 10 + i, { prompt: `pott${ending}` });
    expect(found({ words: 'pott' })).toHaveLength(10);
    expect(found({ words: 'pott ' })).toHaveLength(1);
    expect(found({ words: 'POTTE' })).toHaveLength(3);
    expect(found({ words: 'pottware pott' })).toHaveLength(1);
    await addExample(library, 30, { prompt: 'potters' });
    expect(found({ words: 'potte' })).toHaveLength(4);
  });

  it('counts anew after a change, its own or that of another process', async () => {
    const count = (): number => countOf(library, libraryQuerySchema.parse({ words: 'vase' }));
    const before = count();
    expect(count()).toBe(before);
    await addExample(library, 5, { prompt: 'one more vase' });
    expect(count()).toBe(before + 1);
    const other = await openLibrary(library.folders.home);
    await addExample(other, 6, { prompt: 'a vase from elsewhere' });
    expect(count()).toBe(before + 2);
    await other.close();
  });

  it('by tag finds the tag and its words', async () => {
    await tagImages(library, at(2), 'winter line');
    expect(found({ tags: ['winter line'] })).toEqual(at(2));
    expect(found({ words: 'winter' })).toEqual(at(2));
    expect(tagCounts(library)).toEqual([{ tag: 'winter line', count: 1 }]);
  });

  it.each<[LibraryQueryInput, number[]]>([
    [{ seed: 3 }, [3]],
    [{ samplers: ['ddim'] }, [3, 1]],
    [{ stepCount: { low: 11, high: 12 } }, [2, 1]],
    [{ guidanceScale: { low: null, high: 2 } }, [1, 0]],
    [{ densityPercentile: { low: 30, high: null } }, [3, 2]],
    [{ createdFrom: '2026-11-03', createdTo: '2026-11-04' }, [2]],
    [{ batch: 'batch-1', words: 'vase' }, [1, 0]],
    [{ batch: 'batch-2' }, []],
    [{ models: ['gamut-products'], words: 'chair' }, [2]],
    [{ candidates: 'rejected' }, []],
    [{ candidates: 'all' }, [4, 3, 2, 1, 0]],
    [{ sort: 'oldest' }, [0, 1, 2, 3, 4]],
    [{ sort: 'typical' }, [3, 2, 1, 0, 4]],
    [{ sort: 'unusual' }, [0, 1, 2, 3, 4]],
    [{ sort: 'text-match' }, [4, 3, 2, 1, 0]],
    [{ sort: 'typical', words: 'vase' }, [1, 0]],
  ])('%j', (query, indices) => {
    expect(found(query)).toEqual(at(...indices));
  });

  it('by rating and flag', async () => {
    await rateImages(library, at(1, 2), 3);
    await rateImages(library, at(3), 5);
    await flagImages(library, at(3), 'pick');
    expect(found({ rating: { low: 3, high: null }, sort: 'rating' })).toEqual(at(3, 2, 1));
    expect(found({ flags: ['pick'] })).toEqual(at(3));
    expect(found({ flags: ['none'], words: 'vase' })).toEqual(at(1, 0));
  });

  it('refuses a cursor that is not one', () => {
    for (const cursor of ['x', 'W10', Buffer.from('[null,"a"]').toString('base64url')])
      expect(() => searchPage(library, pageRequestSchema.parse({ cursor }))).toThrow(
        expect.objectContaining({ code: 'bad-input' }),
      );
  });
});

it.each(librarySorts)('pages by %s hold every image once, in order, also by jumping', async (sort) => {
  for (let i = 0; i < 23; i += 1)
    await addExample(
      library,
      i,
      {},
      {
        scores: {
          pseudoDensity: null,
          densityPercentile: i % 4 === 0 ? null : i % 3,
          textImageScore: i % 2,
          classProbability: null,
        },
      },
    );
  await rateImages(library, found({}).slice(0, 9), 2);
  const all = found({ sort });
  expect(new Set(all).size).toBe(23);
  const paged: string[] = [];
  let cursor: string | null = null;
  do {
    const page = searchPage(library, pageRequestSchema.parse({ query: { sort }, limit: 5, cursor }));
    expect(page.total).toBe(23);
    paged.push(...page.images.map(({ id }) => id));
    cursor = page.next;
  } while (cursor !== null);
  expect(paged).toEqual(all);
  const jump = searchPage(library, pageRequestSchema.parse({ query: { sort }, limit: 5, offset: 10 }));
  expect(jump.images.map(({ id }) => id)).toEqual(all.slice(10, 15));
});

describe('collections', () => {
  it('are made, renamed, filled and removed; images stay', async () => {
    const { id: image } = await addExample(library, 0);
    const line = createCollection(library, 'Autumn');
    expect(() => createCollection(library, 'autumn')).toThrow(expect.objectContaining({ code: 'bad-input' }));
    await collectImages(library, [image], line.id);
    expect(listCollections(library)).toEqual([{ ...line, count: 1 }]);
    expect(renameCollection(library, line.id, 'Winter').name).toBe('Winter');
    expect(found({ collection: line.id })).toEqual([image]);
    removeCollection(library, line.id);
    expect(listCollections(library)).toEqual([]);
    expect(found({})).toEqual([image]);
    await expect(collectImages(library, [image], line.id)).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('batches', () => {
  it('know what was asked, kept, rejected, picked and measured', async () => {
    await addExample(library, 0);
    await addExample(library, 1, {}, rejectedBy);
    await flagImages(library, ['batch-1-00000'], 'pick');
    const counts = { asked: 1, kept: 1, rejected: 1, failed: 0, modelCalls: 40 };
    const cost = { ...counts, seconds: 2, secondsPerKept: 2, secondsPerKeptInterval: { low: 1.5, high: 2.5 } };
    setBatchOutcome(library, 'batch-1', cost, []);
    expect(batchSummary(library, 'batch-1')).toMatchObject({ kept: 1, rejected: 1, picked: 1, cost, state: 'open' });
    await addExample(library, 0, {}, { batch: 'batch-2', createdAt: '2026-12-01T00:00:00.000Z' });
    expect(recentBatches(library, 5).map(({ id }) => id)).toEqual(['batch-2', 'batch-1']);
  });

  it('let rejected candidates go when they are closed, and take them back on undo', async () => {
    await addExample(library, 0);
    await addExample(library, 1, {}, rejectedBy);
    expect(await closeBatch(library, 'batch-1')).toMatchObject({ state: 'closed', kept: 1, rejected: 0 });
    expect(found({ deleted: true, candidates: 'all' })).toEqual(['batch-1-00001']);
    expect(await undo(library)).toMatchObject({ verb: 'delete', images: ['batch-1-00001'] });
    await expect(closeBatch(library, 'batch-9')).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('likeness', () => {
  /** An image as the encoder `e` sees it. */
  const addSeen = (index: number, values: readonly number[]): Promise<unknown> =>
    addExample(library, index, {}, {}, { features: { encoder: 'e', values: Float32Array.from(values) } });

  it('groups near duplicates and tells colours apart', async () => {
    const base = examplePixels(5);
    const noisy = { ...base, data: base.data.map((value, i) => Math.min(255, value + (i % 3))) };
    const swapped = {
      ...base,
      data: base.data.map((_, i) => base.data[i - (i % 3) + ((i + 1) % 3)] ?? 0),
    };
    await addExample(library, 9);
    const ids: string[] = [];
    for (const [i, pixels] of [base, noisy, swapped].entries())
      ids.push((await storeImage(library, pixels, exampleRecord({}, { index: i }))).id);
    expect(await duplicateGroups(library, ids)).toEqual([{ images: ids.slice(0, 2) }]);
    expect((await byLikeness({ sort: 'similar', similarTo: ids[2] ?? '' }))[0]).toBe(ids[2]);
    expect((await byLikeness({ sort: 'similar', similarTo: ids[0] ?? '' })).slice(0, 2)).toEqual(ids.slice(0, 2));
    expect(await byLikeness({ sort: 'alike' })).toEqual([ids[0], ids[1], 'batch-1-00009', ids[2]]);
  });

  it('goes by features where both images have them', async () => {
    const vectors = [
      [1, 0, 0],
      [0, 1, 0],
      [90, 10, 0],
    ];
    for (const [i, values] of vectors.entries()) await addSeen(i, values);
    expect(await byLikeness({ sort: 'similar', similarTo: 'batch-1-00000' })).toEqual([
      'batch-1-00000',
      'batch-1-00002',
      'batch-1-00001',
    ]);
  });

  it('tells near duplicates by features where one encoder made both, else by looks', async () => {
    // One look for all of them.
    const store = async (index: number, values: readonly number[] | null, encoder = 'e'): Promise<string> => {
      const features = values === null ? null : { encoder, values: Float32Array.from(values) };
      return (await storeImage(library, examplePixels(5), exampleRecord({}, { index }), { features })).id;
    };
    await addExample(library, 9);
    const [a, b, c] = [await store(0, [1, 0]), await store(1, [1, 0.5]), await store(2, [2, 0.1])];
    expect(await duplicateGroups(library, [a, b, c])).toEqual([{ images: [a, c] }]);
    // Of another encoder, another length, of no direction, or none at all.
    const others = [
      await store(3, [1, 0], 'f'),
      await store(4, [1, 0, 0]),
      await store(5, [0, 0]),
      await store(6, null),
    ];
    const bad = await store(7, [NaN, 1]);
    expect(await duplicateGroups(library, [b, ...others, bad])).toEqual([{ images: [b, ...others, bad] }]);
    // What looks the same comes with what is nearly the same, what does not last.
    expect(await byLikeness({ sort: 'similar', similarTo: a })).toEqual([a, c, ...others, bad, b, 'batch-1-00009']);
  });

  it('forgets the features of a picture that is stored again without them', async () => {
    await addSeen(0, [1, 0]);
    await addSeen(1, [0, 1]);
    const ids = ['batch-1-00000', 'batch-1-00001'];
    await storeImage(library, examplePixels(5), exampleRecord({}, { index: 0 }));
    await storeImage(library, examplePixels(5), exampleRecord({}, { index: 1 }));
    expect(await duplicateGroups(library, ids)).toEqual([{ images: ids }]);
  });

  it('orders what a query finds, page by page, and follows what is changed', async () => {
    for (let i = 0; i < 7; i += 1) await addSeen(i, [1, ((i * 3) % 7) / 7]);
    const order = new LikenessOrder(library);
    const ask = async (query: LibraryQueryInput, limit = 200, offset = 0) =>
      order.page(pageRequestSchema.parse({ query, limit, offset }));
    const query = { sort: 'similar', similarTo: 'batch-1-00000' } as const;
    const all = (await ask(query)).images.map(({ index }) => index);
    expect(all).toEqual([0, 5, 3, 1, 6, 4, 2]);
    const page = await ask(query, 3, 2);
    expect([page.images.map(({ index }) => index), page.total, page.next]).toEqual([[3, 1, 6], 7, null]);
    await flagImages(library, ['batch-1-00001', 'batch-1-00004', 'batch-1-00005'], 'pick');
    const picked = await ask({ ...query, flags: ['pick'] });
    expect(picked.images.map(({ index }) => index)).toEqual([5, 1, 4]);
    await deleteImages(library, ['batch-1-00005']);
    expect((await ask(query)).images.map(({ index }) => index)).toEqual([0, 3, 1, 6, 4, 2]);
  });

  it('says what is missing for an order by likeness', async () => {
    await addExample(library, 0);
    const ask = (input: object) => new LikenessOrder(library).page(pageRequestSchema.parse(input));
    await expect(ask({ query: { sort: 'similar' } })).rejects.toMatchObject({ code: 'bad-input' });
    await expect(ask({ query: { sort: 'alike' }, cursor: 'W10' })).rejects.toMatchObject({ code: 'bad-input' });
    await expect(ask({ query: { sort: 'similar', similarTo: 'none' } })).rejects.toMatchObject({ code: 'not-found' });
    expect(() => found({ sort: 'alike' })).toThrow(expect.objectContaining({ code: 'bad-input' }));
  });
});

it('keeps preference pairs, the last choice of two counting', async () => {
  const { id: a } = await addExample(library, 0);
  const { id: b } = await addExample(library, 1);
  addPreferencePair(library, a, b);
  addPreferencePair(library, b, a);
  expect(preferencePairs(library).map(({ winner, loser }) => [winner, loser])).toEqual([[b, a]]);
  expect(() => addPreferencePair(library, a, a)).toThrow(expect.objectContaining({ code: 'bad-input' }));
});

describe('the database file', () => {
  it('that is not one, or of a newer version, is named with the way out', async () => {
    const path = join(library.folders.home, 'other.sqlite');
    writeFileSync(path, 'this is not a database, but long enough to be looked at '.repeat(100));
    expect(() => openDatabase(path)).toThrow(/verify --repair/);
    library.database.run('PRAGMA user_version = 9999');
    await library.close();
    await expect(openLibrary(library.folders.home)).rejects.toThrow(/newer/);
  });

  it('merges its word index a little with every image, so that it never has many segments nor merges all at once', async () => {
    const { id } = await addExample(library, 0);
    let most = 0;
    for (let n = 0; n < 150; n += 1) {
      await tagImages(library, [id], `tag ${n}`);
      const row = library.database.get('SELECT count(DISTINCT segid) AS segments FROM image_words_idx');
      most = Math.max(most, Number(row?.['segments']));
    }
    expect(most).toBeLessThan(16);
    const find = (words: string): number =>
      searchPage(library, pageRequestSchema.parse({ query: { words }, limit: 1 })).total;
    expect([find('149'), find('"tag 3"'), find('nothing')]).toEqual([1, 1, 0]);
  });

  it('of an older version gets what it lacks, and keeps what it has', async () => {
    await addExample(library, 0);
    const before = recentBatches(library, 5);
    for (const index of ['images_of_batch', 'images_marked']) library.database.run(`DROP INDEX ${index}`);
    library.database.run('PRAGMA user_version = 1');
    const { home } = library.folders;
    await library.close();
    library = await openLibrary(home);
    expect(recentBatches(library, 5)).toEqual(before);
    expect(library.database.get('PRAGMA user_version')).toMatchObject({ user_version: migrations.length });
    // A batch is counted from the index alone, also where there are no statistics of the library yet.
    const plan = library.database.all(
      "EXPLAIN QUERY PLAN SELECT count(*) FROM images WHERE batch = 'b' AND deleted = 0 AND rejected = 0 AND flag = 'pick'",
    );
    expect(plan.map(({ detail }) => detail)).toEqual([expect.stringContaining('COVERING INDEX images_of_batch')]);
  });

  it('finds the same by every index: flags and ratings, counted and in any order', async () => {
    for (let n = 0; n < 12; n += 1) {
      const { id } = await addExample(library, n);
      await flagImages(library, [id], n % 3 === 0 ? 'pick' : n % 3 === 1 ? 'reject' : 'none');
      await rateImages(library, [id], n % 5);
    }
    const all = searchPage(library, pageRequestSchema.parse({ query: {}, limit: 100 })).images;
    for (const flags of [[], ['pick'], ['pick', 'reject']] as const)
      for (const rating of [null, { low: 2, high: null }, { low: 1, high: 3 }])
        for (const sort of ['rating', 'newest', 'typical'] as const)
          for (const words of ['', '-nothing']) {
            const wanted = all.filter(
              (image) =>
                (flags.length === 0 || flags.some((flag) => flag === image.flag)) &&
                image.rating >= (rating?.low ?? 0) &&
                image.rating <= (rating?.high ?? 5),
            );
            const query = { flags: [...flags], rating, sort, words };
            const page = searchPage(library, pageRequestSchema.parse({ query, limit: 100 }));
            expect(page.total).toBe(wanted.length);
            expect(page.images.map(({ id }) => id).sort()).toEqual(wanted.map(({ id }) => id).sort());
            if (sort !== 'rating') continue;
            const ratings = page.images.map((image) => image.rating);
            expect(ratings).toEqual([...ratings].sort((a, b) => b - a));
          }
  });

  it('is found where the platform keeps such things, or where GAMUT_HOME says', () => {
    expect(defaultHome({ GAMUT_HOME: '/x' }, 'linux')).toBe('/x');
    expect(defaultHome({ XDG_DATA_HOME: '/data' }, 'linux')).toBe(join('/data', 'gamut'));
    expect(defaultHome({ LOCALAPPDATA: 'C:\\L' }, 'win32')).toContain('Gamut');
    expect(defaultHome({}, 'darwin')).toContain('Application Support');
  });
});
