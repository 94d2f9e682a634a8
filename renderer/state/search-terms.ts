import { beginningOf, momentBefore } from '../../main/contract/days.ts';
import type { LibraryQuery } from '../../main/contract/library.ts';
import { samplerNames } from '../../main/contract/settings.ts';

export type SearchTerms = Pick<
  LibraryQuery,
  'words' | 'seed' | 'samplers' | 'stepCount' | 'guidanceScale' | 'dial' | 'createdFrom' | 'createdTo'
>;

const nothing: SearchTerms = {
  words: '',
  seed: null,
  samplers: [],
  stepCount: null,
  guidanceScale: null,
  dial: null,
  createdFrom: null,
  createdTo: null,
};

interface Setting {
  /** null for a value that is none. */
  readonly read: (value: string) => Partial<SearchTerms> | null;
  /** How it is typed. */
  readonly example: string;
}

/** What can be asked for beside words, by the name typed before the colon. */
const settings = new Map<string, Setting>([
  ['seed', { read: (value) => (/^\d{1,15}$/.test(value) ? { seed: Number(value) } : null), example: 'seed:42' }],
  ['steps', { read: (value) => asRange('stepCount', value), example: 'steps:20..30' }],
  ['guidance', { read: (value) => asRange('guidanceScale', value), example: 'guidance:3..' }],
  ['dial', { read: (value) => asRange('dial', value), example: 'dial:-1..0' }],
  [
    'sampler',
    {
      read: (value) => {
        const samplers = value === '' ? [] : samplerNames.filter((name) => name.startsWith(value.toLowerCase()));
        return samplers.length === 0 ? null : { samplers };
      },
      example: 'sampler:euler',
    },
  ],
  [
    'after',
    {
      read: (value) => {
        const day = beginningOf(value);
        return day === null ? null : { createdFrom: day };
      },
      example: 'after:2026-01-31',
    },
  ],
  [
    'before',
    {
      read: (value) => {
        const day = beginningOf(value);
        return day === null ? null : { createdTo: momentBefore(day) };
      },
      example: 'before:2026-01-31',
    },
  ],
]);

/** A term that looks like a setting; undefined for a word. */
function settingOf(term: string): { readonly setting: Setting; readonly value: string } | undefined {
  const [, name = '', value = ''] = /^([a-z]+):(.*)$/i.exec(term) ?? [];
  const setting = settings.get(name.toLowerCase());
  return setting && { setting, value };
}

/**
 * What a person types into the search: words, and settings such as `seed:42`, `steps:20..30`, `guidance:3..`, `dial:..0`,
 * `sampler:euler`, `after:2026-01-31` (that day and later), `before:2026` (until the year before). A setting whose value
 * is none is looked for as a word, so that nothing is found and nothing hidden; `problemOf` says why.
 */
export function termsOf(text: string): SearchTerms {
  const words: string[] = [];
  let found = nothing;
  for (const term of text.split(/\s+/)) {
    const asked = settingOf(term);
    const edit = asked?.setting.read(asked.value) ?? null;
    if (edit === null) words.push(term);
    else found = { ...found, ...edit };
  }
  // As typed where there are words only: a space at the end says that the last word is finished.
  return { ...found, words: words.length === text.split(/\s+/).length ? text : words.join(' ') };
}

/** The first setting whose value is none, with an example of one that is; null where all can be read. */
export function problemOf(text: string): { readonly term: string; readonly example: string } | null {
  for (const term of text.split(/\s+/)) {
    const asked = settingOf(term);
    if (asked !== undefined && asked.setting.read(asked.value) === null)
      return { term, example: asked.setting.example };
  }
  return null;
}

const number = String.raw`-?\d{1,9}(?:\.\d{1,9})?`;
const rangePattern = new RegExp(String.raw`^(${number})?(\.\.)?(${number})?$`);

/** `20` is 20 to 20; `20..30`, `20..` and `..30` are what they look like. */
function asRange(field: 'stepCount' | 'guidanceScale' | 'dial', value: string): Partial<SearchTerms> | null {
  const [, low, dots, high] = rangePattern.exec(value) ?? [];
  if (low === undefined && high === undefined) return null;
  if (dots === undefined)
    return low === undefined || high !== undefined ? null : { [field]: { low: +low, high: +low } };
  return { [field]: { low: low === undefined ? null : +low, high: high === undefined ? null : +high } };
}
