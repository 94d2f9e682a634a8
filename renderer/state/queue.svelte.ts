import { SvelteMap } from 'svelte/reactivity';
import type { StudioClient } from '../../main/contract/calls/index.ts';
import type { Job, Queue } from '../../main/contract/jobs.ts';
import type { Notices } from './notices.svelte.ts';

const waitingStates: readonly Job['state'][] = ['queued', 'interrupted'];

/** Whether a job came to its end with images that could not be made: a retry makes these once more. */
export function lacksImages({ state, progress }: Job): boolean {
  return state === 'done' && progress.failed > 0 && progress.kept < progress.asked;
}

/** The studio's queue as the window sees it. */
export class QueueState {
  #queue = $state.raw<Queue>({ paused: false, jobs: [] });
  /** Newest preview of each running job, as an address an image can show. */
  readonly #previews = new SvelteMap<string, string>();
  readonly #studio: StudioClient;
  readonly #notices: Notices;

  constructor(studio: StudioClient, notices: Notices) {
    this.#studio = studio;
    this.#notices = notices;
  }

  get isPaused(): boolean {
    return this.#queue.paused;
  }

  get jobs(): readonly Job[] {
    return this.#queue.jobs;
  }

  /** The job that is running or being stopped. */
  get current(): Job | undefined {
    return this.#queue.jobs.find(({ state }) => state === 'running' || state === 'stopping');
  }

  get waiting(): readonly Job[] {
    return this.#queue.jobs.filter(({ state }) => waitingStates.includes(state)).toSorted((a, b) => a.order - b.order);
  }

  /** Jobs that ended without all their images, newest first. */
  get broken(): readonly Job[] {
    return this.#queue.jobs
      .filter((job) => job.state === 'failed' || job.state === 'stopped' || lacksImages(job))
      .toReversed();
  }

  jobOf(batch: string): Job | undefined {
    return this.#queue.jobs.findLast((job) => job.batch === batch);
  }

  previewOf(job: string): string | undefined {
    return this.#previews.get(job);
  }

  receive(queue: Queue): void {
    this.#queue = queue;
    for (const id of this.#previews.keys()) if (this.current?.id !== id) this.#previews.delete(id);
  }

  receiveJob(job: Job): void {
    const isKnown = this.#queue.jobs.some(({ id }) => id === job.id);
    const jobs = this.#queue.jobs.map((known) => (known.id === job.id ? job : known));
    this.receive({ ...this.#queue, jobs: isKnown ? jobs : [...jobs, job] });
  }

  receivePreview(job: string, mediaType: string, base64: string): void {
    this.#previews.set(job, `data:${mediaType};base64,${base64}`);
  }

  readonly pause = (): void => {
    this.#ask(this.#studio.jobs.pause({}));
  };

  readonly resume = (): void => {
    this.#ask(this.#studio.jobs.resume({}));
  };

  readonly stop = (job: string): void => {
    this.#ask(this.#studio.jobs.stop({ job }));
  };

  readonly retry = (job: string): void => {
    this.#ask(this.#studio.jobs.retry({ job }));
  };

  readonly remove = (job: string): void => {
    this.#ask(this.#studio.jobs.remove({ job }));
  };

  /** Moves a waiting job one place up or down. */
  readonly shift = (job: string, by: -1 | 1): void => {
    const { waiting } = this;
    const place = waiting.findIndex(({ id }) => id === job);
    if (place < 0 || place + by < 0 || place + by >= waiting.length) return;
    const before = by < 0 ? waiting[place - 1] : waiting[place + 2];
    this.#ask(this.#studio.jobs.move({ job, before: before?.id ?? null }));
  };

  #ask(answer: Promise<Queue>): void {
    void this.#notices.attempt(async () => {
      this.receive(await answer);
    });
  }
}
