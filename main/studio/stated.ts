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
/** Says nothing about the product, though its first word may. */
const asides = /\bhigh[\s-]+quality\b/giu;
/** Heads whose words are everyday colours: without their noun, "on" or "against" nobody means them ("a sage mug"). */
const needsNoun = new Set(['backdrop']);

/** The values that a brief names, by the heads' own words and their synonyms (`readingsIn`). */
export function statedIn(brief: string, heads: readonly AttributeHead[]): Stated {
  return Object.fromEntries(readingsIn(brief, heads).map(({ head, value }) => [head.name, value]));
}

/**
 * Where a brief names values, each head at most once, by the longest phrase that a head knows. An unclear word goes to the
 * first head that has it, unless the words around it name another. A noun that only tells the head ("light" in "evening
 * light") is not part of the place.
 */
export function readingsIn(brief: string, heads: readonly AttributeHead[]): Reading[] {
  const read = brief.replace(asides, (aside) => ' '.repeat(aside.length));
  const places = [...read.matchAll(/[\p{L}\p{N}]+|[,.;]/gu)]; // with what parts phrases, so that none goes across
  const words = places.map(([word]) => word.toLowerCase());
  const phrases = heads.map(phrasesOf);
  const readings: Reading[] = [];
  for (let at = 0; at < words.length; at++)
    for (const { head, value, length } of candidates(words, at, phrases)) {
      if (readings.some((earlier) => earlier.head.name === head.name)) continue;
      const [first, last] = [places[at], places[at + length - 1]];
      if (first === undefined || last === undefined) continue;
      readings.push({ head, value, from: first.index, to: last.index + last[0].length });
      at += length - 1;
      break;
    }
  return readings;
}

interface Phrase {
  /** Index of the value it names. */
  readonly value: number;
  readonly words: readonly string[];
}

interface HeadPhrases {
  readonly head: AttributeHead;
  /** The longest first. */
  readonly phrases: readonly Phrase[];
}

const phrasesOfHeads = new WeakMap<AttributeHead, HeadPhrases>();

function phrasesOf(head: AttributeHead): HeadPhrases {
  const known = phrasesOfHeads.get(head);
  if (known !== undefined) return known;
  const phrases = head.values.flatMap((name, value) =>
    unspoken.has(name)
      ? []
      : [name, ...(head.phrases?.[name] ?? [])].map((phrase) => ({
          value,
          words: phrase.toLowerCase().split(/[\s-]+/),
        })),
  );
  const sorted = { head, phrases: phrases.sort((one, other) => other.words.length - one.words.length) };
  phrasesOfHeads.set(head, sorted);
  return sorted;
}

interface Candidate {
  readonly head: AttributeHead;
  readonly value: number;
  /** In words, without a noun that only tells the head. */
  readonly length: number;
  /** The noun of its own head is the phrase's last word or stands after it. */
  readonly isNamed: boolean;
}

/** The heads that a word may belong to, the likeliest first. */
function candidates(words: readonly string[], at: number, heads: readonly HeadPhrases[]): Candidate[] {
  const found = heads.flatMap((phrases) => {
    const candidate = valueAt(words, at, phrases);
    if (candidate === null) return [];
    const next = at + candidate.length;
    const { name } = phrases.head;
    // "table lamp", "sky red backdrop": the word after it says what it belongs to.
    const isPartOfName = name === 'category' && valueAt(words, next, phrases) !== null;
    return isPartOfName || isNounOfAnother(words[next], name) ? [] : [candidate];
  });
  const named = found.filter(({ isNamed }) => isNamed);
  if (named.length > 0) return named;
  const accents = found.filter(({ head }) => head.name === 'accent');
  if (accents.length > 0 && followsWith(words, at)) return accents;
  const backdrops = found.filter(({ head, length }) => head.name === 'backdrop' && endsPhrase(words[at + length]));
  if (backdrops.length > 0 && /^(on|against)$/.test(words[at - 1] ?? '')) return backdrops;
  const bare = found.filter(({ head }) => !needsNoun.has(head.name));
  const longest = Math.max(...bare.map(({ length }) => length));
  return bare.filter(({ head, length }) => length === longest && (nouns[head.name] === undefined || bare.length === 1));
}

function valueAt(words: readonly string[], at: number, { head, phrases }: HeadPhrases): Candidate | null {
  const phrase = phrases.find((each) => startsAt(words, at, each.words));
  if (phrase === undefined) return null;
  const noun = nouns[head.name];
  const isNoun = (word = ''): boolean => noun?.test(word) === true;
  const { length } = phrase.words;
  const endsInNoun = length > 1 && isNoun(phrase.words.at(-1));
  // A package may know "sky" alone: "on a sky red backdrop".
  const follows = isNoun(words[at + length]) || (needsNoun.has(head.name) && isNoun(words[at + length + 1]));
  return { head, value: phrase.value, length: endsInNoun ? length - 1 : length, isNamed: endsInNoun || follows };
}

function endsPhrase(next: string | undefined): boolean {
  return next === undefined || /^[,.;]$/.test(next);
}

function isNounOfAnother(word = '', own: string): boolean {
  return Object.entries(nouns).some(([name, noun]) => name !== own && noun.test(word));
}

/** "with red dots", "with a red lid": a part's colour, not the product's. */
function followsWith(words: readonly string[], at: number): boolean {
  const before = words[at - 1];
  return before === 'with' || (words[at - 2] === 'with' && (before === 'a' || before === 'an'));
}

function startsAt(words: readonly string[], at: number, phrase: readonly string[]): boolean {
  return phrase.every((part, i) => words[at + i] === part || words[at + i] === `${part}s`);
}
