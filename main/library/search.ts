import { Failure } from '../contract/failures.ts';
import {
  libraryQuerySchema,
  librarySorts,
  type ImageSummary,
  type LibraryQuery,
  type LibraryQueryInput,
  type LibrarySort,
  type Page,
  type PageRequest,
} from '../contract/library.ts';
import { allOf, part, planOf, stateParts, type Part, type Plan } from './filters.ts';
import { summaryColumns, summaryOf } from './image-rows.ts';
import { KnownUntilChanged } from './known-until-changed.ts';
import type { Library } from './library.ts';
import { termsFrom } from './words.ts';

interface Order {
  /** What is sorted by; null: arrival alone. */
  readonly value: string | null;
  readonly down: boolean;
}

/** Ties are ordered by arrival in the same direction, so that every order is total and pages cannot overlap. */
const orders: Readonly<Record<LibrarySort, Order>> = {
  newest: { value: null, down: true },
  oldest: { value: null, down: false },
  rating: { value: 'images.rating', down: true },
  typical: { value: 'ifnull(images.density_percentile, -1.0)', down: true },
  unusual: { value: 'ifnull(images.density_percentile, 1e9)', down: false },
  'text-match': { value: 'ifnull(images.text_image_score, -1e9)', down: true },
};

/**
 * One page of what a query finds. Pages follow each other by the last one's sort value and key, so that a page deep in
 * 100,000 images costs what the first one does; `offset` skips from there, for a grid that jumps.
 * @throws Failure bad-input for an order by likeness, which `LikenessOrder` makes.
 */
export function searchPage(library: Library, request: PageRequest): Page {
  const { query, limit, offset } = request;
  const order = orders[storedSort(query)];
  const cursor = request.cursor === null ? null : parseCursor(request.cursor);
  const keys = keysPart(plan(library, query, 'first'), query, order, cursor);
  const sorting = sortingOf(order, 'images.key');
  // Keys first, whole rows for this page only: an index alone answers the skipping.
  const rows = library.database.all(
    `SELECT ${summaryColumns}, ${order.value ?? 'NULL'} AS sort_value FROM images
     WHERE images.key IN (${keys.sql} LIMIT ? OFFSET ?) ORDER BY ${sorting}`,
    ...keys.values,
    limit,
    offset,
  );
  const last = rows.length === limit ? rows.at(-1) : undefined;
  return {
    images: rows.map(summaryOf),
    total: countOf(library, query),
    next: last === undefined ? null : cursorOf(last['sort_value'], Number(last['key'])),
  };
}

/** Whether the library keeps what an order goes by. */
export function isStored(sort: LibraryQuery['sort']): sort is LibrarySort {
  return librarySorts.some((stored) => stored === sort);
}

function storedSort({ sort }: LibraryQuery): LibrarySort {
  if (isStored(sort)) return sort;
  throw new Failure('bad-input', `expected one of the orders ${librarySorts.join(', ')}, got '${sort}'`, 'query.sort');
}

/** The keys a query finds, in order, after the cursor. */
function keysPart(plan: Plan, query: LibraryQuery, order: Order, cursor: Cursor | null): Part {
  if (plan.kind === 'words' && order.value === null) {
    const where = allOf([plan.where, ...afterCursor(order, cursor, 'rowid')]);
    return part(
      `SELECT rowid FROM image_words WHERE ${where.sql} ORDER BY ${sortingOf(order, 'rowid')}`,
      ...where.values,
    );
  }
  const rows: Plan =
    plan.kind === 'rows'
      ? plan
      : {
          kind: 'rows',
          // It holds every value that is sorted by; the rows themselves lie wide apart.
          from: 'images INDEXED BY images_filters',
          where: allOf([
            ...stateParts(query),
            part(`images.key IN (SELECT rowid FROM image_words WHERE ${plan.where.sql})`, ...plan.where.values),
          ]),
        };
  const where = allOf([rows.where, ...afterCursor(order, cursor, 'images.key')]);
  return part(
    `SELECT images.key FROM ${rows.from} WHERE ${where.sql} ORDER BY ${sortingOf(order, 'images.key')}`,
    ...where.values,
  );
}

function sortingOf(order: Order, key: string): string {
  const direction = order.down ? 'DESC' : 'ASC';
  return [...(order.value === null ? [] : [`${order.value} ${direction}`]), `${key} ${direction}`].join(', ');
}

const totals = new KnownUntilChanged<number>();

/** How many images a query finds. Counting reads every hit, so the pages of one query share a count. */
export function countOf(library: Library, query: LibraryQuery): number {
  return totals.get(library, JSON.stringify(query), () => {
    const { from, where } = plan(library, query, 'count');
    const row = library.database.get(`SELECT count(*) AS total FROM ${from} WHERE ${where.sql}`, ...where.values);
    return Number(row?.['total'] ?? 0);
  });
}

function plan(library: Library, query: LibraryQuery, purpose: 'count' | 'first'): Plan {
  return planOf(query, (start) => termsFrom(library, start), purpose);
}

/** Every image a query finds, page by page: for exports and the command line. */
export function* searchAll(library: Library, input: LibraryQueryInput): Generator<ImageSummary> {
  const query = libraryQuerySchema.parse(input);
  let cursor: string | null = null;
  do {
    const page: Page = searchPage(library, { query, limit: 1000, cursor, offset: 0 });
    yield* page.images;
    cursor = page.next;
  } while (cursor !== null);
}

/** Tags in use, most used first. */
export function tagCounts(library: Library): { readonly tag: string; readonly count: number }[] {
  return library.database
    .all('SELECT tag, count(*) AS count FROM image_tags GROUP BY tag ORDER BY count DESC, tag')
    .map((row) => ({ tag: String(row['tag']), count: Number(row['count']) }));
}

/** Sort value and key of the last image of a page. */
type Cursor = readonly [value: number | null, key: number];

function cursorOf(value: unknown, key: number): string {
  return Buffer.from(JSON.stringify([value, key])).toString('base64url');
}

function afterCursor(order: Order, cursor: Cursor | null, keyColumn: string): Part[] {
  if (cursor === null) return [];
  const [value, key] = cursor;
  const sign = order.down ? '<' : '>';
  if (order.value === null) return [part(`${keyColumn} ${sign} ?`, key)];
  if (value === null) throw badCursor();
  return [part(`(${order.value}, ${keyColumn}) ${sign} (?, ?)`, value, key)];
}

function parseCursor(cursor: string): Cursor {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch (error) {
    throw badCursor(error);
  }
  if (!Array.isArray(parsed) || parsed.length !== 2) throw badCursor();
  const [value, key] = parsed as unknown[];
  if (!(value === null || typeof value === 'number') || typeof key !== 'number') throw badCursor();
  return [value, key];
}

function badCursor(cause?: unknown): Failure {
  return new Failure('bad-input', 'expected the cursor of the page before, got something else', 'cursor', { cause });
}
