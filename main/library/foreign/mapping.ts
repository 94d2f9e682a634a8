import { generationSettingsSchema } from '../../contract/settings.ts';
import type { ForeignSettings, PartialSettings } from '../../contract/library.ts';
import { note } from '../../contract/notes.ts';

type Field = keyof PartialSettings;

/** Collects what a foreign file says: fields that our settings accept, and one line about each that they do not. */
export class Mapping {
  readonly #program: ForeignSettings['program'];
  readonly #settings: Record<string, unknown> = {};
  #model: string | null = null;
  readonly #unmapped: { field: string; value: string; reason: string }[] = [];

  constructor(program: ForeignSettings['program']) {
    this.#program = program;
  }

  /** Takes `value` for one of our settings, if the setting's own schema accepts it; else it is listed. */
  take(field: Field, value: unknown, foreignField: string): void {
    const parsed = generationSettingsSchema.shape[field].safeParse(value);
    if (value !== undefined && parsed.success) this.#settings[field] = parsed.data;
    else this.leave(foreignField, value, note('leftValue', { field }));
  }

  /** Lists a field that has no place in our settings. */
  leave(field: string, value: unknown, reason: string): void {
    const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
    this.#unmapped.push({ field, value: text.length > 200 ? `${text.slice(0, 199)}…` : text, reason });
  }

  /** The model's name over there: shown, not taken, since models here have ids of their own. The first one counts. */
  model(name: string | null, foreignField: string): void {
    if (name === null) return;
    this.#model ??= name;
    this.leave(foreignField, name, note('leftModel'));
  }

  result(): ForeignSettings {
    // Each value came out of its own field's schema in `take`.
    return {
      program: this.#program,
      model: this.#model,
      settings: this.#settings as PartialSettings,
      unmapped: this.#unmapped,
    };
  }
}
