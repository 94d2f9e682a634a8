import type { StudioClient } from '../../main/contract/calls/index.ts';
import type { Collection, LibraryQuery } from '../../main/contract/library.ts';
import { Culler } from './culler.svelte.ts';
import { refreshRest, type ImageList } from './image-list.svelte.ts';
import type { Language } from './language.svelte.ts';
import type { Notices } from './notices.svelte.ts';
import { Refresher } from './refresher.ts';
import { problemOf, termsOf } from './search-terms.ts';

/** The whole library: one query over it, its collections and tags. */
export class Gallery {
  readonly culler: Culler;
  #collections = $state.raw<readonly Collection[]>([]);
  #tags = $state.raw<readonly { readonly tag: string; readonly count: number }[]>([]);
  #searchText = $state('');
  readonly #studio: StudioClient;
  readonly #notices: Notices;
  readonly #sides = new Refresher(() => this.loadSides(), refreshRest);

  constructor(studio: StudioClient, notices: Notices, language: Language) {
    this.#studio = studio;
    this.#notices = notices;
    this.culler = new Culler(studio, notices, language);
  }

  get list(): ImageList {
    return this.culler.list;
  }

  get collections(): readonly Collection[] {
    return this.#collections;
  }

  get tags(): readonly { readonly tag: string; readonly count: number }[] {
    return this.#tags;
  }

  /** What is searched for, as it was typed. */
  get searchText(): string {
    return this.#searchText;
  }

  /** A setting in what is searched for that cannot be read, with one that can; null where all can be. */
  get searchProblem(): ReturnType<typeof problemOf> {
    return problemOf(this.#searchText);
  }

  /** Shows the gallery for the first time, or once more: what came meanwhile is asked for. */
  async open(): Promise<void> {
    if (this.list.isLoaded) this.list.refresh();
    await Promise.all([this.loadSides(), this.list.isLoaded ? undefined : this.list.show(this.list.query)]);
  }

  /** Collections and tags may have changed: they are asked for again, soon. */
  refreshSides(): void {
    this.#sides.ask();
  }

  /** Collections and tags. */
  async loadSides(): Promise<void> {
    await this.#notices.attempt(async () => {
      [this.#collections, this.#tags] = await Promise.all([
        this.#studio.collections.list({}),
        this.#studio.images.tags({}),
      ]);
    });
  }

  /** Finds while it is typed: one page at a time is asked for, so that quick typing leaves out what is in between. */
  search(text: string, edit: Partial<LibraryQuery> = {}): void {
    this.#searchText = text;
    void this.filter({ ...termsOf(text), ...edit });
  }

  async filter(edit: Partial<LibraryQuery>): Promise<void> {
    this.culler.selection.reset();
    await this.list.change(edit);
  }

  async makeCollection(name: string): Promise<void> {
    await this.#do(this.#studio.collections.create({ name }));
  }

  async renameCollection(collection: string, name: string): Promise<void> {
    await this.#do(this.#studio.collections.rename({ collection, name }));
  }

  async removeCollection(collection: string): Promise<void> {
    if (this.list.query.collection === collection) await this.filter({ collection: null });
    await this.#do(this.#studio.collections.remove({ collection }));
  }

  async collect(collection: string, images: readonly string[]): Promise<void> {
    if (images.length > 0) await this.#do(this.#studio.collections.add({ collection, images: [...images] }));
  }

  async uncollect(collection: string, images: readonly string[]): Promise<void> {
    if (images.length > 0) await this.#do(this.#studio.collections.take({ collection, images: [...images] }));
    this.list.refresh();
  }

  async #do(work: Promise<unknown>): Promise<void> {
    await this.#notices.attempt(async () => {
      await work;
    });
    await this.loadSides();
  }
}
