import type { StudioClient } from '../../main/contract/calls/index.ts';
import { preferencesSchema, type KeptPreferences, type Preferences } from '../../main/contract/preferences.ts';
import type { Notices } from './notices.svelte.ts';

/** Milliseconds between two changes that are sent: a slider changes more often than that. */
const rest = 50;

/** The person's choices, shared by every window of the studio. */
export class PreferenceState {
  #value = $state.raw<Preferences>(preferencesSchema.parse({}));
  /** Own changes that the studio has not confirmed: an older echo must not take them back. */
  #sent: Partial<Preferences> = {};
  #unsent: Partial<Preferences> = {};
  #isSending = false;
  #revision = 0;
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
    this.receive(await this.#studio.preferences.get({}));
  }

  /** What any window changed. An event may arrive after the answer to a later change: the older is let go. */
  receive({ revision, preferences }: KeptPreferences): void {
    if (revision < this.#revision) return;
    this.#revision = revision;
    this.#value = { ...preferences, ...this.#sent, ...this.#unsent };
  }

  /** Shown at once, kept by the studio. */
  change(edit: Partial<Preferences>): void {
    this.#value = { ...this.#value, ...edit };
    this.#unsent = { ...this.#unsent, ...edit };
    if (!this.#isSending) void this.#send();
  }

  async #send(): Promise<void> {
    this.#isSending = true;
    while (Object.keys(this.#unsent).length > 0) {
      this.#sent = this.#unsent;
      this.#unsent = {};
      await this.#notices.attempt(async () => {
        this.receive(await this.#studio.preferences.change(this.#sent));
      });
      this.#sent = {};
      await new Promise((resolve) => setTimeout(resolve, rest));
    }
    this.#isSending = false;
  }
}
