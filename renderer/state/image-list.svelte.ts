import { SvelteMap } from 'svelte/reactivity';
import type { StudioClient } from '../../main/contract/calls/index.ts';
import { libraryQuerySchema, type ImageSummary, type LibraryQuery } from '../../main/contract/library.ts';
import type { Notices } from './notices.svelte.ts';
import { Refresher } from './refresher.ts';

const pageSize = 200;
/** Pages kept in memory; the furthest from the last looked at goes first. */
const keptPages = 40;

/** Milliseconds between two looks at what a running batch has added: more often than twice a second nobody follows. */
export const refreshRest = 400;

const pageOf = (place: number): number => Math.floor(Math.max(0, place) / pageSize);

/**
 * The images of one query, loaded by pages as they are looked at. Places count from 0; a place whose page is not there yet
 * is undefined. One page is asked for at a time, always one that is in view, so that neither quick scrolling nor quickly
 * arriving images flood the host.
 */
export class ImageList {
  #query = $state.raw<LibraryQuery>(libraryQuerySchema.parse({}));
  #total = $state(0);
  #isLoaded = $state(false);
  #arrangements = $state(0);
  readonly #pages = new SvelteMap<number, readonly ImageSummary[]>();
  /** Pages that are shown as they were until they are looked at and asked for again. */
  readonly #stale = new Set<number>();
  readonly #studio: StudioClient;
  readonly #notices: Notices;
  readonly #refresher = new Refresher(async () => {
    for (const page of [0, ...this.#pages.keys()]) this.#stale.add(page);
    await this.#fill();
  }, refreshRest);
  readonly #arranged: ((isOther: boolean) => void)[] = [];
  /** Counts the queries; an answer to an older one is passed over. */
  #generation = 0;
  #pagesOf = 0;
  /** Counts what was changed here; an answer from before a change does not know it. */
  #edits = 0;
  #view = { from: 0, to: 0 };
  /** A page wanted though it is not in view, until it is there. */
  #wanted: number | null = null;
  #filling: Promise<void> | null = null;

  constructor(studio: StudioClient, notices: Notices) {
    this.#studio = studio;
    this.#notices = notices;
  }

  get query(): LibraryQuery {
    return this.#query;
  }

  get total(): number {
    return this.#total;
  }

  /** Whether the first page of the present query has come. */
  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  /** Counts how often images have come, and so may lie in other places than before. */
  get arrangements(): number {
    return this.#arrangements;
  }

  /** Tells a listener when images have come: those of another query, or the same query's as they are now. */
  onArranged(listener: (isOther: boolean) => void): void {
    this.#arranged.push(listener);
  }

  at(place: number): ImageSummary | undefined {
    return this.#pages.get(Math.floor(place / pageSize))?.[place % pageSize];
  }

  /** Place of an image among the loaded ones; -1 where it is not. A page that may no longer be true is believed last. */
  placeOf(id: string): number {
    let old = -1;
    for (const [page, images] of this.#pages) {
      const index = images.findIndex((image) => image.id === id);
      if (index < 0) continue;
      if (!this.#stale.has(page)) return page * pageSize + index;
      old = page * pageSize + index;
    }
    return old;
  }

  find(id: string): ImageSummary | undefined {
    const place = this.placeOf(id);
    return place < 0 ? undefined : this.at(place);
  }

  /** All loaded images in order. */
  get loaded(): readonly ImageSummary[] {
    return [...this.#pages.keys()].sort((a, b) => a - b).flatMap((page) => this.#pages.get(page) ?? []);
  }

  /** Shows another query from its top. */
  async show(query: Partial<LibraryQuery>): Promise<void> {
    this.#query = libraryQuerySchema.parse(query);
    this.#isLoaded = false;
    this.#generation += 1;
    this.#view = { from: 0, to: 0 };
    this.#wanted = null;
    this.#stale.add(0);
    await this.#fill();
  }

  /** Narrows or widens the present query. */
  async change(edit: Partial<LibraryQuery>): Promise<void> {
    await this.show({ ...this.#query, ...edit });
  }

  /** These places are looked at: their pages are asked for where they are not there. */
  ensure(from: number, to: number): void {
    this.#view = { from: pageOf(from), to: pageOf(to) };
    void this.#fill();
  }

  /** Asks for the page of this place, in view or not, unless it is there; true where it had to be asked for. */
  want(place: number): boolean {
    const page = pageOf(place);
    if (this.#pages.has(page) && !this.#stale.has(page)) return false;
    this.#wanted = page;
    void this.#fill();
    return true;
  }

  /** Asks again for what is in view, soon; several calls in a row ask once. */
  refresh(): void {
    this.#refresher.ask();
  }

  /** A new image at the end, when the whole list is there and it belongs there; else the list is asked again. */
  append(image: ImageSummary): void {
    if (this.placeOf(image.id) >= 0) return;
    const page = pageOf(this.#total);
    const images = this.#pages.get(page) ?? [];
    const isWhole = this.#isLoaded && images.length === this.#total % pageSize;
    if (!isWhole || this.#query.sort !== 'oldest') {
      this.refresh();
      return;
    }
    this.#edits += 1;
    this.#pages.set(page, [...images, image]);
    this.#total += 1;
  }

  /** Shows a change before the studio has confirmed it. */
  patch(ids: ReadonlySet<string>, edit: (image: ImageSummary) => ImageSummary): void {
    this.#edits += 1;
    for (const [page, images] of this.#pages)
      if (images.some(({ id }) => ids.has(id)))
        this.#pages.set(
          page,
          images.map((image) => (ids.has(image.id) ? edit(image) : image)),
        );
  }

  /** Ids of every image of the query, asked for page by page. */
  async allIds(): Promise<readonly string[]> {
    const ids: string[] = [];
    for (let offset = 0; offset < this.#total; offset += 1000) {
      const page = await this.#studio.images.page({ query: this.#query, limit: 1000, offset });
      ids.push(...page.images.map(({ id }) => id));
      if (page.images.length === 0) break;
    }
    return ids;
  }

  /** Asks for what is in view and missing, one page after the other, until nothing is. */
  async #fill(): Promise<void> {
    if (this.#filling === null && this.#missing() !== null) this.#filling = this.#askForMissing();
    await this.#filling;
  }

  async #askForMissing(): Promise<void> {
    try {
      for (let page = this.#missing(); page !== null; page = this.#missing()) {
        const [generation, edits] = [this.#generation, this.#edits];
        const request = { query: this.#query, limit: pageSize, offset: page * pageSize };
        const { images, total } = await this.#studio.images.page(request);
        const isOld = edits !== this.#edits;
        if (generation !== this.#generation || (isOld && this.#pagesOf === generation && this.#pages.has(page)))
          continue;
        this.#take(page, images, total);
        if (isOld) this.#stale.add(page);
      }
    } catch (error) {
      this.#notices.complain(error);
    } finally {
      this.#filling = null;
    }
  }

  /** The first page in view that is not there or no longer true. */
  #missing(): number | null {
    if (!this.#isLoaded) return this.#stale.has(0) ? 0 : null;
    const last = pageOf(this.#total - 1);
    const isMissing = (page: number): boolean => this.#stale.has(page) || (!this.#pages.has(page) && this.#total > 0);
    for (let page = Math.min(this.#view.from, last); page <= Math.min(this.#view.to, last); page += 1)
      if (isMissing(page)) return page;
    return this.#wanted !== null && this.#wanted <= last && isMissing(this.#wanted) ? this.#wanted : null;
  }

  #take(page: number, images: readonly ImageSummary[], total: number): void {
    const isOther = this.#pagesOf !== this.#generation;
    if (isOther) {
      this.#pages.clear();
      this.#stale.clear();
      this.#pagesOf = this.#generation;
    }
    this.#stale.delete(page);
    this.#pages.set(page, this.#asKnown(page, images));
    this.#total = total;
    if (page === this.#wanted) this.#wanted = null;
    for (const known of this.#pages.keys()) if (known > pageOf(total - 1)) this.#forget(known);
    this.#forgetFarPages();
    this.#isLoaded = true;
    for (const tell of this.#arranged) tell(isOther);
    this.#arrangements += 1;
  }

  /** An image that is as it was stays the same object, so that nothing of it is drawn anew. */
  #asKnown(page: number, images: readonly ImageSummary[]): readonly ImageSummary[] {
    const near = [page - 1, page, page + 1].flatMap((one) => this.#pages.get(one) ?? []);
    const known = new Map(near.map((image) => [image.id, image]));
    return images.map((image) => {
      const old = known.get(image.id);
      return old !== undefined && JSON.stringify(old) === JSON.stringify(image) ? old : image;
    });
  }

  #forgetFarPages(): void {
    const distance = (page: number): number => Math.abs(page - this.#view.to);
    const far = [...this.#pages.keys()].sort((a, b) => distance(b) - distance(a));
    for (const page of far.slice(0, Math.max(0, far.length - keptPages))) this.#forget(page);
  }

  #forget(page: number): void {
    this.#pages.delete(page);
    this.#stale.delete(page);
  }
}
