import { contextBridge, ipcRenderer } from 'electron';
import { callsByName } from '../contract/calls/index.ts';
import type { Outcome, Signal } from '../contract/calls/wire.ts';
import { channelOf, letGoChannel, signalChannel } from './channels.ts';

/**
 * Gives the page one function for every call of the registry, and nothing else: no general send, no event objects, no
 * Electron. A followed call returns a function that lets go of it.
 */
let nextId = 1;
const listeners = new Map<number, (signal: Signal) => void>();

ipcRenderer.on(signalChannel, (_event, id: number, signal: Signal) => {
  const listener = listeners.get(id);
  if (!('event' in signal)) listeners.delete(id);
  listener?.(signal);
});

const requestThrough =
  (name: string) =>
  (input: unknown): Promise<Outcome> =>
    ipcRenderer.invoke(channelOf(name), input) as Promise<Outcome>;

const streamThrough =
  (name: string) =>
  (input: unknown, listener: (signal: Signal) => void): (() => void) => {
    const id = nextId++;
    listeners.set(id, listener);
    ipcRenderer.send(channelOf(name), id, input);
    return () => {
      if (listeners.delete(id)) ipcRenderer.send(letGoChannel, id);
    };
  };

contextBridge.exposeInMainWorld(
  'gamut',
  Object.fromEntries(
    [...callsByName].map(([name, call]) => [name, (call.kind === 'request' ? requestThrough : streamThrough)(name)]),
  ),
);
