import type { AttributeHead } from '../model-packages/feature-encoder.ts';

/** What a brief states: head → index of the value. */
export type Stated = Readonly<Record<string, number>>;

/** A value that a brief names, and where. */
export interface Reading {
  readonly head: AttributeHead;
  /** Index of the value. */
  readonly value: number;
  /** Its characters in the brief, the end excluded. */
  readonly from: number;
  readonly to: number;
}

/** Values that every picture without a particular one has, or that are everyday words: a brief does not mean them. */
const unspoken = new Set(['none', 'plain', 'medium', 'new']);
/** The noun that follows a value tells its head where several have the same value ("white mug on a grey backdrop"). */
const nouns: Readonly<Record<string, RegExp>> = {
  backdrop: /^(backdrop|background)$/,
  light: /^(light|lighting|lit)$/,
};

/** The values that a brief names, by the heads' own words (`readingsIn`). */
export function statedIn(brief: string, heads: readonly AttributeHead[]): Stated {
  return Object.fromEntries(readingsIn(brief, heads).map(({ head, value }) => [head.name, value]));
}

/**
 * Where a brief names values, each head at most once. An unclear word goes to the first head that has it, unless the words
 * around it name another. Synonyms are not known: they state nothing.
 */
export function readingsIn(brief: string, heads: readonly AttributeHead[]): Reading[] {
  const places = [...brief.matchAll(/[\p{L}\p{N}]+/gu)];
  const words = places.map(([word]) => word.toLowerCase());
  const readings: Reading[] = [];
  const endsPhrase = (at: number): boolean => {
    const place = places[at];
    return place === undefined || /^\s*($|[,.;])/.test(brief.slice(place.index + place[0].length));
  };
  for (let at = 0; at < words.length; at++)
    for (const { head, value, length } of candidates(words, at, heads, endsPhrase)) {
      if (readings.some((earlier) => earlier.head.name === head.name)) continue;
      const [first, last] = [places[at], places[at + length - 1]];
      if (first === undefined || last === undefined) continue;
      readings.push({ head, value, from: first.index, to: last.index + last[0].length });
      break;
    }
  return readings;
}

interface Candidate {
  readonly head: AttributeHead;
  readonly value: number;
  /** In words. */
  readonly length: number;
}

/** The heads that a word may belong to, the likeliest first. */
function candidates(
  words: readonly string[],
  at: number,
  heads: readonly AttributeHead[],
  endsPhrase: (at: number) => boolean,
): Candidate[] {
  const found = heads.flatMap((head) => {
    const candidate = valueAt(words, at, head);
    if (candidate === null) return [];
    const next = at + candidate.length;
    // "table lamp", "sky red backdrop": the word after it says what it belongs to.
    const isPartOfName = head.name === 'category' && valueAt(words, next, head) !== null;
    return isPartOfName || isNounOfAnother(words[next], head.name) ? [] : [candidate];
  });
  const named = found.filter(({ head, length }) => nouns[head.name]?.test(words[at + length] ?? '') === true);
  if (named.length > 0) return named;
  const accents = found.filter(({ head }) => head.name === 'accent');
  if (accents.length > 0 && followsWith(words, at)) return accents;
  const backdrops = found.filter(({ head, length }) => head.name === 'backdrop' && endsPhrase(at + length - 1));
  if (backdrops.length > 0 && /^(on|against)$/.test(words[at - 1] ?? '')) return backdrops;
  return found.filter(({ head }) => nouns[head.name] === undefined || found.length === 1);
}

function valueAt(words: readonly string[], at: number, head: AttributeHead): Candidate | null {
  const value = head.values.findIndex((name) => !unspoken.has(name) && startsAt(words, at, name));
  return value < 0 ? null : { head, value, length: (head.values[value] ?? '').split(/[\s-]+/).length };
}

function isNounOfAnother(word = '', own: string): boolean {
  return Object.entries(nouns).some(([name, noun]) => name !== own && noun.test(word));
}

/** "with red dots", "with a red lid": a part's colour, not the product's. */
function followsWith(words: readonly string[], at: number): boolean {
  const before = words[at - 1];
  return before === 'with' || (words[at - 2] === 'with' && (before === 'a' || before === 'an'));
}

function startsAt(words: readonly string[], at: number, name: string): boolean {
  const parts = name.toLowerCase().split(/[\s-]+/);
  return parts.every((part, i) => words[at + i] === part || words[at + i] === `${part}s`);
}
