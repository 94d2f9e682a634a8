import { Failure, failureFromZod, toFailure } from '../contract/failures.ts';
import {
  likelihoodSettingsSchema,
  likelihoodWarning,
  type LikelihoodProgressEvent,
  type LikelihoodReport,
  type LikelihoodSettings,
  type PromptLikelihood,
} from '../contract/likelihood.ts';
import { likelihoodDifference, type LikelihoodEstimate } from '../engine/diffusion/likelihood.ts';
import { densityBound } from '../engine/diffusion/likelihood-range.ts';
import type { Picture } from '../engine/generation/generation-request.ts';
import type { LikelihoodEvent } from '../engine/generation/score-prompts.ts';
import { textImageCosines } from '../engine/metrics/text-image-score.ts';
import { loadFeatureEncoder, type FeatureEncoder } from '../model-packages/feature-encoder.ts';
import type { ModelPackage } from '../model-packages/package.ts';
import { openPackage } from '../model-packages/resolve.ts';
import { encodePictures, encodeTexts, featuresOf } from './encode-pictures.ts';
import { Pace } from './pace.ts';
import type { Workshop } from './workshop.ts';

/**
 * Scores an image of the workshop under its prompt, under none and under confounders (`scorePictures` of one picture).
 *
 * @throws Failure `bad-input` for settings or an image that do not fit
 */
export async function* imageLikelihood(
  given: unknown,
  workshop: Workshop,
  signal?: AbortSignal,
): AsyncGenerator<LikelihoodProgressEvent, void, void> {
  const parsed = likelihoodSettingsSchema.safeParse(given);
  if (!parsed.success) throw failureFromZod(parsed.error, 'likelihood');
  const settings = parsed.data;
  const modelPackage = openPackage(settings.model, workshop.folders);
  const picture = await workshop.readPicture(settings.image).catch((error: unknown) => {
    const { code, message } = toFailure(error);
    const named = message.includes(settings.image) ? message : `image: ${settings.image}: ${message}`;
    throw new Failure(code, named, 'image', { cause: error });
  });
  checkSize(picture, modelPackage);
  yield* pictureLikelihood(picture, settings, modelPackage, workshop, signal);
}

/** As `imageLikelihood`, of a picture and a package that are there already. */
export async function* pictureLikelihood(
  picture: Picture,
  settings: LikelihoodSettings,
  modelPackage: ModelPackage,
  workshop: Workshop,
  signal?: AbortSignal,
): AsyncGenerator<LikelihoodProgressEvent, LikelihoodReport, void> {
  const { model, readPrompt } = modelPackage;
  const texts = [settings.prompt, '', ...settings.confounders];
  const readings = texts.map((text) => readPrompt(text));
  const { stepCount, probeCount, seed, method } = settings;
  const request = {
    model,
    provider: workshop.provider,
    image: picture,
    prompts: readings.map(({ windows }) => windows),
    empty: readPrompt('').windows,
    stepCount,
    probeCount,
    seed,
    method,
  };
  const scores = await textImageScores(picture, texts, modelPackage, workshop, signal);
  let scored: Extract<LikelihoodEvent, { kind: 'scored' }> | undefined;
  const pace = new Pace(workshop);
  for await (const event of workshop.engine.request('likelihood', request, signal)) {
    if (event.kind === 'scored') {
      scored = event;
      continue;
    }
    yield pace.progress(event.done, event.all);
  }
  if (scored === undefined) throw new Failure('engine-gone', 'The engine ended without an answer.');

  const { estimates, sigmaMin, sigmaMax, evaluations, provider } = scored;
  const bound = densityBound(sigmaMin);
  const of = (at: number): PromptLikelihood => ({
    prompt: texts[at] ?? '',
    ...figuresOf(estimateAt(estimates, at)),
    aboveBound: estimateAt(estimates, at).logLikelihood > bound * estimateAt(estimates, at).dimensions,
    textImageScore: scores[at] ?? null,
    unknownWords: [...(readings[at]?.unknownWords ?? [])],
  });
  const own = estimateAt(estimates, 0);
  const dropped = readings.filter(({ tokensDropped }) => tokensDropped > 0).length;
  const { size, id } = modelPackage;
  const isOwnSize = picture.width === size.width && picture.height === size.height;
  const report: LikelihoodReport = {
    label: 'surprise',
    warning: likelihoodWarning,
    image: settings.image,
    model: id,
    width: picture.width,
    height: picture.height,
    dimensions: own.dimensions,
    conditional: of(0),
    unconditional: of(1),
    confounders: settings.confounders.map((_, i) => of(i + 2)),
    differences: texts.slice(1).map((than, i) => {
      const { nats, bitsPerDimension, standardError } = likelihoodDifference(own, estimateAt(estimates, i + 1));
      return {
        than,
        nats,
        natsStandardError: standardError,
        bitsPerDimension,
        bitsPerDimensionStandardError: inBits(standardError, own.dimensions),
      };
    }),
    boundPerDimension: bound,
    method: scored.method,
    stepCount,
    probeCount,
    seed,
    sigmaMin,
    sigmaMax,
    evaluations,
    provider,
    notes: [
      ...modelPackage.notes,
      ...scored.notes,
      ...(dropped === 0 ? [] : [`${dropped} of the prompts are longer than the model takes; their ends were dropped.`]),
      ...(isOwnSize ? [] : [`The model's own size is ${size.width}x${size.height}; compare within one size only.`]),
    ],
  };
  yield { kind: 'complete', report };
  return report;
}

function estimateAt(estimates: readonly LikelihoodEstimate[], at: number): LikelihoodEstimate {
  const found = estimates[at];
  if (found === undefined) throw new RangeError(`estimates: expected one for prompt ${at}, got ${estimates.length}`);
  return found;
}

function figuresOf({ logLikelihood, standardError, bitsPerDimension, dimensions }: LikelihoodEstimate) {
  return {
    nats: logLikelihood,
    natsStandardError: standardError,
    bitsPerDimension,
    bitsPerDimensionStandardError: inBits(standardError, dimensions),
  };
}

function inBits(nats: number | null, dimensions: number): number | null {
  return nats === null ? null : (nats * Math.LOG2E) / dimensions;
}

/** Pictures are never resized for a likelihood: another picture has another one. */
export function checkSize(picture: Picture, { id, size }: ModelPackage, where = 'image'): void {
  const sides = [
    [picture.width, size.width],
    [picture.height, size.height],
  ] as const;
  const fits = sides.every(([side, own]) => (size.fixed ? side === own : side % size.step === 0 && side <= 2 * own));
  if (fits) return;
  const others = size.fixed ? '' : ` or sides up to twice that in multiples of ${size.step}`;
  throw new Failure(
    'bad-input',
    `${where}: model ${id} expects ${size.width}x${size.height}${others}, got ${picture.width}x${picture.height}`,
    where,
  );
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
