import { describe, expect, it } from 'vitest';
import { noteTemplates } from '../../main/contract/note-templates.ts';
import { joinNotes, note, noteHoles, parseNote, partNotes } from '../../main/contract/notes.ts';
import type { NoteHole, NoteKind } from '../../main/contract/notes.ts';

const kinds = Object.keys(noteTemplates) as NoteKind[];

/** What each kind of hole may hold: plain first, then odd. */
const samples: Readonly<Record<NoteHole, readonly string[]>> = {
  number: ['12', '0', '-3.20', '0.18215', '1.23e+5', '4.5e-7', 'NaN', 'Infinity'],
  size: ['512x384', '1x1'],
  word: ['cpu', 'DmlExecutionProvider', 'web-gpu_2'],
  label: ['gamut-catalogue-128', 'a of b', 'C:\\models\\7', '', '赤い花瓶 (2); $& {{x}} {words:text}'],
  text: [
    'red, vase',
    'red: vase; blue',
    '',
    '{set:label} $1 .* [a-z]+ \\',
    '赤い\n花瓶 5 of 9 images',
    '$t(note.nudged)',
  ],
  note: ['all 200 references of measured', '3 of 5 references of a: red; tall', 'nothing that is known.'],
  references: ['references of measured', 'references', 'references of references of 5 of 6'],
  exact: ['no kernel for LRN: node "x"; opset 7', '', 'a\nb. It ended: {y}', '日本語'],
};

/** The sentence of a note of any kind. */
function write(kind: NoteKind, values: Readonly<Record<string, string>>): string {
  return (note as (kind: NoteKind, values: Readonly<Record<string, string>>) => string)(kind, values);
}

/** Every kind with plain values, and with an odd one in each hole in turn. */
const cases = kinds.flatMap((kind) => {
  const holes = noteHoles(kind);
  const plain = Object.fromEntries(holes.map(([name, hole]) => [name, samples[hole][0] ?? '']));
  const odd = holes.flatMap(([name, hole]) => samples[hole].slice(1).map((text) => ({ ...plain, [name]: text })));
  return [plain, ...odd].map((values) => ({ kind, values, sentence: write(kind, values) }));
});

describe('notes', () => {
  it('are read back as what was written, whatever stands in them', () => {
    const read = cases.map(({ sentence }) => {
      const { kind, holes } = parseNote(sentence) ?? { kind: null, holes: [] };
      return { kind, values: Object.fromEntries(holes.map(({ name, text }) => [name, text])), sentence };
    });
    expect(read).toEqual(cases);
  });

  it('are of one kind each', () => {
    const shared = cases.filter(({ kind, sentence }) =>
      cases.some((other) => other.kind !== kind && other.sentence === sentence),
    );
    expect(shared).toEqual([]);
    const misread = cases.filter(({ kind, sentence }) => parseNote(sentence)?.kind !== kind);
    expect(misread).toEqual([]);
  });

  it('are the English sentences that files have held since before', () => {
    expect(note('promptCut', { tokens: 30, limit: 14, dropped: 16 })).toBe(
      'The prompt has 30 tokens; the model takes 14, the last 16 were dropped.',
    );
    expect(parseNote('text_encoder ran on cpu, not on webgpu: not tried')?.holes).toEqual([
      { name: 'part', kind: 'text', text: 'text_encoder' },
      { name: 'provider', kind: 'word', text: 'cpu' },
      { name: 'instead', kind: 'word', text: 'webgpu' },
      { name: 'reason', kind: 'exact', text: 'not tried' },
    ]);
  });

  it.each([
    '',
    'The prompt is long.',
    'only many images',
    'The decoder overflowed at half precision and was run again at float32',
    ' only 3 images',
    'vase: not a model here',
    'toString',
  ])('are none where the sentence is another: %j', (sentence) => {
    expect(parseNote(sentence)).toBeNull();
  });

  it('come apart again where they were joined, also those that hold the joint themselves', () => {
    const parts = [
      note('broaderReferences', { words: 'red; tall' }),
      note('neighboursWithin', { k: 5 }),
      'a note of another version',
      note('statedProbability', { words: 'red', effective: '3.2', images: 20, quantile: '1.75' }),
      note('fewImages', { images: 3 }),
    ];
    const joined = joinNotes(...parts, null) ?? '';
    expect(joined).toBe(parts.join('; '));
    expect(partNotes(joined)).toEqual(parts);
    expect(joinNotes(null, null)).toBeNull();
  });
});
