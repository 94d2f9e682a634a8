import { z } from 'zod';

/** How far some work is, in steps of its own, and the seconds left: null until one can tell. */
export const workProgressSchema = z.strictObject({
  kind: z.literal('progress'),
  done: z.int().min(0),
  all: z.int().min(0),
  secondsLeft: z.number().nullable(),
});
export type WorkProgress = Readonly<z.infer<typeof workProgressSchema>>;
