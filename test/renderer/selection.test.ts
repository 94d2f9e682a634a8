import { describe, expect, it } from 'vitest';
import type { ImageSummary } from '../../main/contract/library.ts';
import type { ImageList } from '../../renderer/state/image-list.svelte.ts';
import { Selection } from '../../renderer/state/selection.svelte.ts';

/** A list as it is between two answers of its host: places may be empty, or show what has moved on. */
class ListDouble {
  images: (string | null)[];
  readonly wanted: number[] = [];
  canAsk = true;
  #tell: (isOther: boolean) => void = () => undefined;

  constructor(images: (string | null)[]) {
    this.images = images;
  }

  get total(): number {
    return this.images.length;
  }

  at(place: number): ImageSummary | undefined {
    const id = this.images[place];
    return id == null ? undefined : ({ id } as ImageSummary);
  }

  placeOf(id: string): number {
    return this.images.indexOf(id);
  }

  find(id: string): ImageSummary | undefined {
    return this.placeOf(id) < 0 ? undefined : this.at(this.placeOf(id));
  }

  want(place: number): boolean {
    this.wanted.push(place);
    return this.canAsk;
  }

  onArranged(tell: (isOther: boolean) => void): void {
    this.#tell = tell;
  }

  arrange(images: (string | null)[], isOther = false): void {
    this.images = images;
    this.#tell(isOther);
  }
}

function selectionOf(list: ListDouble): Selection {
  return new Selection(list as unknown as ImageList);
}

describe('the focus among images that move', () => {
  it('stays on its image while the page it was pushed onto is on its way', () => {
    const list = new ListDouble(['a', 'b', 'c', 'd']);
    const selection = selectionOf(list);
    selection.focus(3);
    // Two came before; the second page still shows what it did.
    list.arrange(['x', 'y', 'a', 'b', null, null]);
    expect(list.wanted).toEqual([5]);
    expect(selection.focused?.id).toBe('d');
    expect(selection.ids).toEqual(['d']);
    list.arrange(['x', 'y', 'a', 'b', 'c', 'd']);
    expect(selection).toMatchObject({ place: 5, focused: { id: 'd' } });
  });

  it('gives way to what has its place where its image is gone', () => {
    const list = new ListDouble(['a', 'b', 'c']);
    const selection = selectionOf(list);
    selection.focus(1);
    list.canAsk = false;
    list.arrange(['a', 'c']);
    expect(selection).toMatchObject({ place: 1, focused: { id: 'c' } });
    list.arrange(['a', 'x', 'c']);
    expect(selection).toMatchObject({ place: 2, focused: { id: 'c' } });
  });

  it('goes on to another image where two pages show the same one', () => {
    const list = new ListDouble(['a', 'b', 'b', 'c']);
    const selection = selectionOf(list);
    selection.focus(1);
    selection.advance();
    expect(selection.focused?.id).toBe('c');
    selection.focus(1);
    selection.move('right');
    expect(selection.focused?.id).toBe('c');
    selection.move('left');
    expect(selection.place).toBe(2);
  });

  it('begins anew with another query', () => {
    const list = new ListDouble(['a', 'b', 'c']);
    const selection = selectionOf(list);
    selection.focus(2);
    selection.reset();
    expect(selection.isHeld).toBe(false);
    list.arrange(['c', 'a', 'b'], true);
    expect(selection).toMatchObject({ place: 0, focused: { id: 'c' } });
  });
});
