import { SvelteSet } from 'svelte/reactivity';
import type { ImageSummary } from '../../main/contract/library.ts';
import type { ImageList } from './image-list.svelte.ts';

export type Move = 'left' | 'right' | 'up' | 'down' | 'first' | 'last';

/** Which image of a list has the focus, and which are chosen together with it. */
export class Selection {
  #place = $state(0);
  #moves = $state(0);
  #anchor = 0;
  /** The image that has the focus: it keeps it when others arrive before it. */
  #held = $state.raw<ImageSummary | null>(null);
  /** Length of the list when the place of the focus was last certain. */
  #length = 0;
  readonly #chosen = new SvelteSet<string>();
  readonly #list: ImageList;
  /** Columns of the grid that shows the list: how far up and down go. */
  columns = $state(1);

  constructor(list: ImageList) {
    this.#list = list;
    list.onArranged((isOther) => {
      this.#settle(isOther);
    });
  }

  /** Counts how often the focus was moved on purpose; that it moves along with its image is not. */
  get moves(): number {
    return this.#moves;
  }

  /** Whether the focus was put on an image, and is not just on whatever comes first. */
  get isHeld(): boolean {
    return this.#held !== null;
  }

  get place(): number {
    return Math.max(0, Math.min(this.#place, this.#list.total - 1));
  }

  get focused(): ImageSummary | undefined {
    const there = this.#list.at(this.place);
    // Where others were pushed before it and its page is still on its way, it is not yet where the focus is.
    if (this.#held === null || there?.id === this.#held.id) return there;
    return this.#list.find(this.#held.id) ?? this.#held;
  }

  isChosen(id: string): boolean {
    return this.#chosen.has(id);
  }

  /** How many are chosen beyond the focused one. */
  get chosenCount(): number {
    return this.#chosen.size;
  }

  /** What an action applies to: the chosen images, or the focused one. */
  get ids(): readonly string[] {
    if (this.#chosen.size > 0) return [...this.#chosen];
    return this.focused === undefined ? [] : [this.focused.id];
  }

  get images(): readonly ImageSummary[] {
    return this.ids.map((id) => this.#list.find(id)).filter((image) => image !== undefined);
  }

  move(move: Move, extend = false): void {
    const steps: Readonly<Record<Move, number>> = {
      left: -1,
      right: 1,
      up: -this.columns,
      down: this.columns,
      first: -Infinity,
      last: Infinity,
    };
    const target = this.place + steps[move];
    // Up from the first row and down from the last stay, as grids do.
    if ((move === 'up' && target < 0) || (move === 'down' && target >= this.#list.total)) return;
    const there = Math.max(0, Math.min(target, this.#list.total - 1));
    this.focus(move === 'right' ? this.#pastFocused(there) : there, extend ? 'range' : 'single');
  }

  /**
   * The next place that does not show the focused image once more: of two pages asked for one after the other, the second
   * may begin with what the first has come to end with.
   */
  #pastFocused(place: number): number {
    const id = this.focused?.id;
    let next = place;
    while (id !== undefined && next > this.place && this.#list.at(next)?.id === id) next += 1;
    return Math.min(next, this.#list.total - 1);
  }

  focus(place: number, mode: 'single' | 'range' | 'toggle' = 'single'): void {
    this.#place = place;
    this.#moves += 1;
    this.#held = this.#list.at(place) ?? null;
    if (mode === 'single') {
      this.#chosen.clear();
      this.#anchor = place;
      return;
    }
    if (mode === 'toggle') {
      const id = this.#list.at(place)?.id;
      if (id !== undefined && !this.#chosen.delete(id)) this.#chosen.add(id);
      this.#anchor = place;
      return;
    }
    this.#chosen.clear();
    const [from, to] = place < this.#anchor ? [place, this.#anchor] : [this.#anchor, place];
    for (let index = from; index <= to; index += 1) {
      const id = this.#list.at(index)?.id;
      if (id !== undefined) this.#chosen.add(id);
    }
  }

  choose(ids: readonly string[]): void {
    this.#chosen.clear();
    for (const id of ids) this.#chosen.add(id);
  }

  clear(): void {
    this.#chosen.clear();
  }

  /** Back to the top, as for another query: whatever comes first has the focus. */
  reset(): void {
    this.focus(0);
    this.#held = null;
  }

  /** To the next image after a verdict, unless several were judged at once. */
  advance(): void {
    if (this.#chosen.size === 0 && this.place < this.#list.total - 1) this.focus(this.#pastFocused(this.place + 1));
  }

  /**
   * The focus stays with its image when the list was rearranged; where that is gone, with its place. An image that others
   * pushed onto a page not loaded is looked for there first: no other must slip under a verdict.
   */
  #settle(isOther: boolean): void {
    const grown = this.#list.total - this.#length;
    if (isOther) this.#held = null;
    if (this.#held === null || this.#list.at(this.#place)?.id === this.#held.id) {
      this.#length = this.#list.total;
      return;
    }
    let place = this.#list.placeOf(this.#held.id);
    if (place < 0) {
      place = Math.min(this.#place + Math.max(0, grown), this.#list.total - 1);
      if (!this.#list.want(place)) this.#held = this.#list.at(place) ?? null;
    }
    this.#length = this.#list.total;
    this.#anchor += place - this.#place;
    this.#place = place;
  }
}
