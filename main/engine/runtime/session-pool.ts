import { statSync } from 'node:fs';
import { Failure } from '../../contract/failures.ts';
import { openSession } from './open-session.ts';
import type { ModelSession, ModelSource } from './session.ts';
import { defaultRuntimeSettings } from './settings.ts';
import type { RuntimeSettings } from './settings.ts';

interface Entry {
  readonly opening: Promise<ModelSession & { release(): Promise<void> }>;
  users: number;
}

/** Sessions that nobody uses are kept open up to this many: two models of four parts. */
const mostIdle = 8;

/** All sessions of a process, shared by its requests. Those in use stay; of the idle ones the oldest are closed. */
export class SessionPool {
  readonly cost = { calls: 0, seconds: 0 };
  /** In the order of their last use. */
  readonly #entries = new Map<string, Entry>();
  readonly #settings: RuntimeSettings;

  constructor(settings: RuntimeSettings = defaultRuntimeSettings()) {
    this.#settings = settings;
  }

  /** Opens a session, or takes the one that is there, for a user that calls `leave` with the same key later. */
  take(
    source: ModelSource,
    provider: string | null,
  ): { readonly key: string; readonly session: Promise<ModelSession> } {
    const key = `${provider ?? ''}\n${keyOf(source)}`;
    const known = this.#entries.get(key);
    const entry = known ?? { opening: openSession(source, this.#settings, provider, this.cost), users: 0 };
    entry.users += 1;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    // A model that failed to open may be repaired meanwhile: the next request tries again.
    if (known === undefined) entry.opening.catch(() => this.#entries.delete(key));
    return { key, session: entry.opening };
  }

  async leave(key: string): Promise<void> {
    const left = this.#entries.get(key);
    if (left !== undefined) left.users -= 1;
    const idle = [...this.#entries].filter(([, { users }]) => users === 0);
    for (const [oldest, { opening }] of idle.slice(0, Math.max(0, idle.length - mostIdle))) {
      this.#entries.delete(oldest);
      await (await opening).release();
    }
  }

  /** Sessions that are open, in use or idle. */
  get size(): number {
    return this.#entries.size;
  }
}

function keyOf(source: ModelSource): string {
  if (source.kind === 'bytes') return `memory ${source.name}`;
  const stat = statSync(source.path, { throwIfNoEntry: false });
  if (stat === undefined) throw new Failure('not-found', `no model file at ${source.path}`, source.path);
  return `${source.path} ${stat.size} ${stat.mtimeMs}${source.kind === 'derived' ? ` ${source.name}` : ''}`;
}
