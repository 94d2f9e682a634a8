import { constants, getPriority, setPriority } from 'node:os';
import { Failure, toFailure } from '../contract/failures.ts';
import { heartbeatInterval, isMessage } from './protocol.ts';
import type { EngineContext, FromEngine, Handler, ToEngine } from './protocol.ts';
import { Verdicts } from './generation/verdicts.ts';
import { handlers } from './requests/index.ts';
import { SessionPool } from './runtime/session-pool.ts';
import { Sessions } from './runtime/sessions.ts';

/**
 * The engine's process: requests in, events out (see `protocol.ts`). It runs under `child_process.fork` and under
 * Electron's `utilityProcess`, told apart by `process.parentPort`, which only the latter has.
 */
interface ParentPort {
  postMessage(message: unknown): void;
  on(event: 'message', listener: (message: { data: unknown }) => void): void;
}

// Threads made from here on inherit it: the window and its owner come first, however busy a batch keeps every processor.
// Linux weighs processes within one application or session, so the lowest priority yields to our own window alone (a key's
// frame comes in a third of the time, measured); elsewhere the lowest would yield to every program on the machine.
// Whoever was started lower still stays there: raising is not everybody's to do.
const { PRIORITY_BELOW_NORMAL, PRIORITY_LOW } = constants.priority;
const below = process.platform === 'linux' ? PRIORITY_LOW : PRIORITY_BELOW_NORMAL;
if (getPriority() < below) setPriority(below);

const parentPort = (process as { parentPort?: ParentPort }).parentPort;
const running = new Map<number, AbortController>();
const pool = new SessionPool();
const verdicts = new Verdicts();

function send(message: FromEngine): void {
  if (parentPort !== undefined) parentPort.postMessage(message);
  // A parent that has gone away is noticed by 'disconnect' below; nobody is left to tell.
  else if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}

async function answer(id: number, kind: string, input: unknown): Promise<void> {
  const controller = new AbortController();
  running.set(id, controller);
  const sessions = new Sessions(pool);
  try {
    if (!Object.hasOwn(handlers, kind)) throw new Failure('internal', `The engine knows no request "${kind}".`);
    // The table and `EngineProcess.request` share their types; on this side of the wire the pairing is by name.
    const handler = handlers[kind as keyof typeof handlers] as Handler<unknown, unknown>;
    const context: EngineContext = { signal: controller.signal, now: () => performance.now(), sessions, verdicts };
    for await (const event of handler(input, context)) send({ type: 'event', id, event });
    send({ type: 'finished', id });
  } catch (error) {
    const failure = controller.signal.aborted ? new Failure('interrupted', 'The work was stopped.') : toFailure(error);
    if (failure.code === 'internal' && error instanceof Error) process.stderr.write(`${error.stack}\n`);
    send({ type: 'failed', id, failure: failure.toRecord() });
  } finally {
    running.delete(id);
    await sessions.leave();
  }
}

function receive(message: unknown): void {
  if (!isMessage(message)) return;
  const told = message as ToEngine;
  switch (told.type) {
    case 'request':
      void answer(told.id, told.kind, told.input);
      break;
    case 'stop':
      running.get(told.id)?.abort();
      break;
  }
}

if (parentPort !== undefined) {
  parentPort.on('message', (message) => {
    receive(message.data);
  });
} else {
  process.on('message', receive);
  process.on('disconnect', () => process.exit(0));
  // Ctrl-C in a terminal reaches the whole process group; main decides what it means for us.
  process.on('SIGINT', () => undefined);
}

setInterval(() => {
  send({ type: 'heartbeat', rss: process.memoryUsage.rss() });
}, heartbeatInterval);
send({ type: 'ready' });
