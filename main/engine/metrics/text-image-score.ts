import type { Measure } from '../../contract/measures.ts';
import { Failure } from '../../contract/failures.ts';
import { note } from '../../contract/notes.ts';
import { checkSameWidth, type Features } from '../features/features.ts';
import { bootstrap } from './bootstrap.ts';

/**
 * Cosine between each image's and its text's embedding, −1 … 1 (CLIPScore of Hessel et al. 2021 without its factor 2.5
 * and its cut at 0).
 *
 * @param texts one row an image, or one row for all
 */
export function textImageCosines(images: Features, texts: Features): Float64Array {
  checkSameWidth(texts, images, 'texts', 'images');
  if (texts.count !== 1 && texts.count !== images.count)
    throw new Failure('bad-input', `texts: expected 1 or ${images.count} rows, got ${texts.count}`, 'texts');
  return Float64Array.from({ length: images.count }, (_, i) => cosine(images, i, texts, texts.count === 1 ? 0 : i));
}

function cosine(a: Features, i: number, b: Features, j: number): number {
  let dot = 0;
  let aa = 0;
  let bb = 0;
  for (let at = 0; at < a.width; at++) {
    const x = a.values[i * a.width + at] as number;
    const y = b.values[j * a.width + at] as number;
    dot += x * y;
    aa += x * x;
    bb += y * y;
  }
  return aa === 0 || bb === 0 ? 0 : dot / Math.sqrt(aa * bb);
}

/** Mean text-image score of a batch with its interval. */
export function textImageScore(cosines: Float64Array, features: string, random: () => number): Measure {
  const mean = (times: ArrayLike<number> | null): number =>
    cosines.reduce((sum, value, i) => sum + value * (times?.[i] ?? 1), 0) / cosines.length;
  const value = mean(null);
  const interval = bootstrap(cosines.length, value, mean, random, { lowest: -1, highest: 1 });
  return {
    name: 'textImageScore',
    value,
    low: interval?.low ?? null,
    high: interval?.high ?? null,
    generatedCount: cosines.length,
    referenceCount: 0,
    features,
    note: note('meanCosine'),
  };
}
