import type { DensityEvent } from '../engine/requests/pseudo-densities.ts';
import { Failure } from '../contract/failures.ts';
import type { Features } from '../engine/features/features.ts';
import type { EngineProcess } from './engine-process.ts';
import { readFeatures } from './npy.ts';

export interface DensitySettings {
  /** Neighbours that count; the authors' notebook uses 20. */
  readonly k: number;
  readonly exponent: number;
}

/** What `gamut density` says: one density and percentile a query row, in order. */
export interface DensityReport {
  readonly k: number;
  readonly exponent: number;
  readonly referenceCount: number;
  readonly queryCount: number;
  readonly width: number;
  /** Pseudo density, mean 1 over the references. */
  readonly densities: readonly number[];
  /** Share of the references that are less dense, in percent. */
  readonly percentiles: readonly number[];
  /** Pseudo density of the references themselves, self excluded, in order: what mean 1 and the percentiles rest on. */
  readonly referenceDensities: readonly number[];
}

/** Pseudo density of every row of one .npy file against the rows of another (PAPERS.md §3a). */
export async function densityOfFiles(
  engine: EngineProcess,
  files: { readonly reference: string; readonly query: string },
  settings: DensitySettings,
  signal?: AbortSignal,
): Promise<DensityReport> {
  const references = await readFeatures(files.reference);
  const queries = await readFeatures(files.query);
  const { densities, percentiles, referenceDensities } = await densitiesIn(
    engine,
    references,
    queries,
    settings,
    signal,
  );
  return {
    ...settings,
    referenceCount: references.count,
    queryCount: queries.count,
    width: references.width,
    densities: [...densities],
    percentiles: [...percentiles],
    referenceDensities: [...referenceDensities],
  };
}

/** Densities and percentiles of `queries` among `references`, computed in the engine's process. */
export async function densitiesIn(
  engine: EngineProcess,
  references: Features,
  queries: Features,
  { k, exponent }: DensitySettings,
  signal?: AbortSignal,
): Promise<Extract<DensityEvent, { kind: 'densities' }>> {
  const event = await engine.answer('pseudoDensities', { references, queries, k, exponent }, signal);
  if (event.kind === 'densities') return event;
  throw new Failure('engine-gone', 'The engine ended without a density.');
}
