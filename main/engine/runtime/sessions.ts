import { statSync } from 'node:fs';
import { Failure } from '../../contract/failures.ts';
import { openSession } from './open-session.ts';
import type { ModelSession, ModelSource } from './session.ts';
import { defaultRuntimeSettings } from './settings.ts';
import type { RuntimeSettings } from './settings.ts';

type Released = ModelSession & { release(): Promise<void> };

/** Open model sessions of the engine's process, kept between requests by source and provider. */
export class Sessions {
  readonly #open = new Map<string, Promise<Released>>();
  readonly #settings: RuntimeSettings;
  readonly #cost = { calls: 0, seconds: 0 };

  constructor(settings: RuntimeSettings = defaultRuntimeSettings()) {
    this.#settings = settings;
  }

  /**
   * The session of a model; opened on first use, again when its file has changed.
   *
   * @param provider an explicit choice; null takes the best that works here
   * @throws Failure `not-found`, `model-broken`, `unsupported`
   */
  open(source: ModelSource, provider: string | null = null): Promise<ModelSession> {
    const key = `${provider ?? ''}\n${keyOf(source)}`;
    const known = this.#open.get(key);
    if (known !== undefined) return known;
    const opening = openSession(source, this.#settings, provider, this.#cost);
    this.#open.set(key, opening);
    // A model that failed to open may be repaired meanwhile: the next request tries again.
    opening.catch(() => this.#open.delete(key));
    return opening;
  }

  /** Calls of every session so far, and the seconds they took in the runtime itself. */
  get cost(): { readonly calls: number; readonly seconds: number } {
    return { ...this.#cost };
  }

  /** Closes every session whose source is not among `kept`; frees their memory. */
  async releaseOthers(kept: readonly ModelSource[]): Promise<void> {
    const keys = new Set(kept.map(keyOf));
    for (const [key, opening] of this.#open) {
      if (keys.has(key.slice(key.indexOf('\n') + 1))) continue;
      this.#open.delete(key);
      await (await opening).release();
    }
  }
}

function keyOf(source: ModelSource): string {
  if (source.kind === 'bytes') return `memory ${source.name}`;
  const stat = statSync(source.path, { throwIfNoEntry: false });
  if (stat === undefined) throw new Failure('not-found', `no model file at ${source.path}`, source.path);
  return `${source.path} ${stat.size} ${stat.mtimeMs}`;
}
