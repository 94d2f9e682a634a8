import type { ImageList } from './image-list.svelte.ts';

/** The image by which it is told how many came in before the view. */
interface Anchor {
  readonly id: string;
  readonly place: number;
  readonly isFocus: boolean;
  /** Whether the view stays with it; at the top it does not, as new images come there. */
  readonly holdsView: boolean;
}

/**
 * The rows of a grid that stays with its images while others come in before them: those fill empty cells before the first
 * image and whole rows above it, so that nothing moves sideways. A grid calls `makeRoom` before images that came are
 * drawn, `settle` after it, and `hold` whenever its view or the focus has moved.
 */
export class HeldView {
  readonly #list: () => ImageList;
  readonly #columns: () => number;
  #lead = $state(0);
  #rowsBefore = $state(0);
  #isShifted = $state(false);
  readonly #rowCount: number;
  #anchor: Anchor | null = null;
  #rowsToScroll = 0;
  #shown: { readonly query: ImageList['query']; readonly columns: number; readonly rowCount: number };

  /** `count` counts the images of the list and those still awaited after them. */
  constructor(list: () => ImageList, columns: () => number, count: () => number) {
    [this.#list, this.#columns] = [list, columns];
    this.#rowCount = $derived(Math.ceil((this.#lead + count()) / columns()));
    this.#shown = { query: list().query, columns: columns(), rowCount: 0 };
  }

  /** Empty cells before the first image. */
  get lead(): number {
    return this.#lead;
  }

  /** Rows that came in before the first one. A row's key is its place less these, so that rows stay what they are. */
  get rowsBefore(): number {
    return this.#rowsBefore;
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  /** Whether all rows that are new came in before the others, and the view goes along with these. */
  get isShifted(): boolean {
    return this.#isShifted;
  }

  get holdsFocus(): boolean {
    return this.#anchor?.isFocus === true;
  }

  rowOf(place: number): number {
    return Math.floor((this.#lead + place) / this.#columns());
  }

  /** Makes room for images that came in before the view, without moving it. */
  makeRoom(): void {
    const [{ query }, columns] = [this.#list(), this.#columns()];
    const isOther = query !== this.#shown.query || columns !== this.#shown.columns;
    const place = this.#anchor === null || isOther ? -1 : this.#list().placeOf(this.#anchor.id);
    const came = place - (this.#anchor?.place ?? 0);
    let added = 0;
    if (place < 0) [this.#lead, this.#rowsBefore] = [0, 0];
    else if (came > 0) {
      const before = this.#lead;
      this.#lead = (((before - came) % columns) + columns) % columns;
      added = (came + this.#lead - before) / columns;
      this.#rowsBefore += added;
    }
    const isHeld = added > 0 && this.#anchor?.holdsView === true;
    this.#isShifted = isHeld && this.#rowCount === this.#shown.rowCount + added;
    this.#rowsToScroll = isHeld && !this.#isShifted ? added : 0;
    this.#shown = { query, columns, rowCount: this.#rowCount };
  }

  /** Once they are drawn: how many rows the view is still to be scrolled to stay with its images. */
  settle(): number {
    this.#isShifted = false;
    const rows = this.#rowsToScroll;
    this.#rowsToScroll = 0;
    return rows;
  }

  /** Holds the view by the image in focus (`null`: none has it) where that is in view, else by the first one there. */
  hold([first, last]: readonly [number, number], focus: number | null): void {
    const isFocus = focus !== null && this.rowOf(focus) >= first && this.rowOf(focus) <= last;
    const place = isFocus ? focus : Math.max(0, first * this.#columns() - this.#lead);
    const id = this.#list().at(place)?.id;
    this.#anchor = id === undefined ? null : { id, place, isFocus, holdsView: isFocus || first > 0 };
    this.#shown = { ...this.#shown, rowCount: this.#rowCount };
  }
}
