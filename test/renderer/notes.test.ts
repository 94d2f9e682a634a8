import { describe, expect, it } from 'vitest';
import { noteTemplates } from '../../main/contract/note-templates.ts';
import { joinNotes, note, noteHoles } from '../../main/contract/notes.ts';
import type { NoteKind } from '../../main/contract/notes.ts';
import en from '../../renderer/locales/en.json' with { type: 'json' };
import ja from '../../renderer/locales/ja.json' with { type: 'json' };
import { Language } from '../../renderer/state/language.svelte.ts';
import { Notices } from '../../renderer/state/notices.svelte.ts';

const kinds = Object.keys(noteTemplates) as NoteKind[];
const holesIn = (text: string): readonly string[] => [...text.matchAll(/\{\{(\w+)\}\}/g)].map(([, name = '']) => name);

function japanese(): Language {
  const language = new Language();
  language.choose('ja', ['ja-JP']);
  return language;
}

describe('the notes of the studio in the window', () => {
  it('have words in both languages for every kind, and for no other', () => {
    expect(Object.keys(en.note).sort()).toEqual(kinds.toSorted());
    expect(Object.keys(ja.note).sort()).toEqual(kinds.toSorted());
  });

  it('tell all that the note tells, but for the technical line that stands beneath', () => {
    for (const kind of kinds) {
      const told = noteHoles(kind)
        .filter(([, hole]) => hole !== 'exact')
        .map(([name]) => name);
      expect([kind, holesIn(en.note[kind]).toSorted()]).toEqual([kind, told.toSorted()]);
    }
  });

  it('are in English what the studio says, with numbers as they are written there', () => {
    const language = new Language();
    const sentences = [
      note('decoderOverflowed'),
      note('allReferences', { chosen: 200, set: 'references of measured' }),
      note('givenUp', { step: 10, stepCount: 20, density: '0.0123', chance: '4.0' }),
    ];
    expect(sentences.map((sentence) => language.note(sentence).words)).toEqual(sentences);
    expect(language.note(note('promptCut', { tokens: 1030, limit: 14, dropped: 1016 })).words).toBe(
      'The prompt has 1,030 tokens; the model takes 14, the last 1,016 were dropped.',
    );
  });

  it('are Japanese in the Japanese window, also the references within them', () => {
    const references = note('referencesThat', { chosen: 1200, set: 'references of vases', words: 'red, tall' });
    expect(japanese().note(note('nudged', { before: '41.0', after: '62.5', references }))).toEqual({
      words: '少しずらした画像です。典型度は 41.0 % から 62.5 % へ（基準：vases の参照画像 1,200 件：red, tall）。',
      lang: null,
      exact: null,
    });
    expect(japanese().note(note('startImageScaled', { from: '1024x768', to: '512x512' })).words).toBe(
      '開始画像の大きさを 1024 × 768 から 512 × 512 に変え、はみ出す部分を切り落としました。',
    );
  });

  it('keep the technical line in English beneath', () => {
    const reason = 'no kernel for LRN';
    expect(japanese().note(note('finiteDifferences', { reason }))).toEqual({
      words: ja.note.finiteDifferences,
      lang: null,
      exact: reason,
    });
  });

  it('keep the digits they were written with', () => {
    const shown = (bandwidth: string): string => japanese().note(note('gaussianKernel', { bandwidth })).words;
    expect(shown('0.1800')).toContain(' 0.1800（');
    expect(shown('1.234e+4')).toContain(' 12,340（');
    expect(shown('1.234e-7')).toContain(' 0.0000001234（');
  });

  it('stand as they came, marked as English, where they are not known', () => {
    const other = 'Made by a later version.';
    expect(japanese().note(other)).toEqual({ words: other, lang: 'en', exact: null });
    expect(new Language().note(other)).toEqual({ words: other, lang: null, exact: null });
  });

  it('are told part by part where a measure joins them', () => {
    const joined = joinNotes(
      note('neighboursWithin', { k: 5 }),
      'later words',
      note('fewForNeighbours', { images: 8 }),
    );
    expect(japanese().notesIn(joined ?? '')).toEqual([
      { words: 'k = 5、距離 < 半径', lang: null, exact: null },
      { words: 'later words', lang: 'en', exact: null },
      { words: '少ないほうが 8 枚だけなので、とても不確かです', lang: null, exact: null },
    ]);
  });

  it('say of a model that it cannot be used before the exact line, which is English', () => {
    const problem = 'vases: text_encoder/model.onnx is missing';
    expect(japanese().problem(problem)).toEqual({ words: ja.models.unusable, exact: problem });
    expect(new Language().problem(problem)).toEqual({ words: problem, exact: null });
  });

  it('reach the corner of the window in its language, each once', () => {
    const notices = new Notices(japanese());
    const message = note('keptFewer', { kept: 3, asked: 8, tried: 24 });
    notices.pass(message);
    notices.pass(message);
    notices.pass('Later words.');
    expect(notices.list).toMatchObject([
      { text: expect.stringMatching(/^8 枚中 3 枚を残しました。/), lang: null, about: message },
      { text: 'Later words.', lang: 'en' },
    ]);
  });
});
