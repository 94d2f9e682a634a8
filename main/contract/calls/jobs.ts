import { z } from 'zod';
import { jobSchema, queueSchema } from '../jobs.ts';
import { libraryIdSchema } from '../library.ts';
import { generationSettingsSchema } from '../settings.ts';
import { request } from './call.ts';

const nothing = z.strictObject({});
const one = z.strictObject({ job: libraryIdSchema });

/** The queue: put batches in, order them, stop them. Their handlers wait for the disk themselves: an answer is the state after that. */
export const jobCalls = {
  enqueue: request(generationSettingsSchema, jobSchema),
  list: request(nothing, queueSchema),
  pause: request(nothing, queueSchema),
  resume: request(nothing, queueSchema),
  stop: request(one, queueSchema),
  retry: request(one, queueSchema),
  remove: request(one, queueSchema),
  /** Puts a waiting job before another; null puts it last. */
  move: request(z.strictObject({ job: libraryIdSchema, before: libraryIdSchema.nullable() }), queueSchema),
  /** Seconds a batch is likely to take; null before anything was made with this model on this machine. */
  estimate: request(generationSettingsSchema, z.strictObject({ seconds: z.number().min(0).nullable() })),
};
