import type { Measure } from '../../contract/measures.ts';
import { Failure } from '../../contract/failures.ts';
import type { Features } from '../features/features.ts';
import { productFor } from '../features/matrix-product.ts';
import { uniformNumbers } from '../features/uniform.ts';
import { measureBatch } from '../metrics/measure-batch.ts';
import { textImageCosines, textImageScore } from '../metrics/text-image-score.ts';
import type { BallConvention } from '../metrics/manifolds.ts';
import type { Handler } from '../protocol.ts';
import { philoxStream } from '../tensor/philox.ts';

export interface MeasureRequest {
  readonly reference: Features;
  readonly generated: Features;
  readonly k: number;
  readonly convention: BallConvention;
  readonly vendiOrder: number;
  /** What the vectors are, for the reader. */
  readonly features: string;
  /** Embeddings of pictures and their text; null without a text encoder. */
  readonly embeddings: { readonly images: Features; readonly texts: Features } | null;
  /** Decides the resampling of the intervals. */
  readonly seed: number;
}

/** Measures a batch against references: the set measures, and the text-image score where there are embeddings. */
export const measure: Handler<MeasureRequest, { readonly measures: readonly Measure[] }> = async function* (
  { reference, generated, k, convention, vendiOrder, features, embeddings, seed },
  { sessions, signal },
) {
  if (reference.width !== generated.width)
    throw new Failure(
      'bad-input',
      `generated: expected rows of ${reference.width} features as in the reference, got ${generated.width}`,
      'generated',
    );
  const rows = Math.max(reference.count, generated.count);
  const product = await productFor(sessions, rows, rows, reference.width);
  const random = uniformNumbers(philoxStream(seed, 0, 'bootstrap'));
  const measures = await measureBatch(reference, generated, {
    k,
    convention,
    vendiOrder,
    features,
    random,
    product,
    signal,
  });
  if (embeddings !== null) {
    const cosines = textImageCosines(embeddings.images, embeddings.texts);
    measures.push(textImageScore(cosines, features, random));
  }
  yield { measures };
};
