import type { Transport } from '../../main/contract/calls/client.ts';
import type { Incoming, Outcome, Outgoing, Signal } from '../../main/contract/calls/wire.ts';
import type { FailureRecord } from '../../main/contract/failures.ts';

const lost: FailureRecord = { code: 'interrupted', message: 'The connection to the studio was lost.' };
const longestWait = 5000;

interface OpenStream {
  readonly call: string;
  readonly input: unknown;
  readonly listener: (signal: Signal) => void;
}

/**
 * Calls over one WebSocket. When it breaks, open requests fail, and it is opened again; what was followed is followed again
 * from its beginning, so that the page comes back to the studio's present state by itself.
 */
export function socketTransport(address: string, onDrop: (isConnected: boolean) => void): Transport {
  const requests = new Map<number, (outcome: Outcome) => void>();
  const streams = new Map<number, OpenStream>();
  let waiting: Incoming[] = [];
  let nextId = 1;
  let wait = 250;
  let socket: WebSocket;

  const send = (message: Incoming): void => {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
    else if (!('call' in message && streams.has(message.id))) waiting.push(message);
  };

  const receive = (message: Outgoing): void => {
    if (message.id === null) {
      console.error(message.failure.message);
    } else if ('outcome' in message) {
      requests.get(message.id)?.(message.outcome);
      requests.delete(message.id);
      // A stream that was refused before it began.
      if ('failure' in message.outcome) {
        const stream = streams.get(message.id);
        streams.delete(message.id);
        stream?.listener(message.outcome);
      }
    } else if ('signal' in message) {
      const stream = streams.get(message.id);
      if (!('event' in message.signal)) streams.delete(message.id);
      stream?.listener(message.signal);
    }
  };

  const open = (): void => {
    socket = new WebSocket(address);
    socket.addEventListener('open', () => {
      wait = 250;
      onDrop(true);
      for (const [id, { call, input }] of streams) send({ id, call, input });
      for (const message of waiting) send(message);
      waiting = [];
    });
    // The host checks every message against the contract before it sends it.
    socket.addEventListener('message', ({ data }) => {
      receive(JSON.parse(String(data)) as Outgoing);
    });
    socket.addEventListener('close', () => {
      onDrop(false);
      for (const settle of requests.values()) settle({ failure: lost });
      requests.clear();
      waiting = [];
      setTimeout(open, wait);
      wait = Math.min(longestWait, wait * 2);
    });
  };
  open();

  return {
    request: (call, input) =>
      new Promise((resolve) => {
        const id = nextId++;
        requests.set(id, resolve);
        send({ id, call, input });
      }),
    open(call, input, listener) {
      const id = nextId++;
      streams.set(id, { call, input, listener });
      send({ id, call, input });
      return () => {
        if (!streams.delete(id)) return;
        send({ id, cancel: true });
      };
    },
  };
}
