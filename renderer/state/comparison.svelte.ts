/** Longest prompt in characters; a longer one is refused, not cut. */
export const longestCompared = 2000;
/** Prompts beside the image's own at once. */
export const mostCompared = 6;

/** Why a prompt cannot be compared with. */
export type ComparisonProblem = 'long' | 'own' | 'same' | 'full';

/** The prompts that one image's surprise is measured under, beside none: its own, and others typed by the person. */
export class Comparison {
  #typed = $state('');
  #typedOwn = $state('');
  #others = $state.raw<readonly string[]>([]);

  /** Being typed, not yet one of the others. */
  get typed(): string {
    return this.#typed;
  }

  set typed(text: string) {
    this.#typed = text;
  }

  /** Stands in for the prompt of an image that has none. */
  get typedOwn(): string {
    return this.#typedOwn;
  }

  set typedOwn(text: string) {
    this.#typedOwn = text;
  }

  get others(): readonly string[] {
    return this.#others;
  }

  /** @param own the prompt that the image was made from; empty where it has none */
  ownOf(own: string): string {
    return own.trim() === '' ? this.#typedOwn.trim() : own;
  }

  /** What is wrong with what is being typed; null where nothing is, or nothing is typed. */
  problem(own: string): ComparisonProblem | null {
    const text = this.#typed.trim();
    if (text === '') return null;
    if (text.length > longestCompared) return 'long';
    if (text === this.ownOf(own).trim()) return 'own';
    if (this.#others.includes(text)) return 'same';
    return this.#others.length >= mostCompared ? 'full' : null;
  }

  /** Takes what is typed among the others; leaves it where it is when something is wrong with it. */
  add(own: string): void {
    const text = this.#typed.trim();
    if (text === '' || this.problem(own) !== null) return;
    this.#others = [...this.#others, text];
    this.#typed = '';
  }

  drop(prompt: string): void {
    this.#others = this.#others.filter((other) => other !== prompt);
  }
}
