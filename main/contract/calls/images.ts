import { z } from 'zod';
import {
  batchSummarySchema,
  collectionNameSchema,
  collectionSchema,
  duplicateGroupSchema,
  exportEventSchema,
  exportRequestSchema,
  flagSchema,
  foreignSettingsSchema,
  imageDetailSchema,
  imageSummarySchema,
  libraryIdSchema,
  libraryQuerySchema,
  pageRequestSchema,
  pageSchema,
  ratingSchema,
  tagSchema,
  undoEntrySchema,
} from '../library.ts';
import { change, request, stream } from './call.ts';

const nothing = z.strictObject({});
const done = z.strictObject({});
const imageIds = z.array(libraryIdSchema).min(1).max(100_000);

/** Bytes of a dropped file in base64: 32 MiB at most. */
const fileContent = z.base64().max(Math.ceil((32 * 2 ** 20 * 4) / 3));
const droppedFile = z.strictObject({ name: z.string().max(255), content: fileContent });

/** The library's images: find, judge, undo. */
export const imageCalls = {
  page: request(pageRequestSchema, pageSchema),
  detail: request(z.strictObject({ image: libraryIdSchema }), imageDetailSchema),
  flag: change(z.strictObject({ images: imageIds, flag: flagSchema }), done),
  rate: change(z.strictObject({ images: imageIds, rating: ratingSchema }), done),
  tag: change(z.strictObject({ images: imageIds, tag: tagSchema }), done),
  untag: change(z.strictObject({ images: imageIds, tag: tagSchema }), done),
  /** Keeps candidates that reweighting had rejected. */
  rescue: change(z.strictObject({ images: imageIds }), done),
  trash: change(z.strictObject({ images: imageIds }), done),
  restore: change(z.strictObject({ images: imageIds }), done),
  /**
   * Takes images out of the library's trash for good: into the system's trash where the host has one. Few at a time, so
   * that the window can say how far it is.
   */
  discard: change(z.strictObject({ images: z.array(libraryIdSchema).min(1).max(100) }), done),
  /** Takes back the last change; null when there is none. */
  undo: change(nothing, undoEntrySchema.nullable()),
  redo: change(nothing, undoEntrySchema.nullable()),
  duplicates: request(
    z.strictObject({ query: libraryQuerySchema }),
    z.strictObject({ groups: z.array(duplicateGroupSchema) }),
  ),
  tags: request(nothing, z.array(z.strictObject({ tag: z.string(), count: z.int().min(0) }))),
  /** Reads the settings out of a dropped file; the file itself is not kept. */
  readSettings: request(droppedFile, foreignSettingsSchema),
  /** Takes a dropped picture into the library. */
  take: change(droppedFile, imageSummarySchema),
};

/** Batches: what was asked for together, and measured together. */
export const batchCalls = {
  get: request(z.strictObject({ batch: libraryIdSchema }), batchSummarySchema),
  recent: request(z.strictObject({ limit: z.int().min(1).max(100) }), z.array(batchSummarySchema)),
  /** Ends the culling: candidates that were rejected and not rescued are let go. */
  close: change(z.strictObject({ batch: libraryIdSchema }), batchSummarySchema),
};

const membership = z.strictObject({ collection: libraryIdSchema, images: imageIds });

/** Named groups of images. */
export const collectionCalls = {
  list: request(nothing, z.array(collectionSchema)),
  create: change(z.strictObject({ name: collectionNameSchema }), collectionSchema),
  rename: change(z.strictObject({ collection: libraryIdSchema, name: collectionNameSchema }), collectionSchema),
  remove: change(z.strictObject({ collection: libraryIdSchema }), done),
  add: change(membership, done),
  take: change(membership, done),
};

/** Pictures out of the library, as files. */
export const exportCalls = {
  /**
   * Writes the files into the place that `host.choosePlace` gave; null takes the studio's own folder for exports. A
   * window never names a path.
   */
  run: stream(
    z.strictObject({ request: exportRequestSchema, place: z.string().max(100).nullable() }),
    z.union([exportEventSchema, z.strictObject({ kind: z.literal('download'), address: z.string() })]),
  ),
};
