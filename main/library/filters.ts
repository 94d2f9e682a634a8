import type { LibraryQuery } from '../contract/library.ts';
import type { SqlValue } from './database.ts';
import { excludedQuery, matchInStates, matchQuery, type TermsFrom } from './words.ts';

/** A piece of SQL with the values of its question marks. */
export interface Part {
  readonly sql: string;
  readonly values: readonly SqlValue[];
}

export function part(sql: string, ...values: readonly SqlValue[]): Part {
  return { sql, values };
}

export function allOf(parts: readonly Part[]): Part {
  return { sql: parts.map(({ sql }) => sql).join(' AND ') || 'TRUE', values: parts.flatMap(({ values }) => values) };
}

/** Where to look for what a query asks, and the condition there. SQLite has no statistics to choose well by itself. */
export interface Plan {
  /** `words`: the word index alone answers; its rowid is the image's key. */
  readonly kind: 'words' | 'rows';
  /** Table to select from, with the index to use where it matters. */
  readonly from: string;
  readonly where: Part;
}

/** @param purpose what the plan is for: all that is found is counted, or the first of it are wanted in the query's order */
export function planOf(query: LibraryQuery, termsFrom: TermsFrom, purpose: 'count' | 'first'): Plan {
  const narrow = narrowParts(query);
  const wide = wideParts(query);
  const match = matchQuery(query.words, termsFrom);
  if (match !== null) {
    const found = part('image_words MATCH ?', matchInStates(match, query.deleted, query.candidates));
    if (narrow.length + wide.length === 0) return { kind: 'words', from: 'image_words', where: found };
    narrow.push(part(`images.key IN (SELECT rowid FROM image_words WHERE ${found.sql})`, ...found.values));
  }
  // A leading + keeps SQLite from walking every kept image when something else finds few.
  const state = stateParts(query, narrow.length > 0 ? '+' : '');
  const from =
    query.seed !== null
      ? 'images INDEXED BY images_by_seed'
      : narrow.length === 0 && wide.length > 0
        ? `images INDEXED BY ${marksIndex(query, wide.length, purpose) ?? 'images_filters'}`
        : 'images';
  return { kind: 'rows', from, where: allOf([...state, ...narrow, ...wide]) };
}

/** The index that answers a query about nothing but flags and ratings, where it has them in the order that is wanted. */
function marksIndex(
  { flags, rating, sort }: LibraryQuery,
  conditions: number,
  purpose: 'count' | 'first',
): string | null {
  const asked =
    Number(flags.length > 0) + Number((rating?.low ?? null) !== null) + Number((rating?.high ?? null) !== null);
  if (asked < conditions || (purpose === 'first' && (sort !== 'rating' || flags.length > 1))) return null;
  return flags.length > 0 ? 'images_marked' : 'images_rated';
}

/** The state of a row that a query is about, e.g. kept and not in the trash. */
export function stateParts(query: LibraryQuery, prefix: '' | '+' = ''): Part[] {
  const parts = [part(`${prefix}images.deleted = ?`, query.deleted ? 1 : 0)];
  if (query.candidates !== 'all')
    parts.push(part(`${prefix}images.rejected = ?`, query.candidates === 'rejected' ? 1 : 0));
  return parts;
}

/** Conditions that an index of their own answers. */
function narrowParts(query: LibraryQuery): Part[] {
  return [
    ...(query.batch === null ? [] : [part('images.batch = ?', query.batch)]),
    ...(query.seed === null ? [] : [part('images.seed = ?', query.seed)]),
    ...(query.collection === null
      ? []
      : [part('images.key IN (SELECT image FROM collection_images WHERE collection = ?)', query.collection)]),
    ...query.tags.map((tag) => part('images.key IN (SELECT image FROM image_tags WHERE tag = ?)', tag)),
  ];
}

/** Conditions that are read from every row. */
function wideParts(query: LibraryQuery): Part[] {
  const excluded = matchQuery(query.words) === null ? excludedQuery(query.words) : null;
  return [
    ...anyOf('images.flag', query.flags),
    ...anyOf('images.model', query.models),
    ...anyOf('images.sampler', query.samplers),
    ...between('images.rating', query.rating),
    ...between('images.guidance_scale', query.guidanceScale),
    ...between('images.dial', query.dial),
    ...between('images.step_count', query.stepCount),
    ...between('images.density_percentile', query.densityPercentile),
    ...between('images.created_at', { low: query.createdFrom, high: query.createdTo }),
    ...(excluded === null
      ? []
      : [part('images.key NOT IN (SELECT rowid FROM image_words WHERE image_words MATCH ?)', excluded)]),
  ];
}

function anyOf(column: string, values: readonly string[]): Part[] {
  return values.length === 0 ? [] : [part(`${column} IN (${values.map(() => '?').join(', ')})`, ...values)];
}

function between(column: string, range: { readonly low: SqlValue; readonly high: SqlValue } | null): Part[] {
  if (range === null) return [];
  return [
    ...(range.low === null ? [] : [part(`${column} >= ?`, range.low)]),
    ...(range.high === null ? [] : [part(`${column} <= ?`, range.high)]),
  ];
}
