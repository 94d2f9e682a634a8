import { SvelteMap } from 'svelte/reactivity';
import type { StudioClient } from '../../main/contract/calls/index.ts';
import { libraryQuerySchema, type ImageSummary, type LibraryQuery } from '../../main/contract/library.ts';

const pageSize = 200;
/** Pages kept in memory; the furthest from the last looked at goes first. */
const keptPages = 40;
const settleTime = 80;

/**
 * The images of one query, loaded by pages as they are looked at. Places count from 0; a place whose page is not there yet
 * is undefined.
 */
export class ImageList {
  #query = $state.raw<LibraryQuery>(libraryQuerySchema.parse({}));
  #total = $state(0);
  #isLoaded = $state(false);
  readonly #pages = new SvelteMap<number, readonly ImageSummary[]>();
  readonly #loading = new Set<number>();
  readonly #studio: StudioClient;
  readonly #onError: (error: unknown) => void;
  #generation = 0;
  #lastPage = 0;
  #refreshTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(studio: StudioClient, onError: (error: unknown) => void) {
    this.#studio = studio;
    this.#onError = onError;
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

  at(place: number): ImageSummary | undefined {
    return this.#pages.get(Math.floor(place / pageSize))?.[place % pageSize];
  }

  /** Place of an image among the loaded ones; -1 where it is not. */
  placeOf(id: string): number {
    for (const [page, images] of this.#pages) {
      const index = images.findIndex((image) => image.id === id);
      if (index >= 0) return page * pageSize + index;
    }
    return -1;
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
    await this.#reload([0]);
  }

  /** Narrows or widens the present query. */
  async change(edit: Partial<LibraryQuery>): Promise<void> {
    await this.show({ ...this.#query, ...edit });
  }

  /** Asks for the pages that hold these places, where they are not there. */
  ensure(from: number, to: number): void {
    const last = Math.floor(Math.max(0, Math.min(to, this.#total - 1)) / pageSize);
    this.#lastPage = last;
    for (let page = Math.floor(Math.max(0, from) / pageSize); page <= last; page += 1)
      if (!this.#pages.has(page) && !this.#loading.has(page)) void this.#load(page, this.#generation);
  }

  /** Asks again for what is shown, soon; several calls in a row ask once. */
  refresh(): void {
    if (this.#refreshTimer !== undefined) return;
    this.#refreshTimer = setTimeout(() => {
      this.#refreshTimer = undefined;
      void this.#reload([...this.#pages.keys()]);
    }, settleTime);
  }

  /** A new image at the end, when the whole list is there and it belongs there; else the list is asked again. */
  append(image: ImageSummary): void {
    if (this.placeOf(image.id) >= 0) return;
    const page = Math.floor(this.#total / pageSize);
    const images = this.#pages.get(page) ?? [];
    const isWhole = this.#isLoaded && images.length === this.#total % pageSize;
    if (!isWhole || this.#query.sort !== 'oldest') {
      this.refresh();
      return;
    }
    this.#pages.set(page, [...images, image]);
    this.#total += 1;
  }

  /** Shows a change before the studio has confirmed it. */
  patch(ids: ReadonlySet<string>, edit: (image: ImageSummary) => ImageSummary): void {
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

  async #reload(pages: readonly number[]): Promise<void> {
    this.#generation += 1;
    const generation = this.#generation;
    this.#loading.clear();
    const wanted = pages.length === 0 ? [0] : pages;
    const loaded = new Map<number, readonly ImageSummary[]>();
    try {
      for (const page of wanted) {
        const { images, total } = await this.#ask(page);
        if (generation !== this.#generation) return;
        loaded.set(page, images);
        this.#total = total;
      }
    } catch (error) {
      this.#onError(error);
      return;
    }
    this.#pages.clear();
    for (const [page, images] of loaded) if (images.length > 0) this.#pages.set(page, images);
    this.#isLoaded = true;
  }

  async #load(page: number, generation: number): Promise<void> {
    this.#loading.add(page);
    try {
      const { images, total } = await this.#ask(page);
      if (generation !== this.#generation) return;
      this.#pages.set(page, images);
      this.#total = total;
      this.#forgetFarPages();
    } catch (error) {
      this.#onError(error);
    } finally {
      this.#loading.delete(page);
    }
  }

  #ask(page: number) {
    return this.#studio.images.page({ query: this.#query, limit: pageSize, offset: page * pageSize });
  }

  #forgetFarPages(): void {
    const far = [...this.#pages.keys()].sort((a, b) => Math.abs(b - this.#lastPage) - Math.abs(a - this.#lastPage));
    for (const page of far.slice(0, Math.max(0, far.length - keptPages))) this.#pages.delete(page);
  }
}
