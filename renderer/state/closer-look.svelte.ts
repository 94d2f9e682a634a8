import type { StudioClient } from '../../main/contract/calls/index.ts';
import type { DensityPlace } from '../../main/contract/density.ts';
import { toFailure, type FailureRecord } from '../../main/contract/failures.ts';
import type { LikelihoodReport } from '../../main/contract/likelihood.ts';
import type { NudgeReport } from '../../main/contract/nudge.ts';
import { Comparison } from './comparison.svelte.ts';
import { begun, workFollower, type Work } from './work.ts';

/** An image before and after its nudge; kept once it is in the library. */
export interface Nudged {
  readonly report: NudgeReport;
  /** Addresses that an image can show. */
  readonly before: string;
  readonly after: string;
  readonly token: string;
  readonly kept: 'no' | 'keeping' | 'yes';
  /** Why it could not be kept; the pictures stay, and it can be tried again. */
  readonly problem: FailureRecord | null;
}

/** Why an image cannot be nudged; null where nothing stands in the way. */
export type Obstacle = FailureRecord | null | 'asking' | 'unasked';

/** What can be opened beside an image. */
export type Card = 'density' | 'surprise' | 'nudge';

/** What was asked about one image, beyond its record: its place among the references, its surprise, a nudge. */
export class ImageLook {
  #density = $state.raw<Work<DensityPlace>>({ state: 'idle' });
  #surprise = $state.raw<Work<LikelihoodReport>>({ state: 'idle' });
  #nudge = $state.raw<Work<Nudged>>({ state: 'idle' });
  #obstacle = $state.raw<Obstacle>('unasked');
  #open = $state.raw<readonly Card[]>([]);
  #stopDensity: (() => void) | undefined;
  #stopSurprise: (() => void) | undefined;
  #stopNudge: (() => void) | undefined;
  readonly #studio: StudioClient;
  readonly #image: string;
  /** Kept with the image, so that moving on and coming back loses nothing typed. */
  readonly comparison = new Comparison();

  constructor(studio: StudioClient, image: string) {
    this.#studio = studio;
    this.#image = image;
  }

  get density(): Work<DensityPlace> {
    return this.#density;
  }

  get surprise(): Work<LikelihoodReport> {
    return this.#surprise;
  }

  get nudge(): Work<Nudged> {
    return this.#nudge;
  }

  get obstacle(): Obstacle {
    return this.#obstacle;
  }

  isOpen(card: Card): boolean {
    return this.#open.includes(card);
  }

  /** Opens or closes a card; what costs nothing is asked at once. */
  turn(card: Card, isOpen: boolean): void {
    this.#open = [...this.#open.filter((other) => other !== card), ...(isOpen ? [card] : [])];
    if (!isOpen) return;
    if (card === 'density' && this.#density.state === 'idle') this.findPlace();
    if (card === 'nudge' && this.#obstacle !== null) void this.#askObstacle();
  }

  async #askObstacle(): Promise<void> {
    if (this.#obstacle === 'asking') return;
    this.#obstacle = 'asking';
    try {
      this.#obstacle = await this.#studio.nudge.obstacle({ image: this.#image });
    } catch (error) {
      this.#obstacle = toFailure(error).toRecord();
    }
  }

  /** Whether anything of it is still being worked on. */
  get isBusy(): boolean {
    return [this.#density, this.#surprise, this.#nudge].some(({ state }) => state === 'working');
  }

  findPlace(): void {
    if (this.#density.state === 'working') return;
    this.#density = begun;
    this.#stopDensity = this.#studio.density.place(
      { image: this.#image },
      workFollower(
        (work) => (this.#density = work),
        () => this.#density,
        (event) => event.place,
      ),
    );
  }

  stopDensity(): void {
    this.#stopDensity?.();
    if (this.#density.state === 'working') this.#density = { state: 'idle' };
  }

  /** Scores the image under its prompt, none and the others. */
  measureSurprise(model: string, prompt: string, confounders: readonly string[]): void {
    if (this.#surprise.state === 'working') return;
    this.#surprise = begun;
    const request = { image: this.#image, model, prompt, confounders: [...confounders] };
    this.#stopSurprise = this.#studio.likelihood.score(
      request,
      workFollower(
        (work) => (this.#surprise = work),
        () => this.#surprise,
        (event) => (event.kind === 'complete' ? event.report : null),
      ),
    );
  }

  stopSurprise(): void {
    this.#stopSurprise?.();
    if (this.#surprise.state === 'working') this.#surprise = { state: 'idle' };
  }

  nudgeTowards(direction: 'typical' | 'unusual'): void {
    if (this.#nudge.state === 'working') return;
    this.#nudge = begun;
    this.#stopNudge = this.#studio.nudge.run(
      { image: this.#image, direction },
      workFollower(
        (work) => (this.#nudge = work),
        () => this.#nudge,
        (event): Nudged | null =>
          event.kind === 'complete'
            ? {
                report: event.report,
                before: `data:image/png;base64,${event.before}`,
                after: `data:image/png;base64,${event.after}`,
                token: event.token,
                kept: 'no',
                problem: null,
              }
            : null,
      ),
    );
  }

  stopNudge(): void {
    this.#stopNudge?.();
    if (this.#nudge.state === 'working') this.#nudge = { state: 'idle' };
  }

  /** Puts the picture after into the library. */
  async keepNudge(): Promise<void> {
    if (this.#nudge.state !== 'done' || this.#nudge.result.kept !== 'no') return;
    const { result } = this.#nudge;
    this.#nudge = { state: 'done', result: { ...result, kept: 'keeping', problem: null } };
    try {
      await this.#studio.nudge.keep({ token: result.token });
      this.#nudge = { state: 'done', result: { ...result, kept: 'yes', problem: null } };
    } catch (error) {
      this.#nudge = { state: 'done', result: { ...result, kept: 'no', problem: toFailure(error).toRecord() } };
    }
  }

  discardNudge(): void {
    if (this.#nudge.state !== 'working') this.#nudge = { state: 'idle' };
  }
}

/** Images whose answers are remembered, the oldest let go first. */
const mostRemembered = 20;

/** Answers by image, so that moving on and coming back loses nothing, and work goes on meanwhile. */
export class CloserLook {
  readonly #looks = new Map<string, ImageLook>();
  readonly #studio: StudioClient;

  constructor(studio: StudioClient) {
    this.#studio = studio;
  }

  of(image: string): ImageLook {
    const look = this.#looks.get(image) ?? new ImageLook(this.#studio, image);
    this.#looks.delete(image);
    this.#looks.set(image, look);
    const idle = [...this.#looks].filter(([, { isBusy }]) => !isBusy);
    for (const [oldest] of idle.slice(0, Math.max(0, this.#looks.size - mostRemembered))) this.#looks.delete(oldest);
    return look;
  }
}
