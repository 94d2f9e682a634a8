import { describe, expect, it } from 'vitest';
import { readingsIn, statedIn } from '../../main/studio/stated.ts';

const heads = [
  { name: 'category', output: '', values: ['mug', 'teapot', 'chair'] },
  { name: 'color', output: '', values: ['white', 'red', 'grey'] },
  { name: 'accent', output: '', values: ['none', 'white', 'red', 'grey'] },
  { name: 'pattern', output: '', values: ['plain', 'dots'] },
  { name: 'backdrop', output: '', values: ['white', 'grey', 'dark', 'sky'] },
  { name: 'detail', output: '', values: ['ladder back'] },
];

describe('what a brief states', () => {
  it.each([
    ['a red mug', { category: 0, color: 1 }],
    ['white teapot with red dots', { color: 0, category: 1, accent: 2, pattern: 1 }],
    ['white mug on a grey backdrop', { color: 0, category: 0, backdrop: 1 }],
    ['mug, dark background', { category: 0, backdrop: 2 }],
    ['chair with a ladder back', { category: 2, detail: 0 }],
    ['two mugs, plain', { category: 0 }],
    ['a reddish thing', {}],
    // A colour that a noun of another head follows is that head's, also where the head does not know the word.
    ['rust mug on a sky red backdrop', { category: 0, backdrop: 3 }],
    ['white mug in red light', { category: 0, color: 0 }],
    // What a product is "with" is its accent, also where its own colour is told by another word.
    ['cobalt mug with red dots', { category: 0, accent: 2, pattern: 1 }],
    ['mug with a grey lid, red', { category: 0, accent: 3, color: 1 }],
    // Of two things in a row the last is meant.
    ['red chair mug', { category: 0, color: 1 }],
    ['ivory mug on white', { category: 0, backdrop: 0 }],
    ['ivory mug on white, plain', { category: 0, backdrop: 0 }],
    ['red dots on white teapot', { color: 1, category: 1, accent: 1, pattern: 1 }],
  ])('"%s"', (brief, stated) => {
    expect(statedIn(brief, heads)).toEqual(stated);
  });

  it('at its place in the brief, in characters', () => {
    const readings = readingsIn('A Ladder-back CHAIR, red', heads);
    expect(readings.map(({ head, value, from, to }) => [head.name, value, from, to])).toEqual([
      ['detail', 0, 2, 13],
      ['category', 2, 14, 19],
      ['color', 1, 21, 24],
    ]);
  });
});
