import type { StudioClient } from '../../main/contract/calls/index.ts';
import type { BatchSummary, ImageSummary, LibraryQuery } from '../../main/contract/library.ts';
import { Culler } from './culler.svelte.ts';
import type { ImageList } from './image-list.svelte.ts';
import type { Language } from './language.svelte.ts';
import type { Notices } from './notices.svelte.ts';
import { Refresher } from './refresher.ts';

/** The batch in the middle of the window: its images as they come, its figures, the batch before it. */
export class CurrentBatch {
  readonly culler: Culler;
  #summary = $state.raw<BatchSummary | null>(null);
  #before = $state.raw<BatchSummary | null>(null);
  #recent = $state.raw<readonly BatchSummary[]>([]);
  readonly #studio: StudioClient;
  readonly #notices: Notices;
  readonly #refresher = new Refresher(async () => {
    await this.#notices.attempt(async () => {
      if (this.#wanted !== null) await this.#loadSummary(this.#wanted);
    });
  });
  /** The batch asked for last, which may not be there yet. */
  #wanted: string | null = null;

  constructor(studio: StudioClient, notices: Notices, language: Language) {
    this.#studio = studio;
    this.#notices = notices;
    this.culler = new Culler(studio, notices, language);
  }

  get id(): string | null {
    return this.#summary?.id ?? null;
  }

  get summary(): BatchSummary | null {
    return this.#summary;
  }

  /** The batch made before this one, to compare with. */
  get before(): BatchSummary | null {
    return this.#before;
  }

  get recent(): readonly BatchSummary[] {
    return this.#recent;
  }

  get list(): ImageList {
    return this.culler.list;
  }

  /** Brings a batch to the middle; one that is there or on its way is only asked for its figures. */
  async show(batch: string): Promise<void> {
    if (batch === this.#wanted) {
      this.refresh();
      return;
    }
    this.#wanted = batch;
    try {
      await this.#loadSummary(batch);
      if (batch !== this.#wanted) return;
      this.culler.selection.reset();
      await this.list.show({ batch, sort: 'oldest', candidates: 'kept' });
    } catch (error) {
      if (batch === this.#wanted) this.#wanted = this.id;
      this.#notices.complain(error);
    }
  }

  /** Which of the batch's images are shown, and how they are ordered. */
  async filter(edit: Partial<Pick<LibraryQuery, 'flags' | 'rating' | 'candidates'>>): Promise<void> {
    this.culler.selection.reset();
    await this.list.change(edit);
  }

  receiveImage(image: ImageSummary): void {
    if (image.batch !== this.id) return;
    const { candidates, flags, rating } = this.list.query;
    const isShown = (candidates === 'all' || candidates === image.candidate) && flags.length === 0 && rating === null;
    if (isShown) this.list.append(image);
  }

  /** Asks for the figures again, soon; several calls in a row ask once. */
  refresh(): void {
    this.#refresher.ask();
  }

  /** Ends the culling: rejected candidates are let go. */
  async close(): Promise<void> {
    if (this.id === null) return;
    this.#summary = await this.#studio.batches.close({ batch: this.id });
    this.list.refresh();
  }

  async #loadSummary(batch: string): Promise<void> {
    const [summary, recent] = await Promise.all([
      this.#studio.batches.get({ batch }),
      this.#studio.batches.recent({ limit: 30 }),
    ]);
    if (batch !== this.#wanted) return;
    this.#summary = summary;
    this.#recent = recent;
    const place = recent.findIndex(({ id }) => id === batch);
    this.#before = recent.slice(place + 1).find(({ measures }) => measures.length > 0) ?? null;
  }
}
