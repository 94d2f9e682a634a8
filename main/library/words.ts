import { KnownUntilChanged } from './known-until-changed.ts';
import type { Library } from './library.ts';

/** Scripts written without spaces: each character becomes a word of its own, and a searched run of them a phrase. */
const unspaced = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}ー]/gu;

/** Text as the word index takes it. */
export function indexedText(text: string): string {
  return text.replaceAll(unspaced, ' $& ');
}

/** The columns that people's words are looked for in. */
const asked = '{prompt tags model}';

/**
 * What people type as a full-text query: every word must occur, `-word` must not, the last one may be unfinished.
 * Quotes and operators of the query language are plain text here. null when no word must occur.
 */
export function matchQuery(words: string, termsFrom: TermsFrom = () => null): string | null {
  const { wanted, excluded } = partsOf(words);
  if (wanted.length === 0) return null;
  const unfinished = !/\s$/.test(words) && !/(^|\s)-\S+$/.test(words);
  const positive = wanted.map((word, i) =>
    unfinished && i === wanted.length - 1 ? begun(word, termsFrom) : phrase(word),
  );
  const negative = excluded.length === 0 ? '' : ` NOT ${asked} : (${excluded.map(phrase).join(' OR ')})`;
  return `(${asked} : (${positive.join(' AND ')})${negative})`;
}

/** Terms of the word index that begin with some letters; null where there are none or too many to be named one by one. */
export type TermsFrom = (start: string) => readonly string[] | null;

/**
 * What begins with a word. Of letters beyond the prefix index (three), the index would first gather every place of every
 * term; naming the few terms instead lets it read along, at a third of the time over 100,000 images.
 */
function begun(word: string, termsFrom: TermsFrom): string {
  const terms = /^[a-z0-9]{4,}$/i.test(word) ? termsFrom(word.toLowerCase()) : null;
  return terms === null ? `${phrase(word)}*` : `(${terms.map(phrase).join(' OR ')})`;
}

/** More terms than these are left to the index. */
const mostTerms = 8;

const knownTerms = new KnownUntilChanged<readonly string[] | null>();

/** @param start letters and digits of ASCII in lower case, which the index keeps as they are */
export function termsFrom(library: Library, start: string): readonly string[] | null {
  return knownTerms.get(library, start, () => {
    const rows = library.database.all(
      'SELECT term FROM temp.word_terms WHERE term >= ? AND term < ? LIMIT ?',
      start,
      `${start}\u{10ffff}`,
      mostTerms + 1,
    );
    return rows.length === 0 || rows.length > mostTerms ? null : rows.map(({ term }) => String(term));
  });
}

/** A query that finds what a `-word` alone excludes; null where nothing is excluded. */
export function excludedQuery(words: string): string | null {
  const { excluded } = partsOf(words);
  return excluded.length === 0 ? null : `${asked} : (${excluded.map(phrase).join(' OR ')})`;
}

/** Narrows a match to images in one of the states. */
export function matchInStates(match: string, deleted: boolean, candidates: 'kept' | 'rejected' | 'all'): string {
  const states = candidates === 'all' ? [false, true] : [candidates === 'rejected'];
  return `${match} AND state : (${states.map((rejected) => `"${stateWord(deleted, rejected)}"`).join(' OR ')})`;
}

function stateWord(deleted: boolean, rejected: boolean): string {
  return `state${deleted ? 1 : 0}${rejected ? 1 : 0}`;
}

function partsOf(words: string): { readonly wanted: readonly string[]; readonly excluded: readonly string[] } {
  const parts = words.split(/\s+/).filter((part) => /[\p{L}\p{N}]/u.test(part));
  return {
    wanted: parts.filter((part) => !part.startsWith('-')),
    excluded: parts.filter((part) => part.startsWith('-')).map((part) => part.slice(1)),
  };
}

function phrase(word: string): string {
  return `"${indexedText(word).replaceAll('"', ' ').replaceAll('\0', ' ').trim()}"`;
}

/**
 * Pages of the word index merged with every image. Each image's words make a segment of it, and searches look into every
 * segment: with 8, some 10 are left at any time, and no write takes more than some milliseconds longer.
 */
const mergedPages = 8;

/** Brings the word index of one image up to date; call inside the transaction that changed it. */
export function indexWords(library: Library, key: number): void {
  const row = library.database.get(
    `SELECT prompt, model, deleted, rejected, (SELECT group_concat(tag, char(10)) FROM image_tags WHERE image = key) AS tags
     FROM images WHERE key = ?`,
    key,
  );
  // Deleting what is not there leaves tombstones that slow every search.
  if (library.database.get('SELECT 1 AS one FROM image_words WHERE rowid = ?', key) !== undefined)
    library.database.run('DELETE FROM image_words WHERE rowid = ?', key);
  if (row === undefined) return;
  library.database.run(
    'INSERT INTO image_words (rowid, prompt, tags, model, state) VALUES (?, ?, ?, ?, ?)',
    key,
    indexedText(String(row['prompt'])),
    indexedText(String(row['tags'] ?? '')),
    indexedText(String(row['model'])),
    stateWord(row['deleted'] === 1, row['rejected'] === 1),
  );
  library.database.run(`INSERT INTO image_words (image_words, rank) VALUES ('merge', ${mergedPages})`);
}
