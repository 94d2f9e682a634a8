import { Failure } from '../contract/failures.ts';
import type { LibraryQuery, Page, PageRequest } from '../contract/library.ts';
import { appearance, appearanceOf, distanceOf } from './appearance.ts';
import { duplicateGroups } from './duplicates.ts';
import { imageSummaries, keysOf } from './image-rows.ts';
import { stateOf } from './known-until-changed.ts';
import type { Library } from './library.ts';
import { searchAll } from './search.ts';
import { timeSlices } from './time-slices.ts';

/** Images whose appearance is read at once. */
const readAtOnce = 500;

/** Farther than any other, of an image that went meanwhile. */
const unknownDistance = 100;

/**
 * Places of distances (−1 to 100) in rising order to 1e-7, equal ones as they stand. Sorted as plain numbers that hold
 * both, exact up to some nine million: without a comparison function 100,000 take a tenth of the time, in one go.
 */
function nearestFirst(distances: Float64Array): number[] {
  const count = distances.length;
  const keys = distances.map((distance, place) => Math.round(distance * 1e7) * count + place).sort();
  return Array.from(keys, (key) => ((key % count) + count) % count);
}

/**
 * Orders that no index holds, because they depend on what is asked: by likeness to an image, or with near-duplicates
 * together. Judged a slice of time at a time; the last one is kept until something in the library changes.
 */
export class LikenessOrder {
  readonly #library: Library;
  #last: { readonly of: string; readonly ids: readonly string[] } | null = null;

  constructor(library: Library) {
    this.#library = library;
  }

  /**
   * One page of a query in its order by likeness, from `offset`.
   * @throws Failure bad-input without an image to be like, with a cursor, or for more than 5000 images to be compared with
   * each other; not-found for an image that is not there.
   */
  async page({ query, limit, offset, cursor }: PageRequest): Promise<Page> {
    if (cursor !== null)
      throw new Failure('bad-input', 'expected an offset and no cursor in an order by likeness', 'cursor');
    const ids = await this.#ids(query);
    return { images: imageSummaries(this.#library, ids.slice(offset, offset + limit)), total: ids.length, next: null };
  }

  async #ids(query: LibraryQuery): Promise<readonly string[]> {
    // Of before the judging: what is changed between two slices makes the next page's order another.
    const of = JSON.stringify([query, stateOf(this.#library)]);
    if (this.#last?.of === of) return this.#last.ids;
    const ids = query.sort === 'alike' ? await this.#alike(query) : await this.#similar(query);
    this.#last = { of, ids };
    return ids;
  }

  /** Groups of near-duplicates first, each together, then what has none; both as they arrived. */
  async #alike(query: LibraryQuery): Promise<readonly string[]> {
    const ids = await this.#found(query);
    const grouped = (await duplicateGroups(this.#library, ids)).flatMap(({ images }) => images);
    const inGroups = new Set(grouped);
    return [...grouped, ...ids.filter((id) => !inGroups.has(id))];
  }

  async #similar(query: LibraryQuery): Promise<readonly string[]> {
    if (query.similarTo === null)
      throw new Failure('bad-input', 'expected the image to be like, got none', 'query.similarTo');
    const [own = -1] = keysOf(this.#library, [query.similarTo]);
    const wanted = appearance(this.#library, own);
    const ids = await this.#found(query);
    const pause = timeSlices();
    const places = new Map(ids.map((id, place) => [id, place]));
    const distances = new Float64Array(ids.length).fill(unknownDistance);
    for (let start = 0; start < ids.length; start += readAtOnce) {
      await pause();
      const rows = this.#library.database.all(
        `SELECT id, look, feature_encoder, features FROM images JOIN image_records ON image = key
         WHERE id IN (SELECT value FROM json_each(?))`,
        JSON.stringify(ids.slice(start, start + readAtOnce)),
      );
      for (const row of rows) {
        const place = places.get(String(row['id']));
        if (place !== undefined) distances[place] = distanceOf(wanted, appearanceOf(row));
      }
    }
    const itself = places.get(query.similarTo);
    if (itself !== undefined) distances[itself] = -1;
    await pause();
    return nearestFirst(distances).map((place) => ids[place] as string);
  }

  /** What the query finds, in the order of arrival. */
  async #found(query: LibraryQuery): Promise<string[]> {
    const pause = timeSlices();
    const ids: string[] = [];
    for (const { id } of searchAll(this.#library, { ...query, sort: 'oldest' })) {
      ids.push(id);
      await pause();
    }
    return ids;
  }
}
