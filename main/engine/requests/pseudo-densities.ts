import { checkSameWidth, type Features } from '../features/features.ts';
import { productFor } from '../features/matrix-product.ts';
import { densityPercentile, densityReference, pseudoDensities } from '../features/pseudo-density.ts';
import type { Handler } from '../protocol.ts';

export interface DensityRequest {
  readonly references: Features;
  readonly queries: Features;
  readonly k: number;
  readonly exponent: number;
}

export type DensityEvent =
  | { readonly kind: 'progress'; readonly done: number }
  | {
      readonly kind: 'densities';
      /** Of the queries: pseudo density (mean 1 over the references) and percentile among the references. */
      readonly densities: Float64Array;
      readonly percentiles: Float64Array;
      /** Of the references themselves, self excluded. */
      readonly referenceDensities: Float64Array;
    };

/** Scores query rows against a reference set (PAPERS.md §3a). */
export const pseudoDensitiesRequest: Handler<DensityRequest, DensityEvent> = async function* (
  { references, queries, k, exponent },
  { sessions, signal },
) {
  checkSameWidth(references, queries, 'reference', 'query');
  const product = await productFor(sessions, references.count, references.count + queries.count, references.width);
  const reference = await densityReference(references, k, exponent, { product, signal });
  yield { kind: 'progress', done: references.count / (references.count + queries.count) };
  const densities = await pseudoDensities(queries, references, reference, { product, signal });
  yield {
    kind: 'densities',
    densities,
    percentiles: densities.map((density) => densityPercentile(density, reference)),
    referenceDensities: reference.densities,
  };
};
