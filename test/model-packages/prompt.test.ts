import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadPackage } from '../../main/model-packages/load.ts';
import { packageFolder } from '../doubles/packages.ts';

const clip = loadPackage(packageFolder('legacy')).readPrompt;
const words = loadPackage(packageFolder('flow')).readPrompt;
const vocabulary = JSON.parse(readFileSync(join(packageFolder('legacy'), 'tokenizer/vocab.json'), 'utf8')) as Record<
  string,
  number
>;
const idsOf = (...tokens: string[]): (number | undefined)[] => tokens.map((token) => vocabulary[token]);
const start = '<|startoftext|>';
const end = '<|endoftext|>';

describe('a CLIP prompt', () => {
  it('is lower-cased, merged, wrapped and padded to its window', () => {
    const { windows, ...rest } = clip('A  red\nVase, matte');
    expect(windows).toEqual([
      [
        ...idsOf(start, 'a</w>', 'red</w>', 'vase</w>', ',</w>', 'matte</w>', end),
        ...new Array<number | undefined>(70).fill(vocabulary[end]),
      ],
    ]);
    expect(rest).toEqual({ tokenCount: 5, tokensDropped: 0, unknownWords: [] });
  });

  it('spells words it has no token for', () => {
    expect(clip('jug').windows[0]?.slice(0, 5)).toEqual(idsOf(start, 'j', 'u', 'g</w>', end));
  });

  it('that is long fills several windows, each with its own start and end', () => {
    const { windows, tokensDropped } = clip(Array.from({ length: 80 }, () => 'red').join(' '));
    expect(windows.map((row) => row.length)).toEqual([77, 77]);
    expect(windows[0]).toEqual(idsOf(start, ...new Array<string>(75).fill('red</w>'), end));
    expect(windows[1]?.slice(0, 7)).toEqual(idsOf(start, ...new Array<string>(5).fill('red</w>'), end));
    expect(tokensDropped).toBe(0);
  });

  it('of nothing is one empty window', () => {
    expect(clip('')).toEqual({
      windows: [[...idsOf(start, end), ...new Array<number | undefined>(75).fill(vocabulary[end])]],
      tokenCount: 0,
      tokensDropped: 0,
      unknownWords: [],
    });
  });

  it('beyond all windows is cut, and says by how much', () => {
    const { windows, tokenCount, tokensDropped } = clip(new Array<string>(700).fill('red').join(' '));
    expect({ windows: windows.length, tokenCount, tokensDropped }).toEqual({
      windows: 8,
      tokenCount: 700,
      tokensDropped: 100,
    });
  });

  it('of ten thousand words is refused', () => {
    expect(() => clip(new Array<string>(10_000).fill('a').join(' '))).toThrow(
      'prompt: expected at most 2000 tokens, got 10000',
    );
  });
});

describe('a prompt of a word-level vocabulary', () => {
  it('names the words it does not know, each once, and no punctuation', () => {
    const { windows, unknownWords } = words('A red zebra, a blue Zebra & oryx');
    expect(unknownWords).toEqual(['zebra', 'oryx']);
    expect(windows).toEqual([[2, 8, 4, 1, 1, 8, 6, 1, 1, 1, 3, 0, 0, 0, 0, 0]]);
  });

  it('of another window is cut and says what was dropped', () => {
    const { windows, tokenCount, tokensDropped } = words(new Array<string>(20).fill('red').join(' '));
    expect({ windows, tokenCount, tokensDropped }).toEqual({
      windows: [[2, ...new Array<number>(14).fill(4), 3]],
      tokenCount: 20,
      tokensDropped: 6,
    });
  });
});
