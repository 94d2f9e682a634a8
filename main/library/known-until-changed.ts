import type { Library } from './library.ts';

/** The state of a library's tables: changes with every write, of this connection or of another process. */
export function stateOf({ database }: Library): string {
  const own = database.get('SELECT total_changes() AS changes')?.['changes'];
  const others = database.get('PRAGMA data_version')?.['data_version'];
  return `${String(own)} ${String(others)}`;
}

/** Answers that hold until something in the library changes; made anew after that. */
export class KnownUntilChanged<Value> {
  readonly #answers = new WeakMap<Library, { readonly state: string; readonly byKey: Map<string, Value> }>();

  get(library: Library, key: string, make: () => Value): Value {
    const state = stateOf(library);
    let known = this.#answers.get(library);
    if (known?.state !== state) {
      known = { state, byKey: new Map() };
      this.#answers.set(library, known);
    }
    let value = known.byKey.get(key);
    if (value === undefined) {
      value = make();
      known.byKey.set(key, value);
    }
    return value;
  }
}
