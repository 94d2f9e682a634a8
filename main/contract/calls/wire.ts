import { z } from 'zod';
import { failureSchema } from '../failures.ts';

/** How a request ends, as data: across the boundary nothing is thrown. */
export const outcomeSchema = z.union([
  z.strictObject({ value: z.unknown() }),
  z.strictObject({ failure: failureSchema }),
]);
export type Outcome = z.infer<typeof outcomeSchema>;

/** What a followed call tells its follower. */
export const signalSchema = z.union([
  z.strictObject({ event: z.unknown() }),
  z.strictObject({ end: z.literal(true) }),
  z.strictObject({ failure: failureSchema }),
]);
export type Signal = z.infer<typeof signalSchema>;

const number = z.int().min(0).max(Number.MAX_SAFE_INTEGER);

/** From the window, over a socket: ask or follow by name, or let go of what was asked. */
export const incomingSchema = z.union([
  z.strictObject({ id: number, call: z.string().max(100), input: z.unknown() }),
  z.strictObject({ id: number, cancel: z.literal(true) }),
]);
export type Incoming = z.infer<typeof incomingSchema>;

/** To the window, over a socket. */
export const outgoingSchema = z.union([
  z.strictObject({ id: number, outcome: outcomeSchema }),
  z.strictObject({ id: number, signal: signalSchema }),
  /** The message itself could not be read; no call is known that it belongs to. */
  z.strictObject({ id: z.null(), failure: failureSchema }),
]);
export type Outgoing = z.infer<typeof outgoingSchema>;
