import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadFeatureEncoder } from '../../main/model-packages/feature-encoder.ts';
import { openPackage } from '../../main/model-packages/resolve.ts';
import { modelFolders } from '../../main/studio/model-folders.ts';
import { defaultModel } from '../../main/studio/models.ts';
import { loadReferenceSet } from '../../main/studio/reference-set.ts';
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

  const spoken = [
    { name: 'category', output: '', values: ['mug', 'lamp', 'table'], phrases: { mug: ['cup'], lamp: ['table lamp'] } },
    {
      name: 'color',
      output: '',
      values: ['blue', 'navy', 'white'],
      phrases: { navy: ['dark blue'], blue: ['cobalt'] },
    },
    { name: 'accent', output: '', values: ['none', 'blue', 'navy'], phrases: { navy: ['dark blue'] } },
    { name: 'backdrop', output: '', values: ['dark', 'sky', 'white'], phrases: { sky: ['sky blue', 'blue'] } },
    {
      name: 'light',
      output: '',
      values: ['soft', 'warm'],
      phrases: { soft: ['diffuse light'], warm: ['evening light'] },
    },
    { name: 'height', output: '', values: ['short', 'tall'], phrases: { tall: ['high'] } },
    { name: 'detail', output: '', values: ['none', 'two handles'], phrases: { 'two handles': ['tall handles'] } },
  ];

  it.each([
    ['cobalt cup', { category: 0, color: 0 }],
    ['white cup on a blue backdrop', { category: 0, color: 2, backdrop: 1 }],
    ['white cup on blue', { category: 0, color: 2, backdrop: 1 }],
    ['blue cup', { category: 0, color: 0 }],
    // The longest phrase wins, and its words are not read once more.
    ['white table lamp', { category: 1, color: 2 }],
    ['dark blue cup', { category: 0, color: 1 }],
    ['dark blue cup, dark background', { category: 0, color: 1, backdrop: 0 }],
    ['cup with dark blue dots', { category: 0, accent: 2 }],
    ['high quality cup', { category: 0 }],
    ['cup with tall handles', { category: 0, detail: 1 }],
    // A comma parts what belongs together.
    ['cup, tall, evening light', { category: 0, height: 1, light: 1 }],
    ['cup, white, blue background', { category: 0, color: 2, backdrop: 1 }],
  ])('by how the model says it: "%s"', (brief, stated) => {
    expect(statedIn(brief, spoken)).toEqual(stated);
  });

  it('without the noun that only tells what is meant', () => {
    const [light] = readingsIn('Evening light', spoken);
    expect(light).toMatchObject({ head: { name: 'light' }, value: 1, from: 0, to: 7 });
  });

  it("as the renders are, of every caption of the built-in model's references", async () => {
    const folders = modelFolders();
    const { folder, id } = openPackage(defaultModel(folders), folders);
    const { attributes: heads } = loadFeatureEncoder(folder);
    const { attributes } = await loadReferenceSet(folder, id);
    const captions = readFileSync(join(folder, 'reference/captions.txt'), 'utf8').trim().split('\n');
    expect(attributes).toMatchObject({ count: captions.length, width: heads.length });
    const wrong: string[] = [];
    const counts = heads.map(() => 0);
    captions.forEach((caption, row) => {
      const stated = statedIn(caption, heads);
      heads.forEach(({ name, values }, column) => {
        const value = stated[name];
        if (value === undefined) return;
        counts[column] = (counts[column] ?? 0) + 1;
        if (value !== attributes?.values[row * heads.length + column]) wrong.push(`${caption}: ${values[value] ?? ''}`);
      });
    });
    expect(wrong).toEqual([]);
    // Every caption is a full brief: it names at least these.
    for (const name of ['category', 'color', 'material', 'backdrop', 'light'])
      expect(counts[heads.findIndex((head) => head.name === name)], name).toBe(captions.length);
  });
});
