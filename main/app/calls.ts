import { ipcMain, type WebContents } from 'electron';
import { answererOf, type Answerer } from '../contract/calls/handlers.ts';
import { calls, callsByName, type StudioHandlers } from '../contract/calls/index.ts';
import type { Outcome } from '../contract/calls/wire.ts';
import { Failure } from '../contract/failures.ts';
import { channelOf, letGoChannel, signalChannel } from './channels.ts';
import { isOurPage } from './sender.ts';

const largestOpenCalls = 256;

const denied: Outcome = {
  failure: new Failure('denied', 'Calls are answered only to the application’s own page.').toRecord(),
};

/** What each window follows, so that a reload or a close lets go of it. */
class OpenStreams {
  readonly #open = new Map<number, Map<number, AbortController>>();

  async follow(contents: WebContents, id: number, events: (signal: AbortSignal) => ReturnType<Answerer['follow']>) {
    const ofWindow = this.#of(contents);
    const send = (signal: unknown): void => {
      if (!contents.isDestroyed()) contents.send(signalChannel, id, signal);
    };
    if (ofWindow.has(id) || ofWindow.size >= largestOpenCalls) {
      send({ failure: new Failure('busy', `The call ${id} is open already, or too many are.`).toRecord() });
      return;
    }
    const controller = new AbortController();
    ofWindow.set(id, controller);
    for await (const signal of events(controller.signal)) if (!controller.signal.aborted) send(signal);
    if (ofWindow.get(id) === controller) ofWindow.delete(id);
  }

  letGo(contents: WebContents, id: number): void {
    this.#open.get(contents.id)?.get(id)?.abort();
    this.#open.get(contents.id)?.delete(id);
  }

  #of(contents: WebContents): Map<number, AbortController> {
    const known = this.#open.get(contents.id);
    if (known !== undefined) return known;
    const streams = new Map<number, AbortController>();
    const { id } = contents;
    const letGoOfAll = (): void => {
      for (const controller of streams.values()) controller.abort();
      streams.clear();
    };
    contents.on('did-start-navigation', (details) => {
      if (details.isMainFrame && !details.isSameDocument) letGoOfAll();
    });
    contents.on('render-process-gone', letGoOfAll);
    contents.once('destroyed', () => {
      letGoOfAll();
      this.#open.delete(id);
    });
    this.#open.set(id, streams);
    return streams;
  }
}

/** Answers every call of the registry on its own channel: sender first, then the schema, then the studio. */
export function answerCalls(handlers: StudioHandlers): void {
  const answerer = answererOf(calls, handlers);
  const streams = new OpenStreams();
  for (const [name, call] of callsByName) {
    if (call.kind === 'request') {
      ipcMain.handle(channelOf(name), (event, input: unknown) =>
        isOurPage(event) ? answerer.answer(name, input) : denied,
      );
    } else {
      ipcMain.on(channelOf(name), (event, id: unknown, input: unknown) => {
        if (!isOurPage(event) || !Number.isSafeInteger(id)) return;
        void streams.follow(event.sender, Number(id), (signal) => answerer.follow(name, input, signal));
      });
    }
  }
  ipcMain.on(letGoChannel, (event, id: unknown) => {
    if (isOurPage(event) && Number.isSafeInteger(id)) streams.letGo(event.sender, Number(id));
  });
}
