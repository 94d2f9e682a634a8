import { clientOf, type Transport } from '../../main/contract/calls/client.ts';
import { calls, type StudioClient } from '../../main/contract/calls/index.ts';
import type { Outcome, Signal } from '../../main/contract/calls/wire.ts';
import { socketTransport } from './socket-transport.ts';

type Bridge = Readonly<
  Record<
    string,
    ((input: unknown) => Promise<Outcome>) & ((input: unknown, listener: (signal: Signal) => void) => () => void)
  >
>;

declare global {
  interface Window {
    /** What the preload of the desktop window gives; absent in a browser. */
    readonly gamut?: Bridge;
  }
}

function bridgeTransport(bridge: Bridge): Transport {
  const missing: Outcome = {
    failure: { code: 'bad-input', message: 'The window and its host are of different versions.' },
  };
  return {
    request: async (name, input) => (await bridge[name]?.(input)) ?? missing,
    open: (name, input, listener) => bridge[name]?.(input, listener) ?? (() => undefined),
  };
}

export interface Connection {
  readonly studio: StudioClient;
  readonly pictureAddress: (id: string, size: 'full' | 'thumbnail') => string;
}

/**
 * Joins the page to its host: through the preload's functions in the desktop window, through a socket in a browser.
 *
 * @param onDrop called when the connection is lost and when it is back; the desktop window never loses it
 */
export function connect(onDrop: (isConnected: boolean) => void): Connection {
  const bridge = window.gamut;
  if (bridge !== undefined)
    return {
      studio: clientOf(calls, bridgeTransport(bridge)),
      pictureAddress: (id, size) => `image://${size}/${id}`,
    };
  const address = `${location.origin.replace(/^http/, 'ws')}/calls`;
  return {
    studio: clientOf(calls, socketTransport(address, onDrop)),
    pictureAddress: (id, size) => `/image/${size}/${id}`,
  };
}
