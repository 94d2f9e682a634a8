import { z } from 'zod';
import { batchCostSchema, measureSchema } from './measures.ts';
import { imageRecordSchema, imageScoresSchema } from './images.ts';
import { generationSettingsSchema, samplerNames, type GenerationSettings } from './settings.ts';

/** Ids become file and folder names, so they are plain: no separators, no dots, no surprises on any file system. */
export const libraryIdSchema = z.string().regex(/^[a-z0-9][a-z0-9-]{0,79}$/, 'expected an id of a–z, 0–9 and hyphens');

export const flagSchema = z.enum(['pick', 'reject', 'none']);
export type Flag = z.infer<typeof flagSchema>;

/** Stars; 0 means not rated. */
export const ratingSchema = z.int().min(0).max(5);

/** A tag as people type it: one line, trimmed, short. */
export const tagSchema = z
  .string()
  .trim()
  .min(1)
  .max(64)
  .refine((tag) => [...tag].every((letter) => letter >= ' ' && letter !== '\u007f'), 'expected a tag of one line');

export const collectionNameSchema = tagSchema;

/** Settings with everything optional and no default filled in: what a preset fixes, what a foreign file told. */
export type PartialSettings = Partial<GenerationSettings>;
export const partialSettingsSchema = z.strictObject(
  Object.fromEntries(
    Object.entries(generationSettingsSchema.shape).map(([name, schema]) => [
      name,
      (schema instanceof z.ZodDefault ? (schema.unwrap() as z.ZodType) : schema).exactOptional(),
    ]),
  ),
) as unknown as z.ZodType<PartialSettings>;

/** Where an image came from: made here, or read from a file of this or another program. */
export const originSchema = z.enum(['generated', 'imported']);

/** One image as a grid shows it. */
export const imageSummarySchema = z.strictObject({
  id: libraryIdSchema,
  batch: libraryIdSchema,
  /** Position within the batch. */
  index: z.int().min(0),
  origin: originSchema,
  createdAt: z.string(),
  width: z.int().positive(),
  height: z.int().positive(),
  prompt: z.string(),
  /** Empty where a foreign file did not say. */
  model: z.string(),
  seed: z.int().min(0).nullable(),
  /** Whether reweighting kept or rejected it; rejected candidates can be rescued while the batch is open. */
  candidate: z.enum(['kept', 'rejected']),
  flag: flagSchema,
  rating: ratingSchema,
  tags: z.array(z.string()),
  scores: imageScoresSchema,
  deleted: z.boolean(),
});
export type ImageSummary = z.infer<typeof imageSummarySchema>;

/** Settings read from another program's file, as far as they map, and what did not. */
export const foreignSettingsSchema = z.strictObject({
  program: z.enum(['gamut', 'a1111', 'comfyui', 'invokeai', 'unknown']),
  /** The model's name over there; models here have ids of their own. */
  model: z.string().nullable(),
  settings: partialSettingsSchema,
  /** One line each: the field as the other program spells it, its value, and why it was left out. */
  unmapped: z.array(z.strictObject({ field: z.string(), value: z.string(), reason: z.string() })),
});
export type ForeignSettings = z.infer<typeof foreignSettingsSchema>;

/** Everything known about one image. */
export const imageDetailSchema = z.strictObject({
  summary: imageSummarySchema,
  /** The record in the file; null where the image was imported without one. */
  record: imageRecordSchema.nullable(),
  foreign: foreignSettingsSchema.nullable(),
  /** Ids of the collections it is in. */
  collections: z.array(libraryIdSchema),
  fileName: z.string(),
  fileBytes: z.int().min(0),
});
export type ImageDetail = z.infer<typeof imageDetailSchema>;

/** One batch: what was asked, what it cost, what was measured. */
export const batchSummarySchema = z.strictObject({
  id: libraryIdSchema,
  createdAt: z.string(),
  /** null for a batch of imported files. */
  settings: generationSettingsSchema.nullable(),
  state: z.enum(['open', 'closed']),
  cost: batchCostSchema.nullable(),
  measures: z.array(measureSchema),
  kept: z.int().min(0),
  rejected: z.int().min(0),
  picked: z.int().min(0),
});
export type BatchSummary = z.infer<typeof batchSummarySchema>;

export const collectionSchema = z.strictObject({
  id: libraryIdSchema,
  name: collectionNameSchema,
  createdAt: z.string(),
  count: z.int().min(0),
});
export type Collection = z.infer<typeof collectionSchema>;

const rangeSchema = z.strictObject({ low: z.number().nullable(), high: z.number().nullable() });

/** typical and unusual order by density percentile; images without the figure come last in every order. */
export const librarySorts = ['newest', 'oldest', 'rating', 'typical', 'unusual', 'text-match'] as const;
export type LibrarySort = (typeof librarySorts)[number];

/** similar orders by likeness to `similarTo`, alike puts near-duplicates together; both are judged when asked. */
export const likenessSorts = ['similar', 'alike'] as const;

/** Beyond this many images, comparing each with each takes too long to wait for. */
export const mostCompared = 5000;

/** What of the library to show, and in which order. Every part narrows; an empty list or null does not. */
export const libraryQuerySchema = z.strictObject({
  /** Words of prompt, tags and model; all must occur, the last may be unfinished. `-word` excludes. */
  words: z.string().max(1000).default(''),
  batch: libraryIdSchema.nullable().default(null),
  collection: libraryIdSchema.nullable().default(null),
  tags: z.array(tagSchema).max(50).default([]),
  flags: z.array(flagSchema).max(3).default([]),
  rating: rangeSchema.nullable().default(null),
  models: z.array(z.string()).max(50).default([]),
  samplers: z.array(z.enum(samplerNames)).max(50).default([]),
  seed: z.int().min(0).nullable().default(null),
  guidanceScale: rangeSchema.nullable().default(null),
  dial: rangeSchema.nullable().default(null),
  stepCount: rangeSchema.nullable().default(null),
  densityPercentile: rangeSchema.nullable().default(null),
  /** ISO 8601 moments. */
  createdFrom: z.string().nullable().default(null),
  createdTo: z.string().nullable().default(null),
  candidates: z.enum(['kept', 'rejected', 'all']).default('kept'),
  /** true shows the trash instead. */
  deleted: z.boolean().default(false),
  sort: z.enum([...librarySorts, ...likenessSorts]).default('newest'),
  /** The image that `similar` starts from. */
  similarTo: libraryIdSchema.nullable().default(null),
});
export type LibraryQuery = z.infer<typeof libraryQuerySchema>;
export type LibraryQueryInput = z.input<typeof libraryQuerySchema>;

/** Largest page that is answered at once. */
export const largestPage = 1000;

export const pageRequestSchema = z.strictObject({
  query: libraryQuerySchema.prefault({}),
  limit: z.int().min(1).max(largestPage).default(200),
  /** `next` of the page before; null starts at the top. */
  cursor: z.string().max(500).nullable().default(null),
  /** Images to skip from the cursor: how a virtual grid jumps to a place. */
  offset: z.int().min(0).default(0),
});
export type PageRequest = z.infer<typeof pageRequestSchema>;
export type PageRequestInput = z.input<typeof pageRequestSchema>;

export const pageSchema = z.strictObject({
  images: z.array(imageSummarySchema),
  /** How many images the query matches altogether. */
  total: z.int().min(0),
  /** Pass back as `cursor` for the page after; null at the end. */
  next: z.string().nullable(),
});
export type Page = z.infer<typeof pageSchema>;

/** What the last undone or undoable action was, in a form that a window can name. */
export const undoEntrySchema = z.strictObject({
  verb: z.enum(['flag', 'rate', 'tag', 'untag', 'collect', 'uncollect', 'delete', 'restore', 'rescue']),
  images: z.array(libraryIdSchema),
  at: z.string(),
});
export type UndoEntry = z.infer<typeof undoEntrySchema>;

/** Images that look alike, nearest first; groups of two or more. */
export const duplicateGroupSchema = z.strictObject({ images: z.array(libraryIdSchema).min(2) });
export type DuplicateGroup = z.infer<typeof duplicateGroupSchema>;

/** What a name template may name, each in braces. */
export const namePlaceholders = [
  'prompt',
  'seed',
  'index',
  'number',
  'date',
  'model',
  'rating',
  'flag',
  'batch',
] as const;

export const exportRequestSchema = z.strictObject({
  images: z.array(libraryIdSchema).min(1).max(100_000),
  to: z.enum(['folder', 'zip']).default('folder'),
  format: z.enum(['png', 'jpeg', 'webp']).default('png'),
  /** 1–100, JPEG and WebP only. */
  quality: z.int().min(1).max(100).default(92),
  /** Without extension; `namePlaceholders` in braces stand for what they name. */
  nameTemplate: z.string().min(1).max(300).default('{prompt} {seed}-{index}'),
  contactSheet: z
    .strictObject({
      png: z.boolean().default(true),
      pdf: z.boolean().default(false),
      theme: z.enum(['dark', 'light']).default('light'),
      title: z.string().max(200).default(''),
    })
    .prefault({}),
  manifest: z.boolean().default(true),
});
export type ExportRequest = z.infer<typeof exportRequestSchema>;
export type ExportRequestInput = z.input<typeof exportRequestSchema>;

export const exportEventSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('progress'), done: z.int().min(0), total: z.int().min(0), file: z.string() }),
  z.strictObject({ kind: z.literal('done'), path: z.string(), files: z.array(z.string()), bytes: z.int().min(0) }),
]);
export type ExportEvent = z.infer<typeof exportEventSchema>;

export const importEventSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('imported'), image: imageSummarySchema, file: z.string() }),
  /** The same pixels are in the library already. */
  z.strictObject({ kind: z.literal('known'), image: libraryIdSchema, file: z.string() }),
  z.strictObject({ kind: z.literal('refused'), file: z.string(), reason: z.string() }),
  z.strictObject({ kind: z.literal('done'), imported: z.int().min(0), known: z.int().min(0), refused: z.int().min(0) }),
]);
export type ImportEvent = z.infer<typeof importEventSchema>;

/** What `library verify` found, and with `--repair` mended. */
export const verifyReportSchema = z.strictObject({
  images: z.int().min(0),
  /** Rows whose file is gone, files without a row, files that cannot be read. */
  missingFiles: z.array(z.string()),
  missingRows: z.array(z.string()),
  brokenFiles: z.array(z.strictObject({ file: z.string(), reason: z.string() })),
  /** Complaints of SQLite's own integrity check. */
  databaseComplaints: z.array(z.string()),
  repaired: z.boolean(),
  whole: z.boolean(),
});
export type VerifyReport = z.infer<typeof verifyReportSchema>;
