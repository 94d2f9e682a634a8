import type { WebSocket } from 'ws';
import type { Answerer } from '../contract/calls/handlers.ts';
import { incomingSchema, type Incoming, type Outgoing } from '../contract/calls/wire.ts';
import { Failure, failureFromZod } from '../contract/failures.ts';
import { largestOpenCalls, messagesPerSecond } from './limits.ts';

function readMessage(text: string): Incoming {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    throw new Failure('bad-input', `Expected a message in JSON, got ${text.length} characters of something else.`);
  }
  const parsed = incomingSchema.safeParse(message);
  if (!parsed.success) throw failureFromZod(parsed.error, 'message');
  return parsed.data;
}

/** The call a message belongs to, read from its first letters alone: what is over the limit is not parsed. */
function callOf(data: Buffer): number | null {
  const found = /^\{"id":(\d{1,15}),/.exec(data.subarray(0, 24).toString('latin1'))?.[1];
  return found === undefined ? null : Number(found);
}

/** Letting go of something lessens the work, so it counts towards no limit. */
const isCancel = (data: Buffer): boolean =>
  data.length < 48 && /^\{"id":\d{1,15},"cancel":true\}$/.test(data.toString('latin1'));

/**
 * Answers one window over its socket until it closes; then everything it followed is let go.
 *
 * @param allowed whether one more message of this window is let through now
 */
export function serveSocket(socket: WebSocket, answerer: Answerer, allowed: () => boolean): void {
  const open = new Map<number, AbortController>();
  const send = (message: Outgoing): void => {
    if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(message));
  };

  const follow = async (id: number, name: string, input: unknown): Promise<void> => {
    const controller = new AbortController();
    open.set(id, controller);
    for await (const signal of answerer.follow(name, input, controller.signal)) send({ id, signal });
    open.delete(id);
  };

  const take = async (message: Incoming): Promise<void> => {
    const { id } = message;
    if ('cancel' in message) {
      open.get(id)?.abort();
      open.delete(id);
      return;
    }
    if (open.size >= largestOpenCalls) {
      const failure = new Failure('busy', `More than ${largestOpenCalls} calls are open in this window.`);
      send({ id, outcome: { failure: failure.toRecord() } });
    } else if (answerer.kindOf(message.call) === 'stream') {
      if (open.has(id)) throw new Failure('bad-input', `The call ${id} is open already.`);
      await follow(id, message.call, message.input);
    } else {
      send({ id, outcome: await answerer.answer(message.call, message.input) });
    }
  };

  socket.on('message', (data, isBinary) => {
    const refuse = (failure: Failure): void => {
      send({ id: null, failure: failure.toRecord() });
    };
    // One message is one buffer: the library's default, fragments or not.
    const bytes = data as Buffer;
    if (!isCancel(bytes) && !allowed()) {
      const failure = new Failure('busy', `More than ${messagesPerSecond} messages a second came from this window.`);
      const id = callOf(bytes);
      // Whoever asked is told, so that nobody waits for an answer that never comes.
      if (id === null) refuse(failure);
      else send({ id, outcome: { failure: failure.toRecord() } });
      return;
    }
    try {
      if (isBinary) throw new Failure('bad-input', 'Expected a message as text, got bytes.');
      take(readMessage(bytes.toString('utf8'))).catch((error: unknown) => {
        refuse(error instanceof Failure ? error : new Failure('internal', String(error)));
      });
    } catch (error) {
      refuse(error instanceof Failure ? error : new Failure('internal', String(error)));
    }
  });
  socket.on('close', () => {
    for (const controller of open.values()) controller.abort();
    open.clear();
  });
  // A broken frame or a message over the limit: the library closes the socket itself.
  socket.on('error', () => {
    socket.terminate();
  });
}
