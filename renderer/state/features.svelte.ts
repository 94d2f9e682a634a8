import type { StudioClient } from '../../main/contract/calls/index.ts';
import { likenessSorts, type LibraryQuery } from '../../main/contract/library.ts';
import { refreshRest } from './image-list.svelte.ts';
import type { Language } from './language.svelte.ts';
import type { Notices } from './notices.svelte.ts';
import { Refresher } from './refresher.ts';
import { begun, workFollower, type Work } from './work.ts';

/** What became of the images without features. */
export interface ComputedFeatures {
  readonly encoded: number;
  readonly skipped: number;
  /** Why the first of those that were skipped could not be seen. */
  readonly reason: string | null;
}

/** Whether what is shown is ordered by likeness, and features would make a difference. */
export function goesByLikeness({ sort, deleted }: LibraryQuery): boolean {
  return !deleted && likenessSorts.some((likeness) => likeness === sort);
}

/** Features of stored images: how many have none and are compared by their looks, and the work that changes this. */
export class FeatureState {
  /** By batch; null for the library. */
  #missing = $state.raw<ReadonlyMap<string | null, number>>(new Map());
  #work = $state.raw<Work<ComputedFeatures>>({ state: 'idle' });
  #stop: (() => void) | undefined;
  readonly #studio: StudioClient;
  readonly #notices: Notices;
  readonly #language: Language;
  readonly #modelOf: () => string | null;
  readonly #asked = new Set<string | null>();
  readonly #counting = new Refresher(() => this.#count(), refreshRest);

  /** @param modelOf the model whose encoder is meant; null where none has one */
  constructor(studio: StudioClient, notices: Notices, language: Language, modelOf: () => string | null) {
    this.#studio = studio;
    this.#notices = notices;
    this.#language = language;
    this.#modelOf = modelOf;
  }

  get work(): Work<ComputedFeatures> {
    return this.#work;
  }

  /** How many images of a batch, or of the library, have no features, as far as is known. */
  missingIn(batch: string | null): number {
    return this.#missing.get(batch) ?? 0;
  }

  /** Images were put into an order: where it goes by likeness, those without features are counted, soon. */
  look(query: LibraryQuery): void {
    if (!goesByLikeness(query) || this.#work.state === 'working') return;
    this.#asked.add(query.batch);
    this.#counting.ask();
  }

  /** Computes what is missing; what is done stays done when it is stopped. */
  compute(batch: string | null): void {
    const model = this.#modelOf();
    if (model === null || this.#work.state === 'working') return;
    let reason: string | null = null;
    this.#work = begun;
    this.#stop = this.#studio.features.compute(
      { model, batch },
      workFollower(
        (work: Work<ComputedFeatures>) => {
          this.#change(work);
        },
        () => this.#work,
        (event) => {
          if (event.kind === 'skipped') reason ??= event.reason;
          return event.kind === 'complete' ? { encoded: event.encoded, skipped: event.skipped, reason } : null;
        },
      ),
    );
  }

  stop(): void {
    this.#stop?.();
    if (this.#work.state === 'working') this.#change({ state: 'idle' });
  }

  #change(work: Work<ComputedFeatures>): void {
    this.#work = work;
    if (work.state === 'working') return;
    for (const batch of this.#missing.keys()) this.#asked.add(batch);
    this.#counting.ask();
    if (work.state === 'done' && work.result.encoded > 0)
      this.#notices.say(this.#language.t('likeness.done', { count: work.result.encoded }));
  }

  async #count(): Promise<void> {
    const model = this.#modelOf();
    const asked = [...this.#asked];
    this.#asked.clear();
    if (model === null) return;
    await this.#notices.attempt(async () => {
      const counts = await Promise.all(asked.map((batch) => this.#studio.features.missing({ model, batch })));
      this.#missing = new Map([
        ...this.#missing,
        ...asked.map((batch, at) => [batch, counts[at]?.images ?? 0] as const),
      ]);
    });
  }
}
