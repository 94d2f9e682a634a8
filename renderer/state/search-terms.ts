import type { LibraryQuery } from '../../main/contract/library.ts';
import { samplerNames } from '../../main/contract/settings.ts';

export type SearchTerms = Pick<LibraryQuery, 'words' | 'seed' | 'samplers' | 'stepCount' | 'guidanceScale' | 'dial'>;

const nothing: SearchTerms = { words: '', seed: null, samplers: [], stepCount: null, guidanceScale: null, dial: null };

/** Settings that can be asked for, by the name typed before the colon. */
const settings = new Map<string, (value: string) => Partial<SearchTerms> | null>([
  ['seed', (value) => (/^\d{1,15}$/.test(value) ? { seed: Number(value) } : null)],
  ['steps', (value) => asRange('stepCount', value)],
  ['guidance', (value) => asRange('guidanceScale', value)],
  ['dial', (value) => asRange('dial', value)],
  [
    'sampler',
    (value) => {
      const samplers = value === '' ? [] : samplerNames.filter((name) => name.startsWith(value.toLowerCase()));
      return samplers.length === 0 ? null : { samplers };
    },
  ],
]);

/**
 * What a person types into the search: words, and settings such as `seed:42`, `steps:20..30`, `guidance:3..`, `dial:..0`,
 * `sampler:euler`. A setting whose value is none is looked for as a word, so that nothing is found and nothing hidden.
 */
export function termsOf(text: string): SearchTerms {
  const words: string[] = [];
  let found = nothing;
  for (const term of text.split(/\s+/)) {
    const [, name = '', value = ''] = /^([a-z]+):(.*)$/i.exec(term) ?? [];
    const edit = settings.get(name.toLowerCase())?.(value) ?? null;
    if (edit === null) words.push(term);
    else found = { ...found, ...edit };
  }
  // As typed where there are words only: a space at the end says that the last word is finished.
  return { ...found, words: words.length === text.split(/\s+/).length ? text : words.join(' ') };
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
