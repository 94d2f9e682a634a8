import { noteTemplates } from './note-templates.ts';

export type NoteKind = keyof typeof noteTemplates;

/** What each kind of hole takes. Of two holes the first takes as little as it can. */
const holePatterns = {
  number: String.raw`-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|-?Infinity|NaN`,
  size: String.raw`\d+x\d+`,
  word: String.raw`\S+?`,
  label: '(?:(?!: )[^])*?',
  text: '[^]*?',
  note: '[^]*?',
  references: 'references(?: of (?:(?!: )[^])*?)?',
  exact: '[^]*?',
} as const;
export type NoteHole = keyof typeof holePatterns;

type HoleNames<Template> = Template extends `${string}{${infer Name}:${string}}${infer Rest}`
  ? Name | HoleNames<Rest>
  : never;
type Values<Kind extends NoteKind> = Readonly<Record<HoleNames<(typeof noteTemplates)[Kind]>, string | number>>;
type ValuesIfAny<Kind extends NoteKind> = [HoleNames<(typeof noteTemplates)[Kind]>] extends [never]
  ? []
  : [values: Values<Kind>];

/** A note that was read: which it is, and what its holes held, as it was written. */
export interface ReadNote {
  readonly kind: NoteKind;
  readonly holes: readonly { readonly name: string; readonly kind: NoteHole; readonly text: string }[];
}

/** Stands between the parts of a measure's note. */
const joint = '; ';

/** The English sentence of a note. Numbers stand as they are given: round them first. */
export function note<Kind extends NoteKind>(kind: Kind, ...[values]: ValuesIfAny<Kind>): string {
  const given: Readonly<Record<string, string | number>> = values ?? {};
  return noteTemplates[kind].replaceAll(/\{(\w+):\w+\}/g, (_, name: string) => String(given[name]));
}

/** Notes as one, null where none is left. */
export function joinNotes(...notes: readonly (string | null)[]): string | null {
  const said = notes.filter((one) => one !== null);
  return said.length === 0 ? null : said.join(joint);
}

interface Reader {
  readonly kind: NoteKind;
  readonly pattern: RegExp;
  readonly holes: readonly (readonly [name: string, kind: NoteHole])[];
}

const readers = (Object.keys(noteTemplates) as NoteKind[]).map(readerOf);

/** The holes of a kind of note, in their order. */
export function noteHoles(kind: NoteKind): Reader['holes'] {
  return [...noteTemplates[kind].matchAll(/\{(\w+):(\w+)\}/g)].map(([hole, name = '', pattern = '']) => {
    if (!isHole(pattern)) throw new RangeError(`note ${kind}: expected a known kind of hole, got ${hole}`);
    return [name, pattern];
  });
}

function isHole(kind: string): kind is NoteHole {
  return Object.hasOwn(holePatterns, kind);
}

function readerOf(kind: NoteKind): Reader {
  const holes = noteHoles(kind);
  const between = noteTemplates[kind]
    .split(/\{\w+:\w+\}/)
    .map((words) => words.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  const source = between.map((words, at) => {
    const hole = holes[at];
    return hole === undefined ? words : `${words}(${holePatterns[hole[1]]})`;
  });
  return { kind, holes, pattern: new RegExp(`^${source.join('')}$`) };
}

/** Which note a sentence is and what it tells; null for one that is none of ours. */
export function parseNote(sentence: string): ReadNote | null {
  for (const { kind, pattern, holes } of readers) {
    const found = pattern.exec(sentence);
    if (found !== null)
      return { kind, holes: holes.map(([name, hole], at) => ({ name, kind: hole, text: found[at + 1] ?? '' })) };
  }
  return null;
}

/** The notes that `joinNotes` made one of; what is none of ours stands between them as it came. */
export function partNotes(joined: string): readonly string[] {
  const pieces = joined.split(joint);
  const parts: string[] = [];
  for (let from = 0; from < pieces.length;) {
    // A note may hold the joint itself: the longest that can be read is one.
    let to = pieces.length;
    const part = (): string => pieces.slice(from, to).join(joint);
    while (to > from + 1 && parseNote(part()) === null) to -= 1;
    parts.push(part());
    from = to;
  }
  return parts;
}
