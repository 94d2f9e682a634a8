import type { StudioHandlers } from '../../contract/calls/index.ts';
import { Failure, toFailure } from '../../contract/failures.ts';
import { mostCompared, type BatchSummary } from '../../contract/library.ts';
import { batchSummary, recentBatches } from '../../library/batches.ts';
import { closeBatch } from '../../library/close-batch.ts';
import { createCollection, listCollections, removeCollection, renameCollection } from '../../library/collections.ts';
import { duplicateGroups } from '../../library/duplicates.ts';
import { importPicture, settingsOfPicture } from '../../library/import-files.ts';
import type { Library } from '../../library/library.ts';
import { LikenessOrder } from '../../library/likeness-order.ts';
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
} from '../../library/marks.ts';
import { imageDetail } from '../../library/picture-files.ts';
import { isStored, searchAll, searchPage, tagCounts } from '../../library/search.ts';
import { discardImages, removeForGood } from '../../library/trash.ts';
import type { JobQueue } from '../jobs/job-queue.ts';
import type { HostServices } from '../studio.ts';
import type { Announcer } from './announcer.ts';

/** Bytes of a dropped file. */
function bytesOf(content: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(content, 'base64'));
}

/** The window's calls about images, answered by the library; every change is announced to all windows. */
export function imageHandlers(
  library: Library,
  announcer: Announcer,
  systemTrash: HostServices['trash'],
): StudioHandlers['images'] {
  const changed = async (images: readonly string[], work: Promise<void>): Promise<Record<string, never>> => {
    await work;
    announcer.tell({ kind: 'library', images: [...images] });
    return {};
  };
  const likeness = new LikenessOrder(library);
  return {
    page: async (request) => (isStored(request.query.sort) ? searchPage(library, request) : likeness.page(request)),
    detail: async ({ image }) => imageDetail(library, image),
    flag: ({ images, flag }) => changed(images, flagImages(library, images, flag)),
    rate: ({ images, rating }) => changed(images, rateImages(library, images, rating)),
    tag: ({ images, tag }) => changed(images, tagImages(library, images, tag)),
    untag: ({ images, tag }) => changed(images, untagImages(library, images, tag)),
    rescue: ({ images }) => changed(images, rescueImages(library, images)),
    trash: ({ images }) => changed(images, deleteImages(library, images)),
    restore: ({ images }) => changed(images, restoreImages(library, images)),
    discard: ({ images }) => changed(images, discardImages(library, images, systemTrash ?? removeForGood)),
    async undo() {
      const entry = await undo(library);
      if (entry !== null) announcer.tell({ kind: 'library', images: entry.images });
      return entry;
    },
    async redo() {
      const entry = await redo(library);
      if (entry !== null) announcer.tell({ kind: 'library', images: entry.images });
      return entry;
    },
    async duplicates({ query }) {
      const ids: string[] = [];
      for (const { id } of searchAll(library, { ...query, sort: 'oldest' })) {
        if (ids.length === mostCompared)
          throw new Failure('bad-input', `Near-duplicates are looked for among ${mostCompared} images at most.`);
        ids.push(id);
      }
      return { groups: await duplicateGroups(library, ids) };
    },
    tags: async () => tagCounts(library).map(({ tag, count }) => ({ tag, count })),
    readSettings: async ({ content }) =>
      (await settingsOfPicture(library, bytesOf(content))) ?? {
        program: 'unknown',
        model: null,
        settings: {},
        unmapped: [],
      },
    async take({ content }) {
      const image = await importPicture(library, bytesOf(content));
      announcer.tell({ kind: 'library', images: [image.id] });
      return image;
    },
  };
}

/** A batch that waits in the queue is not in the library yet; it is shown as what it will be. */
function waitingBatch(batch: string, queue: JobQueue): BatchSummary | null {
  const job = queue.list().jobs.find((known) => known.batch === batch);
  if (job === undefined) return null;
  const { settings, createdAt } = job;
  return { id: batch, createdAt, settings, state: 'open', cost: null, measures: [], kept: 0, rejected: 0, picked: 0 };
}

export function batchHandlers(library: Library, queue: JobQueue, announcer: Announcer): StudioHandlers['batches'] {
  return {
    async get({ batch }) {
      try {
        return batchSummary(library, batch);
      } catch (error) {
        const waiting = toFailure(error).code === 'not-found' ? waitingBatch(batch, queue) : null;
        if (waiting === null) throw error;
        return waiting;
      }
    },
    recent: async ({ limit }) => recentBatches(library, limit),
    async close({ batch }) {
      const closed = await closeBatch(library, batch);
      announcer.tell({ kind: 'library', images: [] });
      return closed;
    },
  };
}

export function collectionHandlers(library: Library, announcer: Announcer): StudioHandlers['collections'] {
  const tell = (images: readonly string[]): void => {
    announcer.tell({ kind: 'library', images: [...images] });
  };
  return {
    list: async () => listCollections(library),
    async create({ name }) {
      const made = createCollection(library, name);
      tell([]);
      return made;
    },
    async rename({ collection, name }) {
      const renamed = renameCollection(library, collection, name);
      tell([]);
      return renamed;
    },
    async remove({ collection }) {
      removeCollection(library, collection);
      tell([]);
      return {};
    },
    async add({ collection, images }) {
      await collectImages(library, images, collection);
      tell(images);
      return {};
    },
    async take({ collection, images }) {
      await uncollectImages(library, images, collection);
      tell(images);
      return {};
    },
  };
}
