import { describe, expect, it } from 'vitest';
import type { ImageSummary } from '../../main/contract/library.ts';
import { HeldView } from '../../renderer/state/held-view.svelte.ts';
import type { ImageList } from '../../renderer/state/image-list.svelte.ts';

/** A grid of four columns over images that are named by letters, as drawn by `rows`. */
function gridOf(letters: string) {
  const query = {} as ImageList['query'];
  const list = {
    images: [...letters],
    query,
    at: (place: number): ImageSummary | undefined =>
      list.images[place] === undefined ? undefined : ({ id: list.images[place] } as ImageSummary),
    placeOf: (id: string): number => list.images.indexOf(id),
  };
  const columns = 4;
  const view = new HeldView(
    () => list as unknown as ImageList,
    () => columns,
    () => list.images.length,
  );
  /** Images come: what is still to be scrolled, in rows, and whether the view moved along by itself. */
  function come(images: string) {
    list.images = [...images];
    view.makeRoom();
    const isShifted = view.isShifted;
    return { isShifted, rowsToScroll: view.settle() };
  }
  /** The images of each row under the row's key, `.` for an empty cell. */
  const rows = (): Record<number, string> =>
    Object.fromEntries(
      Array.from({ length: view.rowCount }, (_, row) => [
        row - view.rowsBefore,
        Array.from({ length: columns }, (_, column) => list.images[row * columns + column - view.lead] ?? '.').join(''),
      ]),
    );
  view.makeRoom();
  return { list, view, come, rows };
}

describe('a grid whose images stay where they are while others come before them', () => {
  it('fills empty cells before the first image, so that nothing moves sideways', () => {
    const { view, come, rows } = gridOf('abcdefgh');
    view.hold([1, 1], null);
    expect(come('xyabcdefgh')).toEqual({ isShifted: true, rowsToScroll: 0 });
    expect(rows()).toEqual({ [-1]: '..xy', 0: 'abcd', 1: 'efgh' });
    view.hold([2, 2], null);
    expect(come('vwxyabcdefgh')).toEqual({ isShifted: false, rowsToScroll: 0 });
    expect(rows()).toEqual({ [-1]: 'vwxy', 0: 'abcd', 1: 'efgh' });
  });

  it('tells how far to scroll where rows came in at both ends', () => {
    const { view, come, rows } = gridOf('abcdefgh');
    view.hold([1, 1], null);
    expect(come('uvwxyabcdefghi')).toEqual({ isShifted: false, rowsToScroll: 2 });
    expect(rows()).toEqual({ [-2]: '...u', [-1]: 'vwxy', 0: 'abcd', 1: 'efgh', 2: 'i...' });
  });

  it('lets new images come in at the top, unless the focus is held there', () => {
    const atTop = gridOf('abcdefgh');
    atTop.view.hold([0, 1], null);
    expect(atTop.come('xabcdefgh')).toEqual({ isShifted: false, rowsToScroll: 0 });
    expect(atTop.rows()).toEqual({ [-1]: '...x', 0: 'abcd', 1: 'efgh' });

    const focused = gridOf('abcdefgh');
    focused.view.hold([0, 1], 2);
    expect(focused.view.holdsFocus).toBe(true);
    expect(focused.come('xabcdefgh')).toEqual({ isShifted: true, rowsToScroll: 0 });
  });

  it('goes by the first image in view where the one in focus is out of it', () => {
    const { view, come, rows } = gridOf('abcdefghijkl');
    view.hold([2, 2], 0);
    expect(view.holdsFocus).toBe(false);
    // Its image at the top went, and one came in between: what is in view stays in its column.
    come('bcdxefghijkl');
    expect(rows()).toEqual({ 0: 'bcdx', 1: 'efgh', 2: 'ijkl' });
  });

  it('begins anew with another query', () => {
    const { list, view, come, rows } = gridOf('abcdefgh');
    view.hold([1, 1], null);
    come('xyabcdefgh');
    list.query = {} as ImageList['query'];
    expect(come('mnopq')).toEqual({ isShifted: false, rowsToScroll: 0 });
    expect(rows()).toEqual({ 0: 'mnop', 1: 'q...' });
  });
});
