import { toFailure } from '../../main/contract/failures.ts';
import type { Language } from './language.svelte.ts';

export interface Notice {
  readonly id: number;
  readonly tone: 'plain' | 'problem';
  readonly text: string;
  /** The language of the text, where it is not the window's. */
  readonly lang: 'en' | null;
  /** The exact line of a failure or a note, in English, where `text` says its kind in another language. */
  readonly exact: string | null;
  /** What it is about: it takes the place of an earlier one about the same. */
  readonly about: string;
  readonly action: { readonly label: string; readonly run: () => void } | null;
}

const shownFor = { plain: 5000, problem: 12_000 } as const;

/** Short messages in the corner, and what a screen reader is told. */
export class Notices {
  #list = $state<readonly Notice[]>([]);
  #spoken = $state('');
  #nextId = 1;
  readonly #language: Language;

  constructor(language: Language) {
    this.#language = language;
  }

  get list(): readonly Notice[] {
    return this.#list;
  }

  /** The text of the live region. */
  get spoken(): string {
    return this.#spoken;
  }

  say(text: string, action: Notice['action'] = null, about = text): void {
    this.#add({ id: this.#nextId++, tone: 'plain', text, lang: null, exact: null, about, action });
  }

  /** Passes on a note of the studio. */
  pass(note: string): void {
    const { words, lang, exact } = this.#language.note(note);
    this.#add({ id: this.#nextId++, tone: 'plain', text: words, lang, exact, about: note, action: null });
  }

  /** Shows why something could not be done. */
  complain(error: unknown, action: Notice['action'] = null): void {
    const failure = toFailure(error).toRecord();
    const { words, exact } = this.#language.failure(failure);
    this.#add({ id: this.#nextId++, tone: 'problem', text: words, lang: null, exact, about: failure.message, action });
  }

  /** Does some work; when it fails, shows why. */
  async attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.complain(error);
    }
  }

  /** Tells a screen reader without showing anything. */
  announce(text: string): void {
    this.#spoken = text;
  }

  dismiss(id: number): void {
    this.#list = this.#list.filter((notice) => notice.id !== id);
  }

  #add(notice: Notice): void {
    this.#list = [...this.#list.filter(({ about }) => about !== notice.about), notice].slice(-4);
    this.#spoken = notice.text;
    setTimeout(() => {
      this.dismiss(notice.id);
    }, shownFor[notice.tone]);
  }
}
