import { join } from 'node:path';
import { Failure } from '../contract/failures.ts';
import type { DialStop } from '../contract/models.ts';
import { defaultGuidanceScale } from '../contract/settings.ts';
import type { Features } from '../engine/features/features.ts';
import { defaultHome } from '../library/library.ts';
import { writeFileAtomically } from '../library/files.ts';
import { loadFeatureEncoder, type FeatureEncoder } from '../model-packages/feature-encoder.ts';
import { hashPackage } from '../model-packages/hash.ts';
import type { ModelPackage } from '../model-packages/package.ts';
import { openPackage } from '../model-packages/resolve.ts';
import { calibrationBriefs } from './calibration-briefs.ts';
import { guidanceKey, guidancesToTry, nearest, type Guidance } from './calibration-guidance.ts';
import {
  alone,
  calibrationBrief,
  candidateThresholds,
  intervalOverBriefs,
  measureSettings,
  settingsGrid,
  type CalibrationBrief,
  type MeasuredSetting,
} from './calibration-measures.ts';
import { calibrationPlot } from './calibration-plot.ts';
import { CalibrationPoolMaker, type PoolEvent } from './calibration-pool-maker.ts';
import { PoolStore } from './calibration-pools.ts';
import { verdictOn } from './calibration-verdict.ts';
import { writeCalibration, type Calibration } from './calibration.ts';
import { densityNeighbours } from './density-judge.ts';
import { dialStopOf, stopsOf } from './dial-path.ts';
import { manifoldNeighbours, vectorsFrom } from './measure.ts';
import { loadReferenceSet, subsetFor, type ReferenceSet } from './reference-set.ts';
import { settingsOfRequest } from './settings-of-request.ts';
import type { Workshop } from './workshop.ts';

export interface CalibrationSettings {
  readonly model: string;
  /** References instead of the model's own: a .npy file or a folder of pictures; null: its own. */
  readonly reference: string | null;
  /** File with a brief a line; null: chosen from the reference set. */
  readonly briefs: string | null;
  readonly briefCount: number;
  /** Images kept a brief for each measurement; every guidance gets at least as many candidates. */
  readonly kept: number;
  /** Candidates a brief at the two ends' guidances, for reweighting to choose from. */
  readonly pool: number;
  /** Guidance scales tried everywhere. */
  readonly scales: readonly number[];
  /** Guidance scales tried within the interval only. */
  readonly intervalScales: readonly number[];
  /** In sigma. */
  readonly interval: { readonly low: number; readonly high: number } | null;
  readonly steps: number;
  readonly seed: number;
  readonly batchSize: number;
  /** No candidates are begun that would not be done by then; null: all are made. */
  readonly minutes: number | null;
  /** Only say what it would take. */
  readonly planOnly: boolean;
  /** How the command was called, for the record. */
  readonly command: string;
}

export type CalibrationEvent =
  | PoolEvent
  | { readonly kind: 'measuring'; readonly settings: number }
  | { readonly kind: 'stop'; readonly stop: DialStop }
  | { readonly kind: 'complete'; readonly calibration: Calibration; readonly file: string; readonly plot: string };

/** Images kept of a brief for which each stop is measured as well, so that a batch of any size knows what to expect. */
const batchCounts = [4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256];

/**
 * Measures the dial's path of a model: pools of candidates for every brief and guidance (remembered, so that a calibration
 * that was cut off goes on), settings measured on them at equal counts, the path written beside the model with a plot of
 * it and of guidance alone. First every guidance gets as many candidates as are kept, then the two ends get more.
 *
 * @throws bad-input when there are too few briefs, candidates or references to measure anything
 */
export async function* calibrate(
  settings: CalibrationSettings,
  workshop: Workshop,
  signal?: AbortSignal,
): AsyncGenerator<CalibrationEvent, void, void> {
  if (settings.kept <= manifoldNeighbours || settings.kept > settings.pool)
    throw new Failure(
      'bad-input',
      `kept: expected more than ${manifoldNeighbours} and at most the ${settings.pool} of the pool, got ${settings.kept}`,
      'kept',
    );
  const model = openPackage(settings.model, workshop.folders);
  const usualScale = nearest(settings.scales, model.card.sampling?.guidanceScale ?? defaultGuidanceScale);
  const guidances = guidancesToTry(settings.scales, settings.intervalScales, settings.interval, usualScale);
  const encoder = loadFeatureEncoder(model.folder);
  const references = await referencesOf(settings, workshop, encoder, model);
  const texts = await calibrationBriefs(
    settings.briefs,
    settings.briefCount,
    references.set,
    encoder,
    model.card.examples ?? [],
  );
  const modelHash = await hashPackage(model, workshop.hashCache);
  const store = new PoolStore(join(defaultHome(), 'cache', 'calibration'), workshop, encoder, modelHash);
  const requestOf = (brief: string, guidance: Guidance) =>
    settingsOfRequest({
      model: settings.model,
      prompt: brief,
      seed: settings.seed,
      stepCount: settings.steps,
      batchSize: settings.batchSize,
      guidanceScale: guidance.guidanceScale,
      guidanceInterval: guidance.guidanceInterval,
    });
  const maker = new CalibrationPoolMaker(store, workshop, model.model, texts, requestOf, settings);

  // Whole batches: the last of them would cost as much half empty.
  const first = Math.min(settings.pool, Math.ceil(settings.kept / settings.batchSize) * settings.batchSize);
  const options = { k: manifoldNeighbours, kept: settings.kept, seed: settings.seed };
  const briefsNow = async (): Promise<CalibrationBrief[]> => {
    const briefs: CalibrationBrief[] = [];
    for (const [at, text] of texts.entries())
      briefs.push(await calibrationBrief(references.of(text), maker.poolsOf(at), manifoldNeighbours));
    return briefs;
  };
  const endsAmong = async (made: readonly Guidance[]): Promise<Guidance[]> =>
    endsOf(await measureSettings(await briefsNow(), alone(made), options, signal));
  const makeFirst = async function* (): AsyncGenerator<CalibrationEvent> {
    for (const guidance of guidances) yield* maker.make(guidance, 0, first, signal);
  };
  let ends: readonly Guidance[] | null = null;
  if (maker.remembers(guidances, first)) {
    await Array.fromAsync(makeFirst());
    ends = await endsAmong(guidances);
  }
  yield* maker.plan(guidances, first, ends, signal);
  if (settings.planOnly) return;
  if (ends === null) yield* makeFirst();

  const made = guidances.filter((guidance) => maker.isMade(guidance));
  const usualGuidance = made[0];
  if (usualGuidance === undefined || made.length < 2)
    throw new Failure(
      'bad-input',
      `minutes: ${settings.minutes ?? 0} were enough for ${made.length} of ${guidances.length} guidances; at least 2 are needed. What was made is remembered: run the same command again`,
      'minutes',
    );
  ends ??= await endsAmong(made);
  for (const end of ends) yield* maker.make(end, first, settings.pool, signal);

  const briefs = await briefsNow();
  const tried = settingsGrid(made, candidateThresholds(briefs));
  yield { kind: 'measuring', settings: tried.length };
  const fewer = batchCounts.filter((count) => count > manifoldNeighbours && count < settings.kept);
  const grid = await measureSettings(briefs, tried, { ...options, fewer }, signal);
  const unweighted = grid.filter(({ densityWeight }) => densityWeight === 1);
  const usual = unweighted.find((setting) => guidanceKey(setting) === guidanceKey(usualGuidance));
  if (usual === undefined) throw new RangeError('calibration: the usual guidance was not measured');
  const stops = stopsOf(grid, usual, settings.seed);
  const dialStops = stops.map((stop) => dialStopOf(briefs, stop, options, encoder.label));
  for (const stop of dialStops) yield { kind: 'stop', stop };
  const guidanceAlone = unweighted.filter(({ guidanceInterval }) => guidanceInterval === null);
  const calibration: Calibration = {
    format: 1,
    command: settings.command,
    modelHash,
    features: encoder.label,
    references: references.label,
    stepCount: settings.steps,
    seed: settings.seed,
    briefs: texts,
    pools: made.map((guidance) => ({ ...guidance, ...maker.sizeOf(guidance) })),
    keptPerBrief: settings.kept,
    k: manifoldNeighbours,
    densityK: densityNeighbours,
    path: { description: describe(texts.length, settings, encoder, references.label), stops: dialStops },
    guidanceAlone: unweighted.map((setting) => aloneOf(setting, settings.seed)),
    verdict: verdictOn(stops, guidanceAlone, settings.seed),
  };
  const plot = join(model.folder, 'calibration.svg');
  const file = await writeCalibration(model.folder, calibration);
  await writeFileAtomically(plot, Buffer.from(calibrationPlot(calibration)));
  yield { kind: 'complete', calibration, file, plot };
}

/** The guidances of highest precision and of highest recall: reweighting takes the dial further from there. */
function endsOf(unweighted: readonly MeasuredSetting[]): Guidance[] {
  const best = (score: (setting: MeasuredSetting) => number) =>
    unweighted.reduce((top, setting) => (score(setting) > score(top) ? setting : top));
  const faithful = best(({ precision }) => precision);
  const diverse = best(({ recall }) => recall);
  return faithful === diverse ? [faithful] : [faithful, diverse];
}

function aloneOf(setting: MeasuredSetting, seed: number): Calibration['guidanceAlone'][number] {
  const { guidanceScale, guidanceInterval, precision, recall } = setting;
  const mean = (value: number, values: readonly number[]) => {
    const interval = intervalOverBriefs(values, seed);
    return { value, low: interval?.low ?? null, high: interval?.high ?? null };
  };
  return {
    guidanceScale,
    guidanceInterval,
    precision: mean(precision, setting.precisions),
    recall: mean(recall, setting.recalls),
  };
}

function describe(
  briefs: number,
  { kept, steps, seed }: CalibrationSettings,
  encoder: FeatureEncoder,
  references: string,
): string {
  return (
    `${briefs} briefs × ${kept} kept images a stop (${briefs * kept}), ${steps} steps, seed ${seed}; ` +
    `precision and recall with k = ${manifoldNeighbours} in ${encoder.label}, against ${references}. ` +
    'The path was chosen and measured on the same images, so its ends are a little flattered.'
  );
}

interface CalibrationReferences {
  readonly label: string;
  readonly set: ReferenceSet | null;
  readonly of: (brief: string) => Features;
}

async function referencesOf(
  { reference }: CalibrationSettings,
  workshop: Workshop,
  encoder: FeatureEncoder,
  { folder, id }: ModelPackage,
): Promise<CalibrationReferences> {
  if (reference === null) {
    const set = await loadReferenceSet(folder, id);
    return {
      label: `the ${set.label} that satisfy the brief`,
      set,
      of: (brief) => subsetFor(brief, set, encoder).features,
    };
  }
  const { features, source } = await vectorsFrom(workshop.engine, reference, () => encoder);
  return { label: `${source.count} references of ${source.from}`, set: null, of: () => features };
}
