import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Failure } from '../contract/failures.ts';
import type { Measure } from '../contract/measures.ts';
import { checkSameWidth, type Features } from '../engine/features/features.ts';
import type { MeasureRequest } from '../engine/requests/measure.ts';
import { defaultHome } from '../library/library.ts';
import { loadFeatureEncoder, type FeatureEncoder } from '../model-packages/feature-encoder.ts';
import { findPackages, resolvePackage } from '../model-packages/resolve.ts';
import { encodeFolder, featureName, featuresOf } from './encode-pictures.ts';
import type { EngineProcess } from './engine-process.ts';
import { FeatureCache } from './feature-cache.ts';
import { readFeatures } from './npy.ts';
import { loadReferenceSet, subsetFor } from './reference-set.ts';
import type { Workshop } from './workshop.ts';

/** Neighbour whose distance sets the radii of precision and recall of one brief's batch: few images, so the paper's 3. */
export const manifoldNeighbours = 3;

export interface MeasureSettings {
  readonly generated: string;
  readonly reference: string;
  /** Model or encoder folder whose features are taken of pictures; null: of the reference's model, else the built-in one. */
  readonly encoder: string | null;
  /** Measures against the references that satisfy this brief; null: all of them. */
  readonly brief: string | null;
  readonly k: number;
  readonly convention: MeasureRequest['convention'];
  readonly vendiOrder: number;
  readonly seed: number;
}

export interface MeasureReport {
  readonly k: number;
  readonly convention: MeasureRequest['convention'];
  readonly generated: VectorSource;
  readonly reference: VectorSource;
  readonly measures: Readonly<Record<string, Measure>>;
}

interface VectorSource {
  readonly from: string;
  readonly count: number;
  readonly width: number;
  /** Pictures that could not be read. */
  readonly skipped: readonly { readonly file: string; readonly reason: string }[];
}

/** Vectors with the word where they came from. */
export interface Vectors {
  readonly features: Features;
  readonly files: readonly string[] | null;
  readonly source: VectorSource;
}

/** Where features of pictures are remembered between runs. */
export function featureCacheOf(encoder: FeatureEncoder): FeatureCache {
  return new FeatureCache(join(defaultHome(), 'cache', 'features'), encoder.fingerprint);
}

/** The encoder that a command uses: the one named, the one of a model that is the reference, or the built-in model's. */
export function chosenEncoder(workshop: Workshop, named: string | null, reference: string | null): FeatureEncoder {
  const ids = findPackages(workshop.folders).map(({ id }) => id);
  const choice = named ?? (reference !== null && ids.includes(reference) ? reference : (ids[0] ?? null));
  if (choice === null)
    throw new Failure(
      'not-found',
      'encoder: expected --encoder DIR, since no model with a feature encoder is installed',
    );
  return loadFeatureEncoder(resolvePackage(choice, workshop.folders).folder);
}

/** Vectors from a .npy file, or of the pictures of a folder by the encoder (asked for only then). */
export async function vectorsFrom(
  engine: EngineProcess,
  place: string,
  encoder: () => FeatureEncoder,
  options: { readonly signal?: AbortSignal; readonly onProgress?: (done: number, all: number) => void } = {},
): Promise<Vectors> {
  if (isFolder(place)) {
    const chosen = encoder();
    const found = await encodeFolder(engine, chosen, place, { ...options, cache: featureCacheOf(chosen) });
    const features = featuresOf(found.vectors, featureName(chosen), place);
    const { count, width } = features;
    return { features, files: found.files, source: { from: place, count, width, skipped: found.skipped } };
  }
  if (!existsSync(place))
    throw new Failure('not-found', `expected a folder of pictures or a .npy file, found nothing at ${place}`, place);
  const features = await readFeatures(place);
  return { features, files: null, source: { from: place, count: features.count, width: features.width, skipped: [] } };
}

export function isFolder(place: string): boolean {
  return statSync(place, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** References from a .npy file, a folder of pictures, or the set that a model brings along. */
export async function referencesFrom(
  workshop: Workshop,
  place: string,
  encoder: () => FeatureEncoder,
  options: { readonly brief?: string | null; readonly signal?: AbortSignal } = {},
): Promise<Vectors> {
  const known = findPackages(workshop.folders).find(({ id }) => id === place);
  if (known === undefined) {
    if (options.brief != null)
      throw new Failure(
        'bad-input',
        `brief: expected a model's reference set to choose from, got --reference ${place}`,
        'brief',
      );
    if (!existsSync(place))
      throw new Failure(
        'not-found',
        `reference: expected a model's id, a folder of pictures or a .npy file, found nothing at ${place}`,
        'reference',
      );
    return vectorsFrom(workshop.engine, place, encoder, options.signal === undefined ? {} : { signal: options.signal });
  }
  const set = await loadReferenceSet(known.folder, known.id);
  const { features, label } =
    options.brief == null
      ? { features: set.features, label: set.label }
      : subsetFor(options.brief, set, loadFeatureEncoder(known.folder));
  return { features, files: null, source: { from: label, count: features.count, width: features.width, skipped: [] } };
}

/**
 * Measures generated pictures or vectors against references.
 *
 * @throws bad-input when the widths differ, k ≥ either count, or a folder holds no picture
 */
export async function measureSets(
  workshop: Workshop,
  settings: MeasureSettings,
  options: { readonly signal?: AbortSignal; readonly onProgress?: (done: number, all: number) => void } = {},
): Promise<MeasureReport> {
  const { k, convention, vendiOrder, seed } = settings;
  const encoder = (): FeatureEncoder => chosenEncoder(workshop, settings.encoder, settings.reference);
  const reference = await referencesFrom(workshop, settings.reference, encoder, { ...options, brief: settings.brief });
  const generated = await vectorsFrom(workshop.engine, settings.generated, encoder, options);
  checkSameWidth(reference.features, generated.features);
  for (const [name, { features }] of Object.entries({ reference, generated }))
    if (k >= features.count)
      throw new Failure('bad-input', `k: expected less than the ${features.count} rows of ${name}, got ${k}`, 'k');
  const label = generated.files === null ? 'rows of a .npy file' : encoder().label;
  const measures = await measuresOf(
    workshop.engine,
    {
      reference: reference.features,
      generated: generated.features,
      k,
      convention,
      vendiOrder,
      seed,
      features: label,
      embeddings: null,
    },
    options.signal,
  );
  return {
    k,
    convention,
    generated: generated.source,
    reference: reference.source,
    measures: Object.fromEntries(measures.map((measure) => [measure.name, measure])),
  };
}

/** Asks the engine's process for a batch's measures. */
export async function measuresOf(
  engine: EngineProcess,
  request: MeasureRequest,
  signal?: AbortSignal,
): Promise<readonly Measure[]> {
  return (await engine.answer('measure', request, signal)).measures;
}
