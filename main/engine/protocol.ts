import type { FailureRecord } from '../contract/failures.ts';
import type { Verdicts } from './generation/verdicts.ts';
import type { Sessions } from './runtime/sessions.ts';

/**
 * What main and the engine's process say to each other. The same messages travel over `child_process.fork` (with
 * `serialization: 'advanced'`, so typed arrays stay typed arrays) and over Electron's `utilityProcess`.
 *
 * Adding a request: write `main/engine/requests/<kind>.ts` exporting one `Handler<Input, Event>` (an async generator that
 * calls `context.signal.throwIfAborted()` between model calls), and add one line to the table in `requests/index.ts`.
 * `EngineProcess.request('<kind>', input, signal)` is then typed by that table; nothing else changes.
 */
export type ToEngine =
  | { readonly type: 'request'; readonly id: number; readonly kind: string; readonly input: unknown }
  /** A soft stop: the handler's signal aborts, it ends before its next model call. */
  | { readonly type: 'stop'; readonly id: number };

export type FromEngine =
  | { readonly type: 'ready' }
  /** A sign of life about once a second, when no model call blocks the process's thread. `rss` in bytes. */
  | { readonly type: 'heartbeat'; readonly rss: number }
  | { readonly type: 'event'; readonly id: number; readonly event: unknown }
  | { readonly type: 'finished'; readonly id: number }
  | { readonly type: 'failed'; readonly id: number; readonly failure: FailureRecord };

/** What a handler may use. The engine's numbers get their clock and their sessions from here, never by import. */
export interface EngineContext {
  /** Aborted by a stop. */
  readonly signal: AbortSignal;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Model sessions; those that stay open between requests are shared. */
  readonly sessions: Sessions;
  /** Where a generation waits for answers; absent where nobody gives any. */
  readonly verdicts?: Verdicts;
}

/** Answers one kind of request: events up, a return ends it, a thrown `Failure` fails it. */
export type Handler<Input, Event> = (input: Input, context: EngineContext) => AsyncGenerator<Event, void, void>;

/** Milliseconds between two heartbeats. */
export const heartbeatInterval = 1000;

/** Narrows what came over the wire; anything else is not ours. */
export function isMessage(value: unknown): value is { readonly type: string } {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}
