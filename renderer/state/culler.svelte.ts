import { SvelteSet } from 'svelte/reactivity';
import type { StudioClient } from '../../main/contract/calls/index.ts';
import type { Flag, ImageSummary, LibraryQuery } from '../../main/contract/library.ts';
import { ImageList } from './image-list.svelte.ts';
import type { Language } from './language.svelte.ts';
import type { Notices } from './notices.svelte.ts';
import { Refresher } from './refresher.ts';
import { Selection } from './selection.svelte.ts';

const discardedAtOnce = 50;

/**
 * Judging the images of one list. A verdict is shown at once and the next image has the focus before the studio has
 * written it down; when it cannot be written the list is asked again and the person is told.
 */
export class Culler {
  readonly list: ImageList;
  readonly selection: Selection;
  #groups = $state.raw<ReadonlyMap<string, number>>(new Map());
  readonly #grouping = new Refresher(() => this.#findGroups());
  /** Images whose files are on their way: into the trash, back, or out of it for good. */
  readonly #leaving = new SvelteSet<string>();
  /** Own changes on their way, so that their echo does not ask for the list again. */
  readonly #own = new Map<string, number>();
  readonly #studio: StudioClient;
  readonly #notices: Notices;
  readonly #language: Language;

  constructor(studio: StudioClient, notices: Notices, language: Language) {
    this.list = new ImageList(studio, notices);
    this.selection = new Selection(this.list);
    this.#studio = studio;
    this.#notices = notices;
    this.#language = language;
    this.list.onArranged(() => {
      if (this.list.query.sort === 'alike' || this.#groups.size > 0) this.#grouping.ask();
      this.#forgetLeft();
    });
  }

  /** Number of each image's group of near-duplicates, while these are put together. */
  get groups(): ReadonlyMap<string, number> {
    return this.#groups;
  }

  /** The image in focus; none while its file is on its way, so that nobody asks for its picture. */
  get focused(): ImageSummary | undefined {
    const { focused } = this.selection;
    return focused === undefined || this.#leaving.has(focused.id) ? undefined : focused;
  }

  /** Puts the list into another order; by likeness it starts from the focused image. */
  async arrange(sort: LibraryQuery['sort']): Promise<void> {
    const similarTo = sort === 'similar' ? (this.selection.focused?.id ?? null) : null;
    if (sort === 'similar' && similarTo === null) return;
    this.selection.reset();
    await this.list.change({ sort, similarTo });
  }

  async #findGroups(): Promise<void> {
    const { query } = this.list;
    if (query.sort !== 'alike') {
      this.#groups = new Map();
      return;
    }
    await this.#notices.attempt(async () => {
      const { groups } = await this.#studio.images.duplicates({ query });
      this.#groups = new Map(groups.flatMap(({ images }, place) => images.map((id) => [id, place + 1] as const)));
      if (groups.length === 0) this.#notices.say(this.#language.t('cull.noDuplicates'));
    });
  }

  flag(flag: Flag): void {
    const images = [...this.selection.ids];
    if (images.length === 0) return;
    this.#change(images, (image) => ({ ...image, flag }), this.#studio.images.flag({ images, flag }));
    this.#notices.announce(this.#language.t(`flag.${flag}`));
    this.selection.advance();
  }

  rate(rating: number): void {
    const images = [...this.selection.ids];
    if (images.length === 0) return;
    this.#change(images, (image) => ({ ...image, rating }), this.#studio.images.rate({ images, rating }));
    this.#notices.announce(this.#language.t('rating.stars', { count: rating }));
    this.selection.advance();
  }

  /** Images to be seen side by side, four at most: the chosen, else the focused one and its neighbour; or none. */
  compared(): readonly ImageSummary[] {
    const { images, focused, place } = this.selection;
    if (images.length >= 2) return images.slice(0, 4);
    const neighbour = this.list.at(place + 1) ?? this.list.at(place - 1);
    return focused === undefined || neighbour === undefined ? [] : [focused, neighbour];
  }

  /** A verdict on one image by id, wherever the focus is. */
  judge(id: string, verdict: Partial<Pick<ImageSummary, 'flag' | 'rating'>>): void {
    const images = [id];
    const { flag, rating } = verdict;
    const edit = (image: ImageSummary): ImageSummary => ({ ...image, ...verdict });
    if (flag !== undefined) this.#change(images, edit, this.#studio.images.flag({ images, flag }));
    if (rating !== undefined) this.#change(images, edit, this.#studio.images.rate({ images, rating }));
  }

  tag(tag: string): void {
    const images = [...this.selection.ids];
    if (images.length === 0) return;
    const edit = (image: ImageSummary): ImageSummary => ({ ...image, tags: [...new Set([...image.tags, tag])] });
    this.#change(images, edit, this.#studio.images.tag({ images, tag }));
  }

  untag(tag: string): void {
    const images = [...this.selection.ids];
    const edit = (image: ImageSummary): ImageSummary => ({ ...image, tags: image.tags.filter((own) => own !== tag) });
    this.#change(images, edit, this.#studio.images.untag({ images, tag }));
  }

  /** Keeps rejected candidates after all. */
  rescue(): void {
    const images = this.selection.images.filter(({ candidate }) => candidate === 'rejected').map(({ id }) => id);
    if (images.length === 0) return;
    this.#afterwards(this.#studio.images.rescue({ images }));
    this.#notices.say(this.#language.t('cull.rescued', { count: images.length }));
  }

  trash(): void {
    const images = [...this.selection.ids];
    if (images.length === 0) return;
    this.selection.clear();
    this.#afterwards(this.#moving(images, this.#studio.images.trash({ images })));
    this.#notices.say(this.#language.t('cull.trashed', { count: images.length }), {
      label: this.#language.t('action.undo'),
      run: () => {
        this.undo();
      },
    });
  }

  /**
   * Takes images out of the trash for good, some at a time.
   * @returns how many are gone; fewer than asked when the host could not let go of one, which is then told.
   */
  async discard(images: readonly string[]): Promise<number> {
    let gone = 0;
    this.selection.clear();
    for (const id of images) this.#leaving.add(id);
    try {
      for (; gone < images.length; gone += discardedAtOnce)
        await this.#studio.images.discard({ images: images.slice(gone, gone + discardedAtOnce) });
    } catch (error) {
      this.#notices.complain(error);
      for (const id of images.slice(gone)) this.#leaving.delete(id);
    }
    this.list.refresh();
    return Math.min(gone, images.length);
  }

  restore(): void {
    const images = [...this.selection.ids];
    this.selection.clear();
    if (images.length > 0) this.#afterwards(this.#moving(images, this.#studio.images.restore({ images })));
  }

  undo(): void {
    this.#afterwards(this.#studio.images.undo({}));
  }

  redo(): void {
    this.#afterwards(this.#studio.images.redo({}));
  }

  /** Images changed somewhere: asked for again unless the change was ours and is shown already. */
  receiveChange(images: readonly string[]): void {
    const isEcho = images.length > 0 && images.every((id) => this.#own.has(id));
    if (!isEcho || this.#isFiltered) this.list.refresh();
  }

  get #isFiltered(): boolean {
    const { flags, rating, tags } = this.list.query;
    return flags.length > 0 || rating !== null || tags.length > 0;
  }

  #change(ids: readonly string[], edit: (image: ImageSummary) => ImageSummary, done: Promise<unknown>): void {
    this.list.patch(new Set(ids), edit);
    for (const id of ids) this.#own.set(id, (this.#own.get(id) ?? 0) + 1);
    done
      .catch((error: unknown) => {
        this.#notices.complain(error);
        this.list.refresh();
      })
      .finally(() => {
        // The echo of a change comes right after its answer.
        setTimeout(() => {
          for (const id of ids) {
            const left = (this.#own.get(id) ?? 1) - 1;
            if (left === 0) this.#own.delete(id);
            else this.#own.set(id, left);
          }
        }, 200);
      });
  }

  /** Forgets those that the list no longer has: one that comes back from its file is as any other. */
  #forgetLeft(): void {
    if (this.#leaving.size === 0) return;
    const there = new Set(this.list.loaded.map(({ id }) => id));
    for (const id of this.#leaving) if (!there.has(id)) this.#leaving.delete(id);
  }

  async #moving(images: readonly string[], done: Promise<unknown>): Promise<void> {
    for (const id of images) this.#leaving.add(id);
    try {
      await done;
    } finally {
      for (const id of images) this.#leaving.delete(id);
    }
  }

  #afterwards(done: Promise<unknown>): void {
    done
      .catch((error: unknown) => {
        this.#notices.complain(error);
      })
      .finally(() => {
        this.list.refresh();
      });
  }
}
