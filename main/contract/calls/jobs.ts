import { z } from 'zod';
import { jobSchema, queueSchema } from '../jobs.ts';
import { libraryIdSchema } from '../library.ts';
import { generationSettingsSchema } from '../settings.ts';
import { change, request } from './call.ts';

const nothing = z.strictObject({});
const one = z.strictObject({ job: libraryIdSchema });

/** The queue: put batches in, order them, stop them. */
export const jobCalls = {
  enqueue: change(generationSettingsSchema, jobSchema),
  list: request(nothing, queueSchema),
  pause: change(nothing, queueSchema),
  resume: change(nothing, queueSchema),
  stop: change(one, queueSchema),
  retry: change(one, queueSchema),
  remove: change(one, queueSchema),
  /** Puts a waiting job before another; null puts it last. */
  move: change(z.strictObject({ job: libraryIdSchema, before: libraryIdSchema.nullable() }), queueSchema),
  /** Seconds a batch is likely to take; null before anything was made with this model on this machine. */
  estimate: request(generationSettingsSchema, z.strictObject({ seconds: z.number().min(0).nullable() })),
};
