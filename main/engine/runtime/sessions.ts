import type { ModelSession, ModelSource } from './session.ts';
import { SessionPool } from './session-pool.ts';

/** The model sessions of one request: opened on first use, held until the request ends, then left to the pool. */
export class Sessions {
  readonly #pool: SessionPool;
  readonly #held = new Map<string, Promise<ModelSession>>();

  constructor(pool: SessionPool = new SessionPool()) {
    this.#pool = pool;
  }

  /**
   * The session of a model; the same for the same file, and a new one when the file has changed.
   *
   * @param provider an explicit choice; null takes the best that works here
   * @throws Failure `not-found`, `model-broken`, `unsupported`
   */
  async open(source: ModelSource, provider: string | null = null): Promise<ModelSession> {
    const { key, session } = this.#pool.take(source, provider);
    if (this.#held.has(key)) await this.#pool.leave(key);
    this.#held.set(key, session);
    return session;
  }

  /** Calls of every session of the process so far, and the seconds they took in the runtime itself. */
  get cost(): { readonly calls: number; readonly seconds: number } {
    return { ...this.#pool.cost };
  }

  /** Ends the request's hold on its sessions; idle ones stay open for the next request, up to a number. */
  async leave(): Promise<void> {
    const keys = [...this.#held.keys()];
    this.#held.clear();
    for (const key of keys) await this.#pool.leave(key);
  }
}
