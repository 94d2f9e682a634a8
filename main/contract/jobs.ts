import { z } from 'zod';
import { failureSchema } from './failures.ts';
import { imageSummarySchema, libraryIdSchema } from './library.ts';
import { batchCostSchema, measureSchema } from './measures.ts';
import { generationSettingsSchema } from './settings.ts';

/**
 * queued → running → done | failed; running → stopping → stopped. A job that was running when the application was
 * killed comes back as interrupted and is the first to run again, for the images it still lacks.
 */
export const jobStates = ['queued', 'running', 'stopping', 'interrupted', 'done', 'failed', 'stopped'] as const;

export const jobProgressSchema = z.strictObject({
  /** Images kept so far, of those asked for; candidates rejected and failed on the way. */
  kept: z.int().min(0),
  asked: z.int().min(1),
  rejected: z.int().min(0),
  failed: z.int().min(0),
  /** Sampling step within the images in flight; null between them. */
  step: z.int().min(0).nullable(),
  stepCount: z.int().min(1).nullable(),
  secondsLeft: z.number().min(0).nullable(),
});
export type JobProgress = z.infer<typeof jobProgressSchema>;

export const jobSchema = z.strictObject({
  id: libraryIdSchema,
  /** The batch its images go to; a retry adds to the same one. */
  batch: libraryIdSchema,
  settings: generationSettingsSchema,
  state: z.enum(jobStates),
  /** Place in the queue, ascending; gaps mean nothing. */
  order: z.number(),
  progress: jobProgressSchema,
  createdAt: z.string(),
  startedAt: z.string().nullable(),
  finishedAt: z.string().nullable(),
  /** Why it failed or ended with fewer images than asked. */
  failure: failureSchema.nullable(),
  /** Times it was cut off by a kill or a crash and taken up again. */
  interruptions: z.int().min(0),
});
export type Job = z.infer<typeof jobSchema>;
export type JobState = Job['state'];

export const queueSchema = z.strictObject({ paused: z.boolean(), jobs: z.array(jobSchema) });
export type Queue = z.infer<typeof queueSchema>;

/** What the queue announces to the windows. */
export const jobEventSchema = z.discriminatedUnion('kind', [
  /** Jobs came, went, moved, or the queue was paused: the whole list. */
  z.strictObject({ kind: z.literal('queue'), queue: queueSchema }),
  z.strictObject({ kind: z.literal('job'), job: jobSchema }),
  z.strictObject({
    kind: z.literal('preview'),
    job: libraryIdSchema,
    index: z.int().min(0),
    step: z.int().min(0),
    stepCount: z.int().min(1),
    mediaType: z.enum(['image/webp', 'image/jpeg', 'image/png']),
    base64: z.string(),
  }),
  /** An image is in the library. */
  z.strictObject({ kind: z.literal('image'), job: libraryIdSchema, image: imageSummarySchema }),
  /** Something not as asked that people should see: a provider's fallback, a size rounded. */
  z.strictObject({
    kind: z.literal('note'),
    job: libraryIdSchema,
    message: z.string(),
    /** The failure that the message is of, if it is one's. */
    failure: failureSchema.optional(),
  }),
  z.strictObject({
    kind: z.literal('measured'),
    job: libraryIdSchema,
    batch: libraryIdSchema,
    measures: z.array(measureSchema),
    cost: batchCostSchema,
  }),
]);
export type JobEvent = z.infer<typeof jobEventSchema>;
