import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../contract/failures.ts';
import { isMessage } from '../engine/protocol.ts';
import type { FromEngine, ToEngine } from '../engine/protocol.ts';
import type { EventOf, InputOf, RequestKind } from '../engine/requests/index.ts';
import { forkEngine } from './engine-child.ts';
import type { EngineChild, StartEngine } from './engine-child.ts';
import { EventQueue } from './event-queue.ts';

export interface EngineProcessOptions {
  readonly start?: StartEngine;
  /** Milliseconds a soft stop may take before the process is killed. */
  readonly grace?: number;
  /** Milliseconds without any sign of life, while work is open, after which the process counts as hung. */
  readonly silenceLimit?: number;
}

/** Waits before a start, by how many engines in a row died without delivering anything. */
const backoff = [0, 0, 200, 1000, 5000] as const;

/**
 * Owns the engine's process: starts it on the first request, watches over it, kills it when it hangs or ignores a stop,
 * and starts a new one for the next request after it died. A death fails the open requests with `engine-gone`; whether
 * to ask again is the caller's decision.
 */
export class EngineProcess {
  readonly #start: StartEngine;
  readonly #grace: number;
  readonly #silenceLimit: number;
  readonly #open = new Map<number, EventQueue<unknown>>();
  #child: Promise<EngineChild> | undefined;
  #current: EngineChild | undefined;
  #nextId = 1;
  #fruitlessDeaths = 0;
  #restarts = 0;
  #lastHeard = 0;
  #rss = 0;
  #killReason: string | undefined;
  #closed = false;

  constructor(options: EngineProcessOptions = {}) {
    this.#start = options.start ?? forkEngine();
    this.#grace = options.grace ?? 20_000;
    this.#silenceLimit = options.silenceLimit ?? 180_000;
  }

  /** The process that is running now; undefined between a death and the next request. */
  get pid(): number | undefined {
    return this.#current?.pid;
  }

  /** How many times a dead process was replaced. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Resident memory of the process at its last heartbeat, in bytes. */
  get rss(): number {
    return this.#rss;
  }

  /**
   * Asks the engine and yields its events as they come. Ends when the handler returns.
   *
   * @param signal aborting it asks for a soft stop; after the grace period the process is killed
   * @throws Failure `interrupted` after a stop, `engine-gone` when the process died, else what the handler threw
   */
  async *request<Kind extends RequestKind>(
    kind: Kind,
    input: InputOf<Kind>,
    signal?: AbortSignal,
  ): AsyncGenerator<EventOf<Kind>, void, void> {
    refuseStopped(signal);
    const child = await this.#running();
    refuseStopped(signal);

    const id = this.#nextId++;
    let stopping: NodeJS.Timeout | undefined;
    const stop = (): void => {
      if (stopping !== undefined || !this.#open.has(id)) return;
      tell(child, { type: 'stop', id });
      stopping = setTimeout(() => {
        this.#kill(child, `did not stop within ${this.#grace / 1000} s`);
      }, this.#grace);
    };
    const queue = new EventQueue<unknown>(() => {
      this.#open.delete(id);
      clearTimeout(stopping);
      signal?.removeEventListener('abort', stop);
    });
    signal?.addEventListener('abort', stop);
    if (this.#open.size === 0) this.#lastHeard = performance.now();
    this.#open.set(id, queue);
    tell(child, { type: 'request', id, kind, input });
    try {
      // The table of handlers types both ends; see protocol.ts.
      yield* queue.drain() as AsyncGenerator<EventOf<Kind>, void, void>;
    } catch (error) {
      // A process killed because it ignored the stop is an interruption, not a crash.
      refuseStopped(signal);
      throw error;
    } finally {
      stop();
    }
  }

  /**
   * The last event of a request that needs nothing but its input: its answer. When the engine dies under it, it is asked once more:
   * the death may have been another request's.
   *
   * @throws as `request` does; `engine-gone` when the second engine died too
   */
  async answer<Kind extends RequestKind>(
    kind: Kind,
    input: InputOf<Kind>,
    signal?: AbortSignal,
  ): Promise<EventOf<Kind>> {
    try {
      return await this.#lastEvent(kind, input, signal);
    } catch (error) {
      if (this.#closed || !(error instanceof Failure) || error.code !== 'engine-gone') throw error;
      return this.#lastEvent(kind, input, signal);
    }
  }

  async #lastEvent<Kind extends RequestKind>(
    kind: Kind,
    input: InputOf<Kind>,
    signal: AbortSignal | undefined,
  ): Promise<EventOf<Kind>> {
    let last: EventOf<Kind> | undefined;
    for await (const event of this.request(kind, input, signal)) last = event;
    if (last !== undefined) return last;
    throw new Failure('engine-gone', 'The engine ended without an answer.');
  }

  /** Ends the process and refuses further requests; open ones fail with `engine-gone`. */
  close(): void {
    this.#closed = true;
    if (this.#current !== undefined) this.#kill(this.#current, 'was closed');
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #running(): Promise<EngineChild> {
    if (this.#closed) throw new Failure('engine-gone', 'The engine was closed.');
    this.#child ??= this.#launch();
    return this.#child;
  }

  async #launch(): Promise<EngineChild> {
    const wait = backoff[Math.min(this.#fruitlessDeaths, backoff.length - 1)] ?? 0;
    if (wait > 0) await sleep(wait);
    if (this.#closed) throw new Failure('engine-gone', 'The engine was closed.');
    const child = this.#start();
    this.#current = child;
    this.#killReason = undefined;
    const watch = this.#watchSilence(child);
    return new Promise((resolve, reject) => {
      let gone = false;
      child.onMessage((message) => {
        if (!isMessage(message)) return;
        const told = message as FromEngine;
        this.#lastHeard = performance.now();
        if (told.type === 'ready') resolve(child);
        else this.#receive(told);
      });
      child.onExit((how, lastWords) => {
        if (gone) return;
        gone = true;
        clearInterval(watch);
        const failure = this.#obituary(how, lastWords);
        this.#child = undefined;
        this.#current = undefined;
        this.#fruitlessDeaths += 1;
        this.#restarts += 1;
        reject(failure);
        for (const queue of this.#open.values()) queue.fail(failure);
      });
    });
  }

  #receive(told: FromEngine): void {
    switch (told.type) {
      case 'ready':
        break;
      case 'heartbeat':
        this.#rss = told.rss;
        break;
      case 'event':
        this.#fruitlessDeaths = 0;
        this.#open.get(told.id)?.push(told.event);
        break;
      case 'finished':
        this.#fruitlessDeaths = 0;
        this.#open.get(told.id)?.end();
        break;
      case 'failed':
        this.#open.get(told.id)?.fail(Failure.fromRecord(told.failure));
        break;
    }
  }

  /** A model call blocks the engine's thread, so silence is normal for as long as one call may last, and not longer. */
  #watchSilence(child: EngineChild): NodeJS.Timeout {
    const period = Math.max(50, this.#silenceLimit / 8);
    let lastCheck = performance.now();
    const watch = setInterval(() => {
      const now = performance.now();
      // A check that comes late means that this machine slept, not that the engine was silent.
      if (now - lastCheck > 3 * period || this.#open.size === 0) this.#lastHeard = now;
      else if (now - this.#lastHeard > this.#silenceLimit)
        this.#kill(child, `gave no sign of life for ${this.#silenceLimit / 1000} s`);
      lastCheck = now;
    }, period);
    watch.unref();
    return watch;
  }

  #kill(child: EngineChild, reason: string): void {
    this.#killReason ??= reason;
    child.kill();
  }

  #obituary(how: string, lastWords: string): Failure {
    if (this.#killReason !== undefined)
      return new Failure('engine-gone', `The engine's process ${this.#killReason} and was ended.`);
    const lastLine = lastWords.trim().split('\n').at(-1) ?? '';
    return new Failure(
      'engine-gone',
      `The engine's process ended unexpectedly (${how})${lastLine === '' ? '' : `: ${lastLine}`}.`,
    );
  }
}

function refuseStopped(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw new Failure('interrupted', 'The work was stopped.');
}

function tell(child: EngineChild, message: ToEngine): void {
  child.send(message);
}
