import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { Failure } from '../contract/failures.ts';
import type { DialStop } from '../contract/models.ts';
import type { Features } from '../engine/features/features.ts';
import { defaultHome } from '../library/library.ts';
import { writeFileAtomically } from '../library/files.ts';
import { loadFeatureEncoder, type FeatureEncoder } from '../model-packages/feature-encoder.ts';
import { hashPackage } from '../model-packages/hash.ts';
import { openPackage } from '../model-packages/resolve.ts';
import { calibrationPlot } from './calibration-plot.ts';
import { PoolStore, type Pool } from './calibration-pools.ts';
import { writeCalibration, type Calibration } from './calibration.ts';
import { densityNeighbours } from './density-judge.ts';
import {
  calibrationBrief,
  candidateThresholds,
  measureSetting,
  measureStop,
  nearest,
  settingsGrid,
  stopSettings,
  type CalibrationBrief,
  type MeasuredSetting,
} from './dial-path.ts';
import { vectorsFrom } from './measure.ts';
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
  /** Candidates a brief and guidance scale. */
  readonly pool: number;
  /** Images kept a brief for each measurement. */
  readonly kept: number;
  readonly scales: readonly number[];
  readonly steps: number;
  readonly seed: number;
  readonly batchSize: number;
  /** How the command was called, for the record. */
  readonly command: string;
}

export type CalibrationEvent =
  | {
      readonly kind: 'pool';
      readonly done: number;
      readonly all: number;
      readonly brief: string;
      readonly guidanceScale: number;
      readonly secondsLeft: number;
    }
  | { readonly kind: 'measuring'; readonly done: number; readonly all: number }
  | { readonly kind: 'stop'; readonly stop: DialStop }
  | { readonly kind: 'complete'; readonly calibration: Calibration; readonly file: string; readonly plot: string };

/** Neighbour of precision and recall: a batch kept of a brief has few images. */
const manifoldNeighbours = 3;
/** Fewest references a chosen brief must have. */
const fewestReferences = 60;

/**
 * Measures the dial's path of a model: pools of candidates for every brief and guidance scale (remembered, so that a
 * calibration that was cut off goes on), every setting measured on them at equal counts, the path written beside the
 * model with a plot of it and of guidance alone.
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
  const encoder = loadFeatureEncoder(model.folder);
  const references = await referencesOf(settings, workshop, encoder, model.folder, model.id);
  const texts = await briefsOf(settings, references.set, encoder, model.card.examples ?? []);
  const scales = [...settings.scales].sort((a, b) => a - b);
  const modelHash = await hashPackage(model, workshop.hashCache);
  const store = new PoolStore(join(defaultHome(), 'cache', 'calibration'), workshop, encoder);
  const briefs: CalibrationBrief[] = [];
  const all = texts.length * scales.length;
  const started = performance.now();
  let done = 0;
  for (const brief of texts) {
    const pools: Pool[] = [];
    for (const guidanceScale of scales) {
      const request = settingsOfRequest({
        model: settings.model,
        prompt: brief,
        count: settings.pool,
        seed: settings.seed,
        stepCount: settings.steps,
        guidanceScale,
        batchSize: settings.batchSize,
      });
      pools.push(await store.pool(request, modelHash, signal));
      done += 1;
      const secondsLeft = ((performance.now() - started) / 1000 / done) * (all - done);
      yield { kind: 'pool', done, all, brief, guidanceScale, secondsLeft };
    }
    briefs.push(await calibrationBrief(references.of(brief), pools, manifoldNeighbours));
  }
  const usualScale = nearest(scales, usualScaleOf(model.card['sampling']));
  const options = { k: manifoldNeighbours, kept: settings.kept, seed: settings.seed, usualScale };
  const grid: MeasuredSetting[] = [];
  const tried = settingsGrid(scales, candidateThresholds(briefs));
  for (const setting of tried) {
    signal?.throwIfAborted();
    grid.push(await measureSetting(briefs, setting, options));
    if (grid.length % 20 === 0) yield { kind: 'measuring', done: grid.length, all: tried.length };
  }
  const stops: DialStop[] = [];
  for (const stop of stopSettings(grid, scales, usualScale)) {
    stops.push(await measureStop(briefs, stop, options, encoder.label));
    yield { kind: 'stop', stop: stops.at(-1) as DialStop };
  }
  const calibration: Calibration = {
    format: 1,
    command: settings.command,
    modelHash,
    features: encoder.label,
    references: references.label,
    stepCount: settings.steps,
    seed: settings.seed,
    briefs: texts,
    poolSize: settings.pool,
    keptPerBrief: settings.kept,
    k: manifoldNeighbours,
    densityK: densityNeighbours,
    path: { description: describe(texts.length, settings, encoder, references.label), stops },
    guidanceAlone: grid
      .filter(({ densityWeight }) => densityWeight === 1)
      .map(({ guidanceScale, densityWeight, densityThreshold, precision, recall, acceptance }) => ({
        guidanceScale,
        densityWeight,
        densityThreshold,
        precision,
        recall,
        acceptance,
      })),
  };
  const plot = join(model.folder, 'calibration.svg');
  const file = await writeCalibration(model.folder, calibration);
  await writeFileAtomically(plot, Buffer.from(calibrationPlot(calibration)));
  yield { kind: 'complete', calibration, file, plot };
}

function describe(
  briefs: number,
  { kept, pool, steps, seed }: CalibrationSettings,
  encoder: FeatureEncoder,
  references: string,
): string {
  return (
    `${briefs} briefs × ${kept} kept images a stop (${briefs * kept}), from pools of ${pool} candidates a brief and guidance scale; ` +
    `${steps} steps, seed ${seed}; precision and recall with k = ${manifoldNeighbours} in ${encoder.label}, against ${references}. ` +
    'The path was chosen and measured on the same images, so its ends are a little flattered.'
  );
}

const samplingSchema = z.looseObject({ guidanceScale: z.number() });

/** The scale that a package recommends; 3 where it says none. */
function usualScaleOf(sampling: unknown): number {
  const parsed = samplingSchema.safeParse(sampling);
  return parsed.success ? parsed.data.guidanceScale : 3;
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
  folder: string,
  id: string,
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

/** Briefs from a file, or short ones of two stated values with the most references, no value more than twice. */
async function briefsOf(
  { briefs, briefCount }: CalibrationSettings,
  set: ReferenceSet | null,
  encoder: FeatureEncoder,
  examples: readonly string[],
): Promise<[string, ...string[]]> {
  const lines = briefs === null ? null : (await readFile(briefs, 'utf8')).split('\n').map((line) => line.trim());
  const found =
    lines?.filter((line) => line !== '') ?? (set === null ? examples : commonBriefs(set, encoder, briefCount));
  const [first, ...rest] = found.slice(0, briefCount);
  if (first === undefined || rest.length === 0)
    throw new Failure(
      'bad-input',
      `briefs: expected at least 2 to average over, got ${found.length}; name some with --briefs FILE`,
      'briefs',
    );
  return [first, ...rest];
}

/**
 * Short briefs that many references satisfy: pairs of the first two heads' values ("red mug"), commonest first and no value
 * more than twice, then single values of the first head.
 */
export function commonBriefs(set: ReferenceSet, encoder: FeatureEncoder, count: number): string[] {
  const [noun, adjective] = encoder.attributes;
  const { attributes } = set;
  if (attributes === null || noun === undefined) return [];
  const codeOf = (row: number, column: number): number => attributes.values[row * attributes.width + column] ?? -1;
  const rows = Array.from({ length: attributes.count }, (_, row) => row);
  const pairs = tally(rows.map((row) => [adjective?.values[codeOf(row, 1)], noun.values[codeOf(row, 0)]]));
  const nouns = tally(rows.map((row) => [noun.values[codeOf(row, 0)]]));
  const uses = new Map<string, number>();
  const briefs: string[] = [];
  for (const words of [...pairs, ...nouns]) {
    if (briefs.length === count) break;
    if (words.length > 1 && words.some((word) => (uses.get(word) ?? 0) >= 2)) continue;
    for (const word of words) uses.set(word, (uses.get(word) ?? 0) + 1);
    briefs.push(words.join(' '));
  }
  return briefs;
}

/** Word groups that enough references have, commonest first. */
function tally(groups: readonly (readonly (string | undefined)[])[]): string[][] {
  const counts = new Map<string, { readonly words: string[]; count: number }>();
  for (const group of groups) {
    const words = group.filter((word) => word !== undefined);
    if (words.length < group.length) continue;
    const entry = counts.get(words.join(' ')) ?? { words, count: 0 };
    entry.count += 1;
    counts.set(words.join(' '), entry);
  }
  return [...counts.values()]
    .filter((entry) => entry.count >= fewestReferences)
    .sort((a, b) => b.count - a.count)
    .map(({ words }) => words);
}
