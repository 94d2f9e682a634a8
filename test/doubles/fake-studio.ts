import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import type { StudioHandlers } from '../../main/contract/calls/index.ts';
import type { ActivityEvent } from '../../main/contract/calls/workshop.ts';
import { Failure, type FailureRecord } from '../../main/contract/failures.ts';
import type { Job, Queue } from '../../main/contract/jobs.ts';
import { likelihoodWarning, type PromptLikelihood } from '../../main/contract/likelihood.ts';
import type { BatchSummary, Collection, ImageSummary, LibraryQuery } from '../../main/contract/library.ts';
import type { Measure, MeasureName } from '../../main/contract/measures.ts';
import type { DialPath, ModelCard } from '../../main/contract/models.ts';
import { nudgeWarning } from '../../main/contract/nudge.ts';
import { preferencesSchema, type Preferences } from '../../main/contract/preferences.ts';
import type { Preset } from '../../main/contract/presets.ts';
import { generationSettingsSchema, type GenerationSettings } from '../../main/contract/settings.ts';
import { EventQueue } from '../../main/studio/event-queue.ts';
import type { Studio } from '../../main/studio/studio.ts';
import { exampleRecord } from '../library/record.ts';
import { vasePicture } from './fake-pictures.ts';

export interface FakeStudioOptions {
  /** Images in the library at the start. */
  readonly images?: number;
  /** Milliseconds for a step of the fake sampler. */
  readonly stepTime?: number;
  /** Why no image can be nudged; nothing stands in the way unless given. */
  readonly obstacle?: FailureRecord;
  /** Images without features; all have them unless given. */
  readonly featureless?: number;
  /** Of those, how many cannot be read. */
  readonly unreadable?: number;
}

const words = [
  'vase',
  'terracotta',
  'tall',
  'matte',
  'glazed',
  'round',
  'blue',
  'red',
  'a',
  'on',
  'white',
  'with',
  'slim',
];

function measure(name: MeasureName, value: number, spread: number, note: string | null = null): Measure {
  const features = 'built-in encoder, k = 5';
  return {
    name,
    value,
    low: value - spread,
    high: value + spread,
    generatedCount: 16,
    referenceCount: 2048,
    features,
    note,
  };
}

function measuresAt(dial: number): Measure[] {
  return [
    measure('precision', 0.78 - 0.17 * dial, 0.06),
    measure('recall', 0.46 + 0.24 * dial, 0.07),
    measure('density', 0.9 - 0.2 * dial, 0.1),
    measure('coverage', 0.6 + 0.1 * dial, 0.08),
    measure('vendiScore', 8 + 5 * dial, 0.9),
    measure('textImageScore', 0.31 - 0.02 * dial, 0.012),
    measure('reciprocalProbability', 1.4 + 0.5 * dial, 0.2),
  ];
}

const path: DialPath = {
  description: 'Measured with 512 images at each stop against 2048 references.',
  stops: [-1, -0.5, 0, 0.5, 1].map((dial) => ({
    dial,
    guidanceScale: 4 - 2.5 * dial,
    guidanceInterval: dial > 0 ? { low: 0.3, high: 5.4 } : null,
    densityWeight: dial <= 0 ? 1 - dial : 1 / (1 + dial),
    densityThreshold: 50,
    measures: measuresAt(dial),
    acceptance: 1 - 0.4 * Math.abs(dial),
    secondsPerKept: 0.6 + 0.5 * Math.abs(dial),
  })),
};

function likelihoodOf(prompt: string, bitsPerDimension: number): PromptLikelihood {
  return {
    prompt,
    nats: (-bitsPerDimension * 2048) / Math.LOG2E,
    natsStandardError: 6,
    bitsPerDimension,
    bitsPerDimensionStandardError: 0.0043,
    aboveBound: false,
    textImageScore: prompt === '' ? null : 0.3,
    unknownWords: [],
  };
}

const model: ModelCard = {
  id: 'gamut-ceramics',
  name: 'Gamut Ceramics',
  description: 'Rendered vessels on plain ground, made for the first look around.',
  licence: 'MIT',
  builtIn: true,
  bytes: 38_000_000,
  width: 128,
  height: 128,
  sizeStep: 8,
  sampler: 'dpm++2m',
  stepCount: null,
  guidanceScale: null,
  hasFeatures: true,
  hasCalibration: true,
  fit: 'fits',
  problem: null,
  examples: ['a tall matte terracotta vase', 'a round glazed blue vase on white'],
};

const preset = (id: string, name: string, dial: number, description: string): Preset => ({
  id,
  name,
  description,
  tunedFor: 'Gamut Ceramics, 128 × 128',
  builtIn: true,
  settings: { dial, stepCount: 20, count: 12 },
});

const builtInPresets = [
  preset('faithful', 'Faithful', -0.6, 'Close to the brief, close to each other.'),
  preset('balanced', 'Balanced', 0, 'The model as it is.'),
  preset('exploratory', 'Exploratory', 0.6, 'Wider, stranger, more to throw away.'),
];

function imageOf(number: number, batch: string, index: number, settings: GenerationSettings | null): ImageSummary {
  const percentile = (number * 37) % 101;
  return {
    id: `image-${number}`,
    batch,
    index,
    origin: 'generated',
    createdAt: new Date(Date.UTC(2026, 9, 1) + number * 60_000).toISOString(),
    width: 256,
    height: 256,
    prompt: settings?.prompt ?? `a ${words[number % words.length] ?? ''} vase number ${number}`,
    model: model.id,
    seed: settings?.seed ?? number,
    candidate: 'kept',
    flag: 'none',
    rating: 0,
    tags: [],
    scores: {
      pseudoDensity: percentile / 50,
      densityPercentile: percentile,
      textImageScore: 0.25 + (number % 17) / 120,
      classProbability: 0.6 + (number % 7) / 20,
    },
    deleted: false,
  };
}

/** A studio without engine and disk, for tests of hosts and window: same contract, made-up pictures. */
export function openFakeStudio(options: FakeStudioOptions = {}): Studio {
  const stepTime = options.stepTime ?? 12;
  const images: ImageSummary[] = [];
  const batches = new Map<string, BatchSummary>();
  let jobs: Job[] = [];
  let paused = false;
  let preferences: Preferences = preferencesSchema.parse({});
  let revision = 0;
  let presets: Preset[] = [...builtInPresets];
  let collections: (Collection & { images: Set<string> })[] = [];
  const undone: (() => void)[] = [];
  const watchers = new Set<EventQueue<ActivityEvent>>();
  const stops = new Map<string, AbortController>();
  let nextNumber = 1;
  let featureless = options.featureless ?? 0;
  const unreadable = options.unreadable ?? 0;

  const tell = (event: ActivityEvent): void => {
    for (const watcher of watchers) watcher.push(event);
  };
  const queue = (): Queue => ({ paused, jobs });
  const tellQueue = (): Queue => {
    tell({ kind: 'queue', queue: queue() });
    return queue();
  };
  const update = (id: string, change: Partial<Job>): Job => {
    jobs = jobs.map((job) => (job.id === id ? { ...job, ...change } : job));
    const job = jobs.find((known) => known.id === id);
    if (job === undefined) throw new Failure('not-found', `There is no job ${id}.`);
    tell({ kind: 'job', job });
    return job;
  };
  const change = (ids: readonly string[], edit: (image: ImageSummary) => ImageSummary): void => {
    const before = new Map(images.filter(({ id }) => ids.includes(id)).map((image) => [image.id, image]));
    images.forEach((image, place) => {
      if (before.has(image.id)) images[place] = edit(image);
    });
    undone.push(() => {
      images.forEach((image, place) => {
        images[place] = before.get(image.id) ?? image;
      });
      tell({ kind: 'library', images: [...ids] });
    });
    tell({ kind: 'library', images: [...ids] });
  };
  const batchOf = (id: string): BatchSummary => {
    const batch = batches.get(id);
    if (batch === undefined) throw new Failure('not-found', `There is no batch ${id}.`);
    const own = images.filter((image) => image.batch === id && !image.deleted);
    return {
      ...batch,
      kept: own.filter(({ candidate }) => candidate === 'kept').length,
      rejected: own.filter(({ candidate }) => candidate === 'rejected').length,
      picked: own.filter(({ flag }) => flag === 'pick').length,
    };
  };
  const matches = (query: LibraryQuery) => (image: ImageSummary) =>
    image.deleted === query.deleted &&
    (query.candidates === 'all' || image.candidate === query.candidates) &&
    (query.batch === null || image.batch === query.batch) &&
    (query.flags.length === 0 || query.flags.includes(image.flag)) &&
    (query.rating === null || image.rating >= (query.rating.low ?? 0)) &&
    (query.collection === null ||
      collections.some(({ id, images: members }) => id === query.collection && members.has(image.id))) &&
    query.tags.every((tag) => image.tags.includes(tag)) &&
    query.words.split(' ').every((word) => `${image.prompt} ${image.tags.join(' ')}`.includes(word));
  /** Made up: images are alike where their numbers are. */
  const likeness = (image: ImageSummary, to: string | null): number =>
    -Math.abs(images.findIndex(({ id }) => id === to) - images.indexOf(image));
  const order = (query: LibraryQuery) => (a: ImageSummary, b: ImageSummary) => {
    switch (query.sort) {
      case 'typical':
        return (b.scores.densityPercentile ?? 0) - (a.scores.densityPercentile ?? 0);
      case 'unusual':
        return (a.scores.densityPercentile ?? 0) - (b.scores.densityPercentile ?? 0);
      case 'text-match':
        return (b.scores.textImageScore ?? 0) - (a.scores.textImageScore ?? 0);
      case 'rating':
        return b.rating - a.rating;
      case 'oldest':
        return a.createdAt.localeCompare(b.createdAt) || a.index - b.index;
      case 'alike':
      case 'similar':
        return likeness(b, query.similarTo) - likeness(a, query.similarTo);
      case 'newest':
        return b.createdAt.localeCompare(a.createdAt) || a.index - b.index;
    }
  };

  const run = async (job: Job): Promise<void> => {
    const stop = new AbortController();
    stops.set(job.id, stop);
    const started = performance.now();
    const { settings } = job;
    update(job.id, { state: 'running', startedAt: new Date().toISOString() });
    let { kept, rejected } = job.progress;
    for (let index = kept + rejected; kept < settings.count && !stop.signal.aborted; index += 1) {
      for (let step = 1; step <= settings.stepCount && !stop.signal.aborted; step += 1) {
        await sleep(stepTime);
        const left = ((settings.count - kept) * settings.stepCount - step) * (stepTime / 1000);
        update(job.id, {
          progress: {
            kept,
            asked: settings.count,
            rejected,
            failed: 0,
            step,
            stepCount: settings.stepCount,
            secondsLeft: left,
          },
        });
        if (step % 6 !== 0) continue;
        const bytes = await vasePicture(nextNumber, 16);
        const preview = { mediaType: 'image/webp' as const, base64: Buffer.from(bytes).toString('base64') };
        tell({ kind: 'preview', job: job.id, index, step, stepCount: settings.stepCount, ...preview });
      }
      if (stop.signal.aborted) break;
      const image = imageOf(nextNumber++, job.batch, index, settings);
      const isRejected = settings.dial !== null && settings.dial !== 0 && index % 4 === 3;
      if (isRejected) rejected += 1;
      else kept += 1;
      images.push({ ...image, candidate: isRejected ? 'rejected' : 'kept' });
      tell({ kind: 'image', job: job.id, image: images.at(-1) ?? image });
    }
    const seconds = (performance.now() - started) / 1000;
    const each = seconds / Math.max(1, kept);
    const cost = {
      asked: settings.count,
      kept,
      rejected,
      failed: 0,
      seconds,
      secondsPerKept: each,
      secondsPerKeptInterval: kept < 2 ? null : { low: 0.9 * each, high: 1.2 * each },
      modelCalls: 0,
    };
    const batch = batches.get(job.batch);
    const measures = kept < 2 ? [] : measuresAt(settings.dial ?? 0);
    if (batch !== undefined) batches.set(job.batch, { ...batch, cost, measures });
    tell({ kind: 'measured', job: job.id, batch: job.batch, measures, cost });
    update(job.id, {
      state: stop.signal.aborted ? 'stopped' : 'done',
      finishedAt: new Date().toISOString(),
      progress: { kept, asked: settings.count, rejected, failed: 0, step: null, stepCount: null, secondsLeft: null },
    });
    tellQueue();
    next();
  };
  const next = (): void => {
    if (paused || jobs.some(({ state }) => state === 'running' || state === 'stopping')) return;
    const waiting = jobs.filter(({ state }) => state === 'queued').sort((a, b) => a.order - b.order)[0];
    if (waiting !== undefined) void run(waiting);
  };

  for (let number = 0; number < (options.images ?? 0); number += 1) {
    const batch = `old-${Math.floor(number / 64)}`;
    if (number % 64 === 0)
      batches.set(batch, {
        id: batch,
        createdAt: new Date(Date.UTC(2026, 9, 1) + number * 60_000).toISOString(),
        settings: generationSettingsSchema.parse({ model: model.id, prompt: 'an old vase', seed: number, count: 64 }),
        state: 'closed',
        cost: null,
        measures: measuresAt(0),
        kept: 64,
        rejected: 0,
        picked: 0,
      });
    images.push(imageOf(nextNumber++, batch, number % 64, null));
  }

  const imageById = (id: string): ImageSummary => {
    const found = images.find((image) => image.id === id);
    if (found === undefined) throw new Failure('not-found', `there is no image '${id}'`, id);
    return found;
  };
  const vasePng = async (number: number): Promise<string> =>
    (
      await sharp(await vasePicture(number, 128))
        .png()
        .toBuffer()
    ).toString('base64');

  const handlers: StudioHandlers = {
    activity: {
      async *watch(_input, signal) {
        const events = new EventQueue<ActivityEvent>(() => watchers.delete(events));
        watchers.add(events);
        signal.addEventListener('abort', () => {
          events.end();
        });
        const last = jobs.findLast(({ state }) => state !== 'queued') ?? jobs[0];
        yield { kind: 'state', queue: queue(), batch: last?.batch ?? null };
        yield* events.drain();
      },
    },
    jobs: {
      async enqueue(settings) {
        const id = `job-${jobs.length + 1}`;
        const batch = `batch-${jobs.length + 1}`;
        const createdAt = new Date().toISOString();
        const progress = {
          kept: 0,
          asked: settings.count,
          rejected: 0,
          failed: 0,
          step: null,
          stepCount: null,
          secondsLeft: null,
        };
        const job: Job = {
          id,
          batch,
          settings,
          state: 'queued',
          order: jobs.length,
          progress,
          createdAt,
          startedAt: null,
          finishedAt: null,
          failure: null,
          interruptions: 0,
        };
        batches.set(batch, {
          id: batch,
          createdAt,
          settings,
          state: 'open',
          cost: null,
          measures: [],
          kept: 0,
          rejected: 0,
          picked: 0,
        });
        jobs = [...jobs, job];
        tellQueue();
        next();
        return job;
      },
      list: async () => queue(),
      async pause() {
        paused = true;
        return tellQueue();
      },
      async resume() {
        paused = false;
        const told = tellQueue();
        next();
        return told;
      },
      async stop({ job: id }) {
        const job = jobs.find((known) => known.id === id);
        if (job?.state === 'running') {
          update(id, { state: 'stopping' });
          stops.get(id)?.abort();
        } else if (job?.state === 'queued') update(id, { state: 'stopped' });
        return tellQueue();
      },
      async retry({ job }) {
        update(job, { state: 'queued', failure: null });
        next();
        return tellQueue();
      },
      async remove({ job }) {
        jobs = jobs.filter(({ id }) => id !== job);
        return tellQueue();
      },
      async move({ job, before }) {
        const orders = jobs.map(({ order: place }) => place);
        const target = jobs.find(({ id }) => id === before)?.order ?? Math.max(...orders) + 1;
        update(job, { order: target - 0.5 });
        jobs = jobs.toSorted((a, b) => a.order - b.order);
        return tellQueue();
      },
      estimate: async ({ count, stepCount }) => ({ seconds: (count * stepCount * stepTime) / 1000 }),
    },
    batches: {
      get: async ({ batch }) => batchOf(batch),
      recent: async ({ limit }) => [...batches.keys()].slice(-limit).reverse().map(batchOf),
      async close({ batch }) {
        const known = batches.get(batch);
        if (known !== undefined) batches.set(batch, { ...known, state: 'closed' });
        const gone = images
          .filter((image) => image.batch === batch && image.candidate === 'rejected')
          .map(({ id }) => id);
        change(gone, (image) => ({ ...image, deleted: true }));
        return batchOf(batch);
      },
    },
    images: {
      async page({ query, limit, offset }) {
        const found = images.filter(matches(query)).sort(order(query));
        return { images: found.slice(offset, offset + limit), total: found.length, next: null };
      },
      async detail({ image }) {
        const summary = images.find(({ id }) => id === image);
        if (summary === undefined) throw new Failure('not-found', `There is no image ${image}.`);
        const inside = collections.filter(({ images: members }) => members.has(image)).map(({ id }) => id);
        return {
          summary,
          record: exampleRecord(
            { prompt: summary.prompt, model: model.id, seed: summary.seed ?? 0 },
            { index: summary.index },
          ),
          foreign: null,
          collections: inside,
          fileName: `${image}.png`,
          fileBytes: 48_213,
        };
      },
      async flag({ images: ids, flag }) {
        change(ids, (image) => ({ ...image, flag }));
        return {};
      },
      async rate({ images: ids, rating }) {
        change(ids, (image) => ({ ...image, rating }));
        return {};
      },
      async tag({ images: ids, tag }) {
        change(ids, (image) => ({ ...image, tags: [...new Set([...image.tags, tag])] }));
        return {};
      },
      async untag({ images: ids, tag }) {
        change(ids, (image) => ({ ...image, tags: image.tags.filter((known) => known !== tag) }));
        return {};
      },
      async rescue({ images: ids }) {
        change(ids, (image) => ({ ...image, candidate: 'kept' }));
        return {};
      },
      async trash({ images: ids }) {
        change(ids, (image) => ({ ...image, deleted: true }));
        return {};
      },
      async restore({ images: ids }) {
        change(ids, (image) => ({ ...image, deleted: false }));
        return {};
      },
      async discard({ images: ids }) {
        for (const id of ids)
          images.splice(
            images.findIndex((image) => image.id === id),
            1,
          );
        tell({ kind: 'library', images: [...ids] });
        return {};
      },
      async undo() {
        const last = undone.pop();
        if (last === undefined) return null;
        last();
        return { verb: 'flag', images: [], at: new Date().toISOString() };
      },
      redo: async () => null,
      async duplicates({ query }) {
        const found = images.filter(matches(query)).map(({ id }) => id);
        return { groups: found.length >= 3 ? [{ images: found.slice(0, 2) }] : [] };
      },
      async tags() {
        const counts = new Map<string, number>();
        for (const { tags } of images) for (const tag of tags) counts.set(tag, (counts.get(tag) ?? 0) + 1);
        return [...counts].map(([tag, count]) => ({ tag, count }));
      },
      readSettings: async () => ({
        program: 'a1111',
        model: null,
        settings: { prompt: 'a dropped vase', seed: 77, stepCount: 30 },
        unmapped: [{ field: 'Clip skip', value: '2', reason: 'this program has no such setting' }],
      }),
      async take() {
        throw new Failure('unsupported', 'The fake studio takes no pictures.');
      },
    },
    collections: {
      list: async () => collections.map(({ images: members, ...rest }) => ({ ...rest, count: members.size })),
      async create({ name }) {
        const made = {
          id: `collection-${collections.length + 1}`,
          name,
          createdAt: new Date().toISOString(),
          count: 0,
        };
        collections = [...collections, { ...made, images: new Set() }];
        tell({ kind: 'library', images: [] });
        return made;
      },
      async rename({ collection, name }) {
        collections = collections.map((known) => (known.id === collection ? { ...known, name } : known));
        tell({ kind: 'library', images: [] });
        return { id: collection, name, createdAt: new Date().toISOString(), count: 0 };
      },
      async remove({ collection }) {
        collections = collections.filter(({ id }) => id !== collection);
        tell({ kind: 'library', images: [] });
        return {};
      },
      async add({ collection, images: ids }) {
        for (const id of ids) collections.find((known) => known.id === collection)?.images.add(id);
        tell({ kind: 'library', images: ids });
        return {};
      },
      async take({ collection, images: ids }) {
        for (const id of ids) collections.find((known) => known.id === collection)?.images.delete(id);
        tell({ kind: 'library', images: ids });
        return {};
      },
    },
    exports: {
      async *run({ request }) {
        for (let done = 1; done <= request.images.length; done += 1) {
          await sleep(5);
          yield { kind: 'progress', done, total: request.images.length, file: `${done}.png` };
        }
        yield { kind: 'done', path: 'exports/picks.zip', files: ['picks.zip'], bytes: 1000 };
      },
    },
    presets: {
      list: async () => presets,
      async save({ id, ...rest }) {
        const saved: Preset = { ...rest, id: id ?? `own-${presets.length}`, builtIn: false };
        presets = [...presets.filter((known) => known.id !== saved.id), saved];
        return saved;
      },
      async remove({ preset: id }) {
        presets = presets.filter((known) => known.id !== id);
        return {};
      },
      async write({ preset: id }) {
        const found = presets.find((known) => known.id === id);
        if (found === undefined) throw new Failure('not-found', `There is no preset ${id}.`);
        const { name, description, tunedFor, settings } = found;
        return { gamutPreset: 1, name, description, tunedFor, settings };
      },
      async read({ gamutPreset: _form, ...rest }) {
        const saved: Preset = { ...rest, id: `own-${presets.length}`, builtIn: false };
        presets = [...presets, saved];
        return saved;
      },
    },
    likelihood: {
      async *score(settings, signal) {
        const prompts = [settings.prompt, '', ...settings.confounders];
        const all = prompts.length * 4 * settings.stepCount * settings.probeCount;
        for (let step = 0; step < settings.stepCount && !signal.aborted; step += 1) {
          await sleep(stepTime);
          const done = (all / settings.stepCount) * (step + 1);
          yield { kind: 'progress', done, all, secondsLeft: (settings.stepCount - step - 1) * (stepTime / 1000) };
        }
        const rows = prompts.map((prompt, at) => likelihoodOf(prompt, 2.1 + 0.01 * at));
        const [conditional = likelihoodOf('', 0), unconditional = conditional, ...confounders] = rows;
        const { solver, stepCount, probeCount, seed, image } = settings;
        const tolerance = solver === 'rk4' ? null : settings.tolerance;
        const differences = rows.slice(1).map((row) => ({
          than: row.prompt,
          nats: conditional.nats - row.nats,
          natsStandardError: 0.4,
          bitsPerDimension: row.bitsPerDimension - conditional.bitsPerDimension,
          bitsPerDimensionStandardError: 0.0003,
        }));
        const figures = { conditional, unconditional, confounders, differences, boundPerDimension: 2.26 };
        const effort = { solver, stepCount, tolerance, probeCount, seed };
        const work = { ...effort, sigmaMin: 0.0417, sigmaMax: 24, evaluations: all };
        const provider = { chosen: 'cpu', tried: [] };
        const shown = { label: 'surprise' as const, warning: likelihoodWarning, image, model: settings.model };
        const size = { width: 128, height: 128, dimensions: 2048 };
        yield {
          kind: 'complete',
          report: { ...shown, ...size, ...figures, ...work, method: 'vector-jacobian', provider, notes: [] },
        };
      },
    },
    features: {
      missing: async () => ({ images: featureless }),
      async *compute(_scope, signal) {
        const all = featureless;
        for (let done = 0; done < all - unreadable; done += 1) {
          yield { kind: 'progress', done, all, secondsLeft: done === 0 ? null : ((all - done) * stepTime) / 1000 };
          await sleep(stepTime);
          if (signal.aborted) return;
          featureless -= 1;
        }
        for (let left = unreadable; left > 0; left -= 1)
          yield { kind: 'skipped', image: `image-${left}`, reason: `the file of image 'image-${left}' is gone` };
        tell({ kind: 'library', images: [] });
        yield { kind: 'complete', features: 'features of gamut', encoded: all - unreadable, skipped: unreadable };
      },
    },
    density: {
      async *place({ image }, signal) {
        await sleep(stepTime * 4);
        if (signal.aborted) return;
        const shown = imageById(image);
        const place = {
          pseudoDensity: 0.94,
          percentile: shown.scores.densityPercentile ?? 50,
          references: '412 of 10000 references: vase',
          k: 10,
          nearest: [1, 2, 3, 4, 5].map((rank) => ({
            distance: 0.4 + 0.03 * rank,
            caption: `tall matte vase ${rank}, terracotta, on a white backdrop, soft light`,
          })),
          pictured: await Promise.all(
            [1, 2, 3, 4].map(async (rank) => ({
              distance: 0.5 + 0.06 * rank,
              caption: `vase ${rank} with a narrow neck`,
              picture: await vasePng(100 + rank),
            })),
          ),
          picturedCount: 64,
        };
        yield { kind: 'complete', place };
      },
    },
    nudge: {
      obstacle: async () => options.obstacle ?? null,
      async *run({ image, ...settings }, signal) {
        for (let done = 0; done <= settings.stepCount; done += 1) {
          yield { kind: 'progress', done, all: settings.stepCount, secondsLeft: done === 0 ? null : 7 - done / 2 };
          await sleep(stepTime * 4);
          if (signal.aborted) return;
        }
        const { scores } = imageById(image);
        const percentile = scores.densityPercentile ?? 50;
        const moved =
          percentile + (settings.direction === 'typical' ? 1 : -1) * 0.6 * Math.min(percentile, 100 - percentile);
        yield {
          kind: 'complete',
          report: {
            settings,
            before: { ...scores, densityPercentile: percentile },
            after: { ...scores, densityPercentile: moved },
            references: '412 of 10000 references: vase',
            largestChange: settings.budget,
            moved: true,
            warning: nudgeWarning,
            notes: [],
          },
          before: await vasePng(Number(image.slice('image-'.length))),
          after: await vasePng(Number(image.slice('image-'.length)) + 1),
          token: image,
        };
      },
      async keep({ token }) {
        const [batch, id] = [`nudged-${images.length}`, `image-${images.length + 1000}`];
        const kept: ImageSummary = {
          ...imageById(token),
          batch,
          id,
          flag: 'none',
          rating: 0,
          createdAt: new Date().toISOString(),
        };
        images.push(kept);
        tell({ kind: 'library', images: [kept.id] });
        return kept;
      },
    },
    models: {
      list: async () => [model],
      import: async () => null,
      remove: async () => ({}),
      async read({ prompt }) {
        const used = prompt.toLowerCase().match(/\p{L}+/gu) ?? [];
        const unknown = [...new Set(used)].filter((word) => !words.includes(word));
        const suggest = (word: string): string[] =>
          words.filter((known) => known[0] === word[0] && known.length > 2).slice(0, 3);
        return {
          unknownWords: unknown.map((word) => ({ word, suggestions: suggest(word) })),
          tokenCount: used.length,
          tokenLimit: 32,
        };
      },
      dialPath: async () => path,
    },
    preferences: {
      get: async () => ({ revision, preferences }),
      async change(edit) {
        preferences = { ...preferences, ...edit };
        revision += 1;
        tell({ kind: 'preferences', revision, preferences });
        return { revision, preferences };
      },
    },
    host: {
      about: async () => ({
        version: '0.1.0',
        host: 'browser',
        platform: 'linux',
        dataFolder: '/nowhere',
        canChoosePlace: false,
      }),
      choosePlace: async () => null,
      reveal: async () => ({}),
    },
  };

  return {
    handlers,
    async picture(id, size) {
      const image = images.find((known) => known.id === id);
      if (image === undefined) return null;
      return {
        bytes: await vasePicture(Number(id.slice('image-'.length)), size === 'full' ? 256 : 128),
        mediaType: 'image/webp',
      };
    },
    download: () => null,
    async close() {
      for (const watcher of watchers) watcher.end();
      for (const stop of stops.values()) stop.abort();
    },
  };
}
