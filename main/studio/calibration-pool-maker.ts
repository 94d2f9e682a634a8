import { Failure } from '../contract/failures.ts';
import type { GenerationSettings } from '../contract/settings.ts';
import type { DiffusionModel } from '../engine/generation/diffusion-model.ts';
import { planOfSettings } from '../engine/generation/plan-of-settings.ts';
import { guidanceKey, type Guidance } from './calibration-guidance.ts';
import { joinParts, type Pool, type PoolPart, type PoolStore } from './calibration-pools.ts';
import { generateCandidates } from './generate-candidates.ts';
import { prepareGeneration } from './prepare-generation.ts';
import type { Workshop } from './workshop.ts';

export type PoolEvent =
  /** Before anything is made: how much there is to do. */
  | {
      readonly kind: 'plan';
      /** Candidates to make; how many are remembered from before. */
      readonly images: number;
      readonly remembered: number;
      /** null: nothing is to be made. */
      readonly seconds: number | null;
    }
  | {
      readonly kind: 'pool';
      /** Candidates that are there, of all that are planned. */
      readonly done: number;
      readonly all: number;
      readonly brief: string;
      readonly guidance: Guidance;
      readonly secondsLeft: number;
    }
  /** The time is up: the guidances that are not complete are left out. */
  | { readonly kind: 'out-of-time'; readonly missing: Guidance };

/** Steps of the short runs that tell how fast this machine is. */
const probeSteps = 4;

interface Limits {
  readonly pool: number;
  readonly steps: number;
  readonly batchSize: number;
  readonly minutes: number | null;
}

/** Makes a calibration's pools in the order asked for, as long as the time lasts, and knows how long the rest takes. */
export class CalibrationPoolMaker {
  readonly #store: PoolStore;
  readonly #workshop: Workshop;
  readonly #sigmas: readonly number[];
  readonly #briefs: readonly string[];
  readonly #requestOf: (brief: string, guidance: Guidance) => GenerationSettings;
  readonly #limits: Limits;
  readonly #started = performance.now();
  /** By guidance, then brief. */
  readonly #parts = new Map<string, Pool[][]>();
  /** Seconds of one row of one model call, and of all else for one image. */
  #speed = { row: 0, image: 0 };
  #done = 0;
  #all = 0;
  #secondsLeft = 0;
  #outOfTime = false;

  constructor(
    store: PoolStore,
    workshop: Workshop,
    model: DiffusionModel,
    briefs: readonly string[],
    requestOf: (brief: string, guidance: Guidance) => GenerationSettings,
    limits: Limits,
  ) {
    this.#store = store;
    this.#workshop = workshop;
    const settings = requestOf('', { guidanceScale: 1, guidanceInterval: null });
    this.#sigmas = planOfSettings(model, settings).sigmas.slice(0, -1);
    this.#briefs = briefs;
    this.#requestOf = requestOf;
    this.#limits = limits;
  }

  /**
   * Counts what there is to make, and times short runs to say how long it takes.
   *
   * @param first candidates a brief that every guidance gets
   * @param ends the guidances that get larger pools; null: not known yet, and the two most expensive ones are counted
   */
  async *plan(
    guidances: readonly Guidance[],
    first: number,
    ends: readonly Guidance[] | null,
    signal?: AbortSignal,
  ): AsyncGenerator<PoolEvent> {
    const parts = guidances.flatMap((guidance) => this.#briefs.map((brief) => this.#part(brief, guidance, 0, first)));
    const missing = parts.filter((part) => !this.#store.has(part));
    const more = Math.max(0, this.#limits.pool - first);
    const enlarged = ends ?? guidances.toSorted((a, b) => this.#rowsOf(b) - this.#rowsOf(a)).slice(0, 2);
    const enlargements = enlarged.flatMap((guidance) =>
      more === 0 ? [] : this.#briefs.map((brief) => this.#part(brief, guidance, first, this.#limits.pool)),
    );
    const missingThen = enlargements.filter((part) => !this.#store.has(part));
    const toMake = [...missing, ...missingThen];
    if (toMake.length > 0) this.#speed = await this.#measureSpeed(guidances, signal);
    this.#secondsLeft = toMake.reduce((sum, part) => sum + this.#secondsFor(part), 0);
    const counted = (list: readonly PoolPart[]): number => list.reduce((sum, { from, to }) => sum + to - from, 0);
    this.#all = counted([...parts, ...enlargements]);
    const images = counted(toMake);
    yield {
      kind: 'plan',
      images,
      remembered: this.#all - images,
      seconds: toMake.length === 0 ? null : this.#secondsLeft,
    };
  }

  /** Whether the first candidates of every brief are remembered at all guidances. */
  remembers(guidances: readonly Guidance[], first: number): boolean {
    return guidances.every((guidance) =>
      this.#briefs.every((brief) => this.#store.has(this.#part(brief, guidance, 0, first))),
    );
  }

  /** Makes candidates `from` up to `to` of every brief at one guidance; begins nothing that the time does not suffice for. */
  async *make(guidance: Guidance, from: number, to: number, signal?: AbortSignal): AsyncGenerator<PoolEvent> {
    if (from >= to) return;
    const pools = this.#poolsAt(guidance);
    for (const [at, brief] of this.#briefs.entries()) {
      const part = this.#part(brief, guidance, from, to);
      const isThere = this.#store.has(part);
      const expected = isThere ? 0 : this.#secondsFor(part);
      if (!isThere && !this.#hasTimeFor(expected)) {
        if (!this.#outOfTime) yield { kind: 'out-of-time', missing: guidance };
        this.#outOfTime = true;
        return;
      }
      if (signal?.aborted === true) throw new Failure('interrupted', 'The calibration was stopped.');
      const pool = await this.#store.part(part, signal);
      pools[at]?.push(pool);
      this.#done += to - from;
      this.#secondsLeft = Math.max(0, this.#secondsLeft - expected);
      if (!isThere) this.#learn(pool.secondsPerImage / Math.max(1e-9, expected / (to - from)));
      const { brief: text } = pool;
      yield {
        kind: 'pool',
        done: this.#done,
        all: Math.max(this.#all, this.#done),
        brief: text,
        guidance,
        secondsLeft: this.#secondsLeft,
      };
    }
  }

  /** Whether every brief has its first candidates. */
  isMade(guidance: Guidance): boolean {
    return this.#poolsAt(guidance).every((parts) => parts.length > 0);
  }

  /** The pools of a brief at every guidance that is made. */
  poolsOf(at: number): Pool[] {
    return [...this.#parts.values()]
      .filter((briefs) => briefs.every((parts) => parts.length > 0))
      .flatMap((briefs) => {
        const [first, ...rest] = briefs[at] ?? [];
        return first === undefined ? [] : [joinParts([first, ...rest])];
      });
  }

  /** Fewest candidates that a brief has, and the mean time of one. */
  sizeOf(guidance: Guidance): { readonly candidates: number; readonly secondsPerImage: number } {
    const pools = this.#poolsAt(guidance).flatMap(([first, ...rest]) =>
      first === undefined ? [] : [joinParts([first, ...rest])],
    );
    const images = pools.reduce((sum, { features }) => sum + features.count, 0);
    const seconds = pools.reduce((sum, { features, secondsPerImage }) => sum + features.count * secondsPerImage, 0);
    return { candidates: Math.min(...pools.map(({ features }) => features.count)), secondsPerImage: seconds / images };
  }

  #poolsAt(guidance: Guidance): Pool[][] {
    const key = guidanceKey(guidance);
    const known = this.#parts.get(key) ?? this.#briefs.map(() => []);
    this.#parts.set(key, known);
    return known;
  }

  #part(brief: string, guidance: Guidance, from: number, to: number): PoolPart {
    return { settings: { ...this.#requestOf(brief, guidance), count: to - from }, from, to };
  }

  /** Rows that the model computes for one image: a second one wherever guidance acts. */
  #rowsOf({ guidanceScale, guidanceInterval: interval }: Guidance): number {
    const guided = this.#sigmas.filter(
      (sigma) => interval === null || (sigma > interval.low && sigma <= interval.high),
    );
    return this.#sigmas.length + (guidanceScale === 1 ? 0 : guided.length);
  }

  #secondsFor({ settings, from, to }: PoolPart): number {
    return (to - from) * (this.#speed.image + this.#rowsOf(settings) * this.#speed.row);
  }

  #hasTimeFor(seconds: number): boolean {
    const { minutes } = this.#limits;
    return minutes === null || (performance.now() - this.#started) / 1000 + seconds <= 60 * minutes;
  }

  /** Moves the estimate towards what a pool really took. */
  #learn(ratio: number): void {
    const factor = ratio ** 0.3;
    this.#speed = { row: this.#speed.row * factor, image: this.#speed.image * factor };
    this.#secondsLeft *= factor;
  }

  async #measureSpeed(guidances: readonly Guidance[], signal?: AbortSignal): Promise<{ row: number; image: number }> {
    const stepCount = Math.min(probeSteps, this.#limits.steps);
    const indices = Array.from({ length: this.#limits.batchSize }, (_, index) => index);
    const guided = guidances.find(({ guidanceScale }) => guidanceScale !== 1)?.guidanceScale ?? 2;
    const secondsAt = async (guidanceScale: number): Promise<number> => {
      const request = this.#requestOf(this.#briefs[0] ?? '', { guidanceScale, guidanceInterval: null });
      const prepared = await prepareGeneration({ ...request, stepCount }, this.#workshop, 'calibration');
      const started = performance.now();
      const options = signal === undefined ? {} : { signal };
      for await (const event of generateCandidates(prepared, indices, this.#workshop, options))
        if (event.kind === 'image-failed') throw Failure.fromRecord(event.failure);
      return (performance.now() - started) / 1000 / indices.length;
    };
    // The first run loads the models.
    await secondsAt(1);
    const plain = await secondsAt(1);
    // Noise may make a guided run look free, or dearer than a run is long.
    const most = plain / stepCount;
    const row = Math.min(most, Math.max(0.3 * most, ((await secondsAt(guided)) - plain) / stepCount));
    return { row, image: plain - stepCount * row };
  }
}
