import { toFailure } from '../../main/contract/failures.ts';

export interface Notice {
  readonly id: number;
  readonly tone: 'plain' | 'problem';
  readonly text: string;
  readonly action: { readonly label: string; readonly run: () => void } | null;
}

const shownFor = { plain: 5000, problem: 12_000 } as const;

/** Short messages in the corner, and what a screen reader is told. */
export class Notices {
  #list = $state<readonly Notice[]>([]);
  #spoken = $state('');
  #nextId = 1;

  get list(): readonly Notice[] {
    return this.#list;
  }

  /** The text of the live region. */
  get spoken(): string {
    return this.#spoken;
  }

  say(text: string, action: Notice['action'] = null): void {
    this.#add({ id: this.#nextId++, tone: 'plain', text, action });
  }

  /** Shows why something could not be done. */
  complain(error: unknown, action: Notice['action'] = null): void {
    this.#add({ id: this.#nextId++, tone: 'problem', text: toFailure(error).message, action });
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
    this.#list = [...this.#list.filter(({ text }) => text !== notice.text), notice].slice(-4);
    this.#spoken = notice.text;
    setTimeout(() => {
      this.dismiss(notice.id);
    }, shownFor[notice.tone]);
  }
}
