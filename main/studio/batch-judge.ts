import type { ImageScores } from '../contract/images.ts';
import type { Measure, MeasureName } from '../contract/measures.ts';
import { joinNotes, note } from '../contract/notes.ts';
import type { Features } from '../engine/features/features.ts';
import { uniformNumbers } from '../engine/features/uniform.ts';
import { reciprocalProbability } from '../engine/metrics/reciprocal-probability.ts';
import { textImageCosines } from '../engine/metrics/text-image-score.ts';
import { philoxStream } from '../engine/tensor/philox.ts';
import type { Picture } from '../engine/generation/generation-request.ts';
import type { PictureFeatures } from '../library/appearance.ts';
import type { FeatureEncoder } from '../model-packages/feature-encoder.ts';
import type { ModelPackage } from '../model-packages/package.ts';
import { densityJudge, type DensityJudge } from './density-judge.ts';
import { encodePictures, encodeTexts, featureName, featuresOf, likenessFeatures } from './encode-pictures.ts';
import type { PictureVectors } from './feature-cache.ts';
import { manifoldNeighbours, measuresOf } from './measure.ts';
import { encoderOf, referencesOf } from './parts-of-models.ts';
import { subsetFor, type Subset } from './reference-set.ts';
import { statedIn, type Stated } from './stated.ts';
import type { Workshop } from './workshop.ts';

/** A picture as the model's own feature encoder sees it. */
export interface JudgedPicture {
  readonly vectors: PictureVectors;
  readonly scores: ImageScores;
  /** What the library judges likeness by. */
  readonly features: PictureFeatures;
}

/** Judges a batch against the references that satisfy its brief. */
export interface BatchJudge {
  /** Which references, in words. */
  readonly references: string;
  readonly density: DensityJudge;
  readonly judge: (pictures: readonly Picture[], signal?: AbortSignal) => Promise<JudgedPicture[]>;
  /** Measures of the pictures kept. */
  readonly measure: (kept: readonly JudgedPicture[], signal?: AbortSignal) => Promise<readonly Measure[]>;
}

/** The judge of a model's batches, or null where the model brings no feature encoder or no references. */
export async function batchJudge(workshop: Workshop, model: ModelPackage, brief: string): Promise<BatchJudge | null> {
  const encoder = encoderOf(model);
  const reference = encoder === null ? null : await referencesOf(model);
  if (encoder === null || reference === null) return null;
  const subset = subsetFor(brief, reference, encoder);
  const density = await densityJudge(subset.features);
  const texts = encoder.text === null ? null : await encodeTexts(workshop.engine, encoder, [brief]);
  const stated = statedIn(brief, encoder.attributes);
  return {
    references: subset.label,
    density,
    judge: (pictures, signal) => judge(workshop, encoder, density, texts, stated, pictures, signal),
    measure: (kept, signal) => measureKept(workshop, encoder, subset, texts, stated, kept, signal),
  };
}

async function judge(
  workshop: Workshop,
  encoder: FeatureEncoder,
  density: DensityJudge,
  texts: Features | null,
  stated: Stated,
  pictures: readonly Picture[],
  signal: AbortSignal | undefined,
): Promise<JudgedPicture[]> {
  const sources = pictures.map((picture) => ({ kind: 'pixels', ...picture }) as const);
  const vectors = await encodePictures(workshop.engine, encoder, sources, signal === undefined ? {} : { signal });
  const densities = await density.judge(featuresOf(vectors, featureName(encoder), 'candidates'));
  const cosines =
    texts === null || encoder.embeddingOutput === null
      ? null
      : textImageCosines(featuresOf(vectors, encoder.embeddingOutput, 'candidates'), texts);
  return vectors.map((vector, i) => ({
    vectors: vector,
    features: likenessFeatures(vector, encoder),
    scores: {
      pseudoDensity: densities[i]?.density ?? null,
      densityPercentile: densities[i]?.percentile ?? null,
      textImageScore: cosines?.[i] ?? null,
      classProbability: probabilityOf(statedLogProbability(vector, encoder, stated)),
    },
  }));
}

/**
 * ln P(c|x) of what the brief states: the sum over the attribute heads, which were trained apart; null where it states
 * nothing that a head knows.
 */
export function statedLogProbability(vectors: PictureVectors, encoder: FeatureEncoder, stated: Stated): number | null {
  const logs = encoder.attributes.flatMap(({ name, output }) => {
    const value = stated[name];
    const logits = vectors[output];
    return value === undefined || logits === undefined ? [] : [logProbability(logits, value)];
  });
  return logs.length === 0 ? null : logs.reduce((sum, log) => sum + log, 0);
}

function probabilityOf(log: number | null): number | null {
  return log === null ? null : Math.exp(log);
}

function logProbability(logits: Float32Array, value: number): number {
  const largest = Math.max(...logits);
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - largest), 0);
  return (logits[value] ?? -Infinity) - largest - Math.log(sum);
}

async function measureKept(
  workshop: Workshop,
  encoder: FeatureEncoder,
  subset: Subset,
  texts: Features | null,
  stated: Stated,
  kept: readonly JudgedPicture[],
  signal: AbortSignal | undefined,
): Promise<readonly Measure[]> {
  if (kept.length === 0) return [];
  const vectors = kept.map(({ vectors: vector }) => vector);
  const embeddings =
    texts === null || encoder.embeddingOutput === null
      ? null
      : { images: featuresOf(vectors, encoder.embeddingOutput, 'generated'), texts };
  const measures = await measuresOf(
    workshop.engine,
    {
      reference: subset.features,
      generated: featuresOf(vectors, featureName(encoder), 'generated'),
      k: manifoldNeighbours,
      convention: 'strict',
      vendiOrder: 1,
      features: `${encoder.label}; ${subset.label}`,
      embeddings,
      seed: 0,
    },
    signal,
  );
  return [...measures.map((measure) => heldAgainst(subset, measure)), ...statedMeasure(encoder, stated, vectors)];
}

/** Measures that depend on which references there are. */
const referenceMeasures: ReadonlySet<MeasureName> = new Set([
  'precision',
  'recall',
  'density',
  'coverage',
  'frechetDistance',
]);

/** A measure that says so where its references are broader than the brief: a batch of it cannot cover them. */
function heldAgainst({ missing }: Subset, measure: Measure): Measure {
  if (missing.length === 0 || !referenceMeasures.has(measure.name)) return measure;
  const broader = note('broaderReferences', { words: missing.join(', ') });
  return { ...measure, note: joinNotes(broader, measure.note), broaderReferences: true };
}

/** Mean 1/P of what the brief states (PAPERS.md §2): rare failures dominate it, so its note says how few it rests on. */
function statedMeasure(encoder: FeatureEncoder, stated: Stated, vectors: readonly PictureVectors[]): Measure[] {
  const logs = vectors.map((vector) => statedLogProbability(vector, encoder, stated)).filter((log) => log !== null);
  if (logs.length < vectors.length) return [];
  const random = uniformNumbers(philoxStream(0, 0, 'bootstrap'));
  const { mean, interval, effectiveSampleSize, quantile99 } = reciprocalProbability(logs, random);
  const words = encoder.attributes.flatMap(({ name, values }) => {
    const value = stated[name];
    return value === undefined ? [] : [values[value] ?? ''];
  });
  return [
    {
      name: 'reciprocalProbability',
      value: Number.isFinite(mean) ? mean : null,
      low: finiteOrNull(interval?.low),
      high: finiteOrNull(interval?.high),
      generatedCount: logs.length,
      referenceCount: 0,
      features: encoder.label,
      note: note('statedProbability', {
        words: words.join(', '),
        effective: effectiveSampleSize.toFixed(1),
        images: logs.length,
        quantile: quantile99.toPrecision(3),
      }),
    },
  ];
}

function finiteOrNull(value: number | undefined): number | null {
  return value !== undefined && Number.isFinite(value) ? value : null;
}
