import { Failure } from '../../contract/failures.ts';
import type { ModelSession, ModelSource } from './session.ts';

/** Open model sessions of the engine's process, kept between requests by source and provider. */
export class Sessions {
  readonly #open = new Map<string, Promise<ModelSession>>();

  /** The session of a model; opened on first use. `provider` null: the best that works here. */
  open(source: ModelSource, provider: string | null = null): Promise<ModelSession> {
    const name = source.kind === 'file' ? source.path : source.name;
    const key = `${provider ?? ''} ${name}`;
    const known = this.#open.get(key);
    if (known !== undefined) return known;
    throw new Failure('unsupported', `Sessions cannot be opened yet: ${name}`);
  }
}
