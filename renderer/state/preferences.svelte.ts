import type { StudioClient } from '../../main/contract/calls/index.ts';
import { preferencesSchema, type Preferences } from '../../main/contract/preferences.ts';
import type { Notices } from './notices.svelte.ts';

/** The person's choices, shared by every window of the studio. */
export class PreferenceState {
  #value = $state.raw<Preferences>(preferencesSchema.parse({}));
  readonly #studio: StudioClient;
  readonly #notices: Notices;

  constructor(studio: StudioClient, notices: Notices) {
    this.#studio = studio;
    this.#notices = notices;
  }

  get value(): Preferences {
    return this.#value;
  }

  async load(): Promise<void> {
    this.#value = await this.#studio.preferences.get({});
  }

  /** What another window changed. */
  receive(preferences: Preferences): void {
    this.#value = preferences;
  }

  /** Shown at once, kept by the studio. */
  change(edit: Partial<Preferences>): void {
    this.#value = { ...this.#value, ...edit };
    this.#studio.preferences.change(edit).catch((error: unknown) => {
      this.#notices.complain(error);
    });
  }
}
