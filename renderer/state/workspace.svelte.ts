import { Failure } from '../../main/contract/failures.ts';
import type { ActivityEvent, About } from '../../main/contract/calls/workshop.ts';
import type { StudioClient } from '../../main/contract/calls/index.ts';
import type { PartialSettings } from '../../main/contract/library.ts';
import { base64Of } from './base64.ts';
import { CurrentBatch } from './batch.svelte.ts';
import { Brief } from './brief.svelte.ts';
import type { Connection } from './connect.ts';
import type { Culler } from './culler.svelte.ts';
import { CloserLook } from './closer-look.svelte.ts';
import { FeatureState } from './features.svelte.ts';
import { Gallery } from './gallery.svelte.ts';
import { Language } from './language.svelte.ts';
import { Notices } from './notices.svelte.ts';
import { PreferenceState } from './preferences.svelte.ts';
import { QueueState } from './queue.svelte.ts';
import { Refresher } from './refresher.ts';
import type { Overlay, ViewName } from './window-places.ts';

/** How far variations go from the image they start at, as image-to-image strength. */
const variationStrength = 0.6;
/** Milliseconds before a broken stream is followed again. */
const rewatchAfter = 1000;

/** The state of one window: the parts, and what keys and buttons do across them. */
export class Workspace {
  readonly studio: StudioClient;
  readonly pictureAddress: Connection['pictureAddress'];
  readonly language = new Language();
  readonly notices = new Notices(this.language);
  readonly preferences: PreferenceState;
  readonly brief: Brief;
  readonly queue: QueueState;
  readonly batch: CurrentBatch;
  readonly gallery: Gallery;
  readonly closerLook: CloserLook;
  readonly features: FeatureState;
  #view = $state<ViewName>('generate');
  #overlay = $state.raw<Overlay | null>(null);
  #about = $state.raw<About | null>(null);
  #isConnected = $state(true);
  #isStarted = $state(false);
  #isPanelOpen = $state(false);
  /** The batch follows the queue until the person looks at an older one. */
  #follows = true;
  /** When the next job begins, its batch comes to the middle. Jobs may be over in less time than it takes to show them. */
  readonly #follower = new Refresher(async () => {
    const batch = this.queue.current?.batch;
    if (this.#follows && batch !== undefined && batch !== this.batch.id) await this.batch.show(batch);
  });

  constructor(connection: Connection) {
    this.studio = connection.studio;
    this.pictureAddress = connection.pictureAddress;
    this.preferences = new PreferenceState(this.studio, this.notices);
    this.brief = new Brief(this.studio, this.preferences, this.notices);
    this.queue = new QueueState(this.studio, this.notices);
    this.batch = new CurrentBatch(this.studio, this.notices, this.language);
    this.gallery = new Gallery(this.studio, this.notices, this.language);
    this.closerLook = new CloserLook(this.studio);
    this.features = new FeatureState(this.studio, this.notices, this.language, () => this.#seeingModel);
    for (const { list } of [this.batch, this.gallery])
      list.onArranged(() => {
        this.features.look(list.query);
      });
  }

  get view(): ViewName {
    return this.#view;
  }

  get overlay(): Overlay | null {
    return this.#overlay;
  }

  get about(): About | null {
    return this.#about;
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  get isStarted(): boolean {
    return this.#isStarted;
  }

  /** Whether details and queue are shown in a narrow window; a wide one always shows them. */
  get isPanelOpen(): boolean {
    return this.#isPanelOpen;
  }

  togglePanel(): void {
    this.#isPanelOpen = !this.#isPanelOpen;
  }

  /** The model whose encoder sees images: that of the brief, so that its next batches can be compared; or any with one. */
  get #seeingModel(): string | null {
    const { model, models } = this.brief;
    return [...(model === undefined ? [] : [model]), ...models].find(({ hasFeatures }) => hasFeatures)?.id ?? null;
  }

  /** The list that keys act on: the batch's, or the library's. */
  get culler(): Culler {
    return this.#view === 'gallery' ? this.gallery.culler : this.batch.culler;
  }

  /** Follows what happens, for as long as the window lives; when the stream breaks it begins again with the whole state. */
  #watch(): void {
    this.studio.activity.watch(
      {},
      {
        onEvent: (event) => {
          this.#receive(event);
        },
        onEnd: (failure) => {
          if (failure !== null) this.notices.complain(failure);
          setTimeout(() => {
            this.#watch();
          }, rewatchAfter);
        },
      },
    );
  }

  async start(): Promise<void> {
    this.#watch();
    await this.notices.attempt(async () => {
      // Everything at once: what a window waits for is one way there and back.
      [this.#about] = await Promise.all([this.studio.host.about({}), this.brief.load(this.preferences.load())]);
    });
    this.#isStarted = true;
  }

  receiveConnection(isConnected: boolean): void {
    this.#isConnected = isConnected;
  }

  go(view: ViewName): void {
    this.#view = view;
    this.#overlay = null;
    if (view === 'gallery') void this.gallery.open();
  }

  /** Whether pictures lie over the whole window. */
  get isCovered(): boolean {
    return this.#overlay?.kind === 'zoom' || this.#overlay?.kind === 'compare';
  }

  open(overlay: Overlay): void {
    this.#overlay = overlay;
  }

  close(): void {
    this.#overlay = null;
  }

  /** Puts the brief into the queue. */
  async generate(): Promise<void> {
    if (!this.brief.canStart) return;
    await this.#enqueue(this.brief.issue());
  }

  /** More like the focused image: a batch that starts from it, with its own settings and another seed. */
  async vary(): Promise<void> {
    const image = this.culler.selection.focused;
    if (image === undefined) return;
    await this.notices.attempt(async () => {
      const { record } = await this.studio.images.detail({ image: image.id });
      await this.#enqueue({
        ...this.brief.settings,
        ...record?.settings,
        prompt: record?.settings.prompt ?? image.prompt,
        count: this.brief.settings.count,
        seed: Math.floor(Math.random() * 2 ** 32),
        nudge: null,
        image: { source: image.id, strength: variationStrength },
      });
    });
  }

  /** Puts an image's settings back into the brief. */
  async reuse(image: string): Promise<void> {
    await this.notices.attempt(async () => {
      const { record, foreign } = await this.studio.images.detail({ image });
      const settings = record?.settings ?? foreign?.settings;
      if (settings !== undefined) this.useSettings(settings);
    });
  }

  /** Takes over settings that were found in a dropped file. The seed is kept for the next batch. */
  useSettings(settings: PartialSettings): void {
    const { model, ...rest } = settings;
    const isKnown = this.brief.models.some(({ id }) => id === model);
    // A nudge belongs to the one image; the brief has no knob for it.
    this.brief.change({ ...rest, nudge: null, ...(isKnown && model !== undefined && { model }) });
    if (settings.seed !== undefined) this.preferences.change({ seedLocked: true });
    this.go('generate');
    this.notices.say(this.language.t('brief.reused'));
  }

  /** Takes a dropped picture into the library; the next batch starts from it. */
  async startFrom(name: string, content: string): Promise<void> {
    await this.notices.attempt(async () => {
      const image = await this.studio.images.take({ name, content });
      this.brief.change({ image: { source: image.id, strength: variationStrength } });
      this.preferences.change({ expertOpen: true });
      this.go('generate');
    });
  }

  async showBatch(batch: string): Promise<void> {
    this.#follows = batch === this.queue.current?.batch;
    this.#view = 'generate';
    await this.batch.show(batch);
  }

  /** Asks before images leave the trash for good: these, or all that are shown. */
  askToDiscard(images: readonly string[] | 'all'): void {
    const { list } = this.culler;
    if (images === 'all') this.open({ kind: 'discard', count: list.total, idsOf: () => list.allIds() });
    else if (images.length > 0)
      this.open({ kind: 'discard', count: images.length, idsOf: () => Promise.resolve(images) });
  }

  async discard(idsOf: () => Promise<readonly string[]>): Promise<void> {
    this.close();
    await this.notices.attempt(async () => {
      const gone = await this.culler.discard(await idsOf());
      if (gone > 0) this.notices.say(this.language.t('trash.discarded', { count: gone }));
    });
  }

  compare(): void {
    const images = this.culler.compared();
    if (images.length >= 2) this.open({ kind: 'compare', images });
  }

  /** Reads the settings of a dropped picture and shows what was found. */
  async receiveFile(file: File): Promise<void> {
    await this.notices.attempt(async () => {
      const content = base64Of(new Uint8Array(await file.arrayBuffer()));
      const found = await this.studio.images.readSettings({ name: file.name, content });
      this.open({ kind: 'dropped', name: file.name, content, found });
    });
  }

  async #enqueue(settings: Parameters<StudioClient['jobs']['enqueue']>[0]): Promise<void> {
    await this.notices.attempt(async () => {
      const job = await this.studio.jobs.enqueue(settings);
      const isFirst = this.queue.current === undefined || this.queue.current.id === job.id;
      this.#follows = true;
      if (isFirst) await this.batch.show(job.batch);
      else {
        // The answer may be here before the event that tells of the job.
        if (!this.queue.jobs.some(({ id }) => id === job.id)) this.queue.receiveJob(job);
        const { length } = this.queue.waiting;
        if (length > 0) this.notices.say(this.language.t('queue.added', { count: length }), null, 'queue.added');
      }
    });
  }

  #receive(event: ActivityEvent): void {
    switch (event.kind) {
      case 'state':
        // The beginning, or after a lost connection: whatever is shown may be of before.
        this.queue.receive(event.queue);
        if (event.batch !== null && this.#follows) void this.batch.show(event.batch);
        this.batch.refresh();
        if (this.batch.list.isLoaded) this.batch.list.refresh();
        if (this.gallery.list.isLoaded) this.gallery.list.refresh();
        break;
      case 'queue':
        this.queue.receive(event.queue);
        this.#follower.ask();
        break;
      case 'job':
        this.queue.receiveJob(event.job);
        this.#follower.ask();
        // A batch that ended without being measured has figures all the same: how many it kept.
        if (event.job.finishedAt !== null && event.job.batch === this.batch.id) this.batch.refresh();
        break;
      case 'preview':
        this.queue.receivePreview(event.job, event.mediaType, event.base64);
        break;
      case 'image':
        this.batch.receiveImage(event.image);
        if (this.#view === 'gallery') this.gallery.list.refresh();
        break;
      case 'measured':
        if (event.batch === this.batch.id) this.batch.refresh();
        this.brief.lookSoon();
        this.notices.announce(this.language.t('batch.done', { count: event.cost.kept }));
        break;
      case 'note':
        if (event.failure === undefined) this.notices.pass(event.message);
        else this.notices.complain(Failure.fromRecord(event.failure));
        break;
      case 'library':
        this.batch.culler.receiveChange(event.images);
        this.batch.refresh();
        if (this.gallery.list.isLoaded) this.gallery.culler.receiveChange(event.images);
        if (this.#view === 'gallery') this.gallery.refreshSides();
        break;
      case 'engine':
        if (event.failure !== null) this.notices.complain(event.failure);
        break;
      case 'preferences':
        this.preferences.receive(event);
        break;
    }
  }
}
