import { Failure } from '../contract/failures.ts';
import type { LikelihoodSettings, PromptLikelihood } from '../contract/likelihood.ts';
import { note } from '../contract/notes.ts';
import type { WorkProgress } from '../contract/work-progress.ts';
import type { LikelihoodEstimate } from '../engine/diffusion/likelihood.ts';
import { densityBound } from '../engine/diffusion/likelihood-range.ts';
import type { Picture } from '../engine/generation/generation-request.ts';
import type { LikelihoodEvent } from '../engine/generation/score-prompts.ts';
import { textImageCosines } from '../engine/metrics/text-image-score.ts';
import { loadFeatureEncoder, type FeatureEncoder } from '../model-packages/feature-encoder.ts';
import type { ModelPackage } from '../model-packages/package.ts';
import { encodePictures, encodeTexts, featuresOf } from './encode-pictures.ts';
import { Pace } from './pace.ts';
import type { Workshop } from './workshop.ts';

/** How carefully likelihoods are had. */
export type LikelihoodEffort = Pick<
  LikelihoodSettings,
  'solver' | 'stepCount' | 'tolerance' | 'probeCount' | 'seed' | 'method'
>;

/** One picture under several texts. */
export interface ScoredTexts {
  /** In the order of the texts, all with the same probes. */
  readonly estimates: readonly LikelihoodEstimate[];
  readonly figures: readonly PromptLikelihood[];
  /** The most nats a latent value can have at sigmaMin. */
  readonly boundPerDimension: number;
  readonly scored: Extract<LikelihoodEvent, { kind: 'scored' }>;
  readonly notes: readonly string[];
}

/** log p of a picture under each text, and the text-image score beside it. */
export async function* scoreTexts(
  picture: Picture,
  texts: readonly string[],
  effort: LikelihoodEffort,
  modelPackage: ModelPackage,
  workshop: Workshop,
  signal?: AbortSignal,
): AsyncGenerator<WorkProgress, ScoredTexts, void> {
  const { model, readPrompt } = modelPackage;
  const readings = texts.map((text) => readPrompt(text));
  const request = {
    model,
    provider: workshop.provider,
    image: picture,
    prompts: readings.map(({ windows }) => windows),
    empty: readPrompt('').windows,
    solver: effort.solver,
    stepCount: effort.stepCount,
    tolerance: effort.tolerance,
    probeCount: effort.probeCount,
    seed: effort.seed,
    method: effort.method,
  };
  const scores = await textImageScores(picture, texts, modelPackage, workshop, signal);
  let scored: ScoredTexts['scored'] | undefined;
  const pace = new Pace(workshop);
  for await (const event of workshop.engine.request('likelihood', request, signal)) {
    if (event.kind === 'scored') {
      scored = event;
      continue;
    }
    yield pace.progress(event.done, event.all);
  }
  if (scored === undefined) throw new Failure('engine-gone', 'The engine ended without an answer.');

  const { estimates } = scored;
  if (estimates.length !== texts.length)
    throw new RangeError(`estimates: expected one for each of ${texts.length} texts, got ${estimates.length}`);
  const boundPerDimension = densityBound(scored.sigmaMin);
  const dropped = readings.filter(({ tokensDropped }) => tokensDropped > 0).length;
  return {
    estimates,
    figures: estimates.map((estimate, at): PromptLikelihood => ({
      prompt: texts[at] ?? '',
      ...figuresOf(estimate),
      aboveBound: estimate.logLikelihood > boundPerDimension * estimate.dimensions,
      textImageScore: scores[at] ?? null,
      unknownWords: [...(readings[at]?.unknownWords ?? [])],
    })),
    boundPerDimension,
    scored,
    notes: [
      ...modelPackage.notes,
      ...scored.notes,
      ...(dropped === 0 ? [] : [note('promptsCut', { prompts: dropped })]),
    ],
  };
}

function figuresOf({ logLikelihood, standardError, bitsPerDimension, dimensions }: LikelihoodEstimate) {
  return {
    nats: logLikelihood,
    natsStandardError: standardError,
    bitsPerDimension,
    bitsPerDimensionStandardError: inBits(standardError, dimensions),
  };
}

/** Nats of a whole picture as bits a dimension. */
export function inBits(nats: number | null, dimensions: number): number | null {
  return nats === null ? null : (nats * Math.LOG2E) / dimensions;
}

/** Cosine of the picture with each text; null for an empty one, and for all where the package has no encoder pair. */
async function textImageScores(
  picture: Picture,
  texts: readonly string[],
  { folder, card }: ModelPackage,
  { engine }: Workshop,
  signal: AbortSignal | undefined,
): Promise<readonly (number | null)[]> {
  const none = texts.map(() => null);
  if (card['featureEncoder'] == null) return none;
  const encoder: FeatureEncoder = loadFeatureEncoder(folder);
  if (encoder.text === null || encoder.embeddingOutput === null) return none;
  const options = signal === undefined ? {} : { signal };
  const vectors = await encodePictures(engine, encoder, [{ kind: 'pixels', ...picture }], options);
  const image = featuresOf(vectors, encoder.embeddingOutput, 'image');
  const embedded = await encodeTexts(engine, encoder, texts, signal);
  // The cosine is symmetric: the texts take the place of many images, the image that of one text.
  const cosines = textImageCosines(embedded, image);
  return texts.map((text, at) => (text.trim() === '' ? null : (cosines[at] ?? null)));
}
