import i18next from 'i18next';
import type { FailureRecord } from '../../main/contract/failures.ts';
import { parseNote, partNotes, type NoteHole } from '../../main/contract/notes.ts';
import en from '../locales/en.json' with { type: 'json' };
import ja from '../locales/ja.json' with { type: 'json' };

type Paths<Tree, Prefix extends string = ''> = {
  [Name in keyof Tree & string]: Tree[Name] extends string
    ? Name extends `${infer Base}_${'one' | 'other'}`
      ? `${Prefix}${Base}`
      : `${Prefix}${Name}`
    : Paths<Tree[Name], `${Prefix}${Name}.`>;
}[keyof Tree & string];

/** A text of the window by its place in the locale files. */
export type TextKey = Paths<typeof en>;
export type TextValues = Readonly<Record<string, string | number>>;
export type Translate = (key: TextKey, values?: TextValues) => string;

export const languages = ['en', 'ja'] as const;
export type LanguageCode = (typeof languages)[number];

/** A note as the window tells it. */
export interface SaidNote {
  readonly words: string;
  /** English where the words are as they came, within another language; else null. */
  readonly lang: 'en' | null;
  /** A technical line beneath, which only English has. */
  readonly exact: string | null;
}

/** The language of the window: the person's choice, or the system's where we have it. */
export class Language {
  #code = $state<LanguageCode>('en');
  /** The language as it is written where the person lives: en-GB, not only en. */
  #locale = $state('en');
  readonly #texts = i18next.createInstance();

  constructor() {
    void this.#texts.init({
      lng: 'en',
      fallbackLng: 'en',
      initAsync: false,
      resources: { en: { translation: en }, ja: { translation: ja } },
      interpolation: { escapeValue: false },
    });
  }

  get code(): LanguageCode {
    return this.#code;
  }

  /** Takes over a choice; `system` asks the browser. */
  choose(choice: LanguageCode | 'system', system: readonly string[] = navigator.languages): void {
    const wanted = choice === 'system' ? system.map((tag) => tag.slice(0, 2)) : [choice];
    this.#code =
      languages.find((code) => code === wanted.find((tag) => languages.some((known) => known === tag))) ?? 'en';
    this.#locale = system.find((tag) => tag.startsWith(this.#code)) ?? this.#code;
    void this.#texts.changeLanguage(this.#code);
  }

  readonly t: Translate = (key, values) => this.#texts.t(key, { ...values, lng: this.#code });

  /**
   * Why something could not be done. The studio words its failures in English and knows no language: in another one their
   * kind is said in words, and the exact line stands beneath.
   */
  readonly failure = ({ code, message }: FailureRecord): { readonly words: string; readonly exact: string | null } =>
    this.#code === 'en' ? { words: message, exact: null } : { words: this.t(`failure.${code}`), exact: message };

  /** Why a model cannot be used, as `failure` does. */
  readonly problem = (message: string): { readonly words: string; readonly exact: string | null } =>
    this.#code === 'en' ? { words: message, exact: null } : { words: this.t('models.unusable'), exact: message };

  /** A note of the studio, which knows no language: the window's own words for it, where it is one that is known. */
  readonly note = (sentence: string): SaidNote => {
    const read = parseNote(sentence);
    if (read === null) return { words: sentence, lang: this.#code === 'en' ? null : 'en', exact: null };
    const exact = read.holes.find(({ kind }) => kind === 'exact')?.text ?? null;
    const values = Object.fromEntries(read.holes.map(({ name, kind, text }) => [name, this.#inNote(kind, text)]));
    return { words: this.t(`note.${read.kind}`, values), lang: null, exact };
  };

  /** The notes that a measure's one consists of. */
  readonly notesIn = (joined: string): readonly SaidNote[] => partNotes(joined).map(this.note);

  #inNote(kind: NoteHole, text: string): string {
    switch (kind) {
      case 'number':
        return this.#asWritten(text);
      case 'size':
        return text.replace('x', ' × ');
      case 'note':
      case 'references':
        return this.note(text).words;
      case 'word':
      case 'label':
      case 'text':
      case 'exact':
        return text;
    }
  }

  /** A number with the digits that it is written with. */
  #asWritten(text: string): string {
    const [mantissa = '', exponent] = text.split('e');
    const digits = mantissa.split('.')[1]?.length ?? 0;
    if (exponent === undefined) return this.number(Number(text), digits);
    return numberFormat(this.#locale, { maximumSignificantDigits: digits + 1 }).format(Number(text));
  }

  /** A number as people write it in this language. */
  readonly number = (value: number, digits = 2): string =>
    numberFormat(this.#locale, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);

  /** A number with so few letters that it fits a narrow place: 15,447.59 becomes 15K. */
  readonly shortNumber = (value: number, digits = 2): string =>
    Math.abs(value) < 1000
      ? this.number(value, Math.abs(value) < 100 ? digits : Math.min(digits, 1))
      : numberFormat(this.#locale, { notation: 'compact', maximumSignificantDigits: 3 }).format(value);

  /** A whole number with its thousands apart. */
  readonly count = (value: number): string => numberFormat(this.#locale).format(value);

  /** A stretch of time in the two largest units that matter. */
  readonly duration = (seconds: number): string => {
    const whole = Math.max(1, Math.round(seconds));
    if (whole < 60) return this.t('time.seconds', { count: whole });
    const minutes = Math.round(whole / 60);
    if (minutes < 60) return this.t('time.minutes', { count: minutes });
    return this.t('time.hours', { count: Math.round(minutes / 6) / 10 });
  };

  readonly date = (iso: string): string =>
    dateFormat(this.#locale, { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(iso));
}

/** Keeps what a function made of the same arguments: making one of the browser's formats takes longer than using it a hundred times. */
function kept<Made, Options>(make: (locale: string, options?: Options) => Made) {
  const known = new Map<string, Made>();
  return (locale: string, options?: Options): Made => {
    const key = `${locale} ${JSON.stringify(options)}`;
    const made = known.get(key) ?? make(locale, options);
    known.set(key, made);
    return made;
  };
}

const numberFormat = kept((locale, options?: Intl.NumberFormatOptions) => new Intl.NumberFormat(locale, options));
const dateFormat = kept((locale, options?: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(locale, options));
