import { Failure, failureFromZod, toFailure } from '../contract/failures.ts';
import {
  likelihoodSettingsSchema,
  likelihoodWarning,
  type LikelihoodProgressEvent,
  type LikelihoodReport,
  type LikelihoodSettings,
} from '../contract/likelihood.ts';
import { note } from '../contract/notes.ts';
import { likelihoodDifference } from '../engine/diffusion/likelihood.ts';
import type { Picture } from '../engine/generation/generation-request.ts';
import type { ModelPackage } from '../model-packages/package.ts';
import { openPackage } from '../model-packages/resolve.ts';
import { inBits, scoreTexts } from './score-texts.ts';
import type { Workshop } from './workshop.ts';

/**
 * Scores an image of the workshop under its prompt, under none and under confounders (`scoreTexts`).
 *
 * @throws Failure `bad-input` for settings or an image that do not fit
 */
export async function* imageLikelihood(
  given: unknown,
  workshop: Workshop,
  signal?: AbortSignal,
): AsyncGenerator<LikelihoodProgressEvent, void, void> {
  const parsed = likelihoodSettingsSchema.safeParse(given);
  if (!parsed.success) throw failureFromZod(parsed.error, 'likelihood', given);
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
async function* pictureLikelihood(
  picture: Picture,
  settings: LikelihoodSettings,
  modelPackage: ModelPackage,
  workshop: Workshop,
  signal?: AbortSignal,
): AsyncGenerator<LikelihoodProgressEvent, void, void> {
  const { image, prompt, confounders, solver, tolerance, probeCount, seed } = settings;
  const texts = [prompt, '', ...confounders];
  const result = yield* scoreTexts(picture, texts, settings, modelPackage, workshop, signal);
  const { figures, estimates, scored, boundPerDimension, notes } = result;
  const [conditional, unconditional, ...others] = figures;
  const [own, ...rest] = estimates;
  if (conditional === undefined || unconditional === undefined || own === undefined)
    throw new RangeError(`estimates: expected one for each of ${texts.length} texts, got ${estimates.length}`);
  const { size, id } = modelPackage;
  const isOwnSize = picture.width === size.width && picture.height === size.height;
  const { method, stepCount, sigmaMin, sigmaMax, evaluations, provider } = scored;
  const report: LikelihoodReport = {
    label: 'surprise',
    warning: likelihoodWarning,
    image,
    model: id,
    width: picture.width,
    height: picture.height,
    dimensions: own.dimensions,
    conditional,
    unconditional,
    confounders: others,
    differences: rest.map((other, i) => {
      const { nats, bitsPerDimension, standardError } = likelihoodDifference(own, other);
      return {
        than: texts[i + 1] ?? '',
        nats,
        natsStandardError: standardError,
        bitsPerDimension,
        bitsPerDimensionStandardError: inBits(standardError, own.dimensions),
      };
    }),
    boundPerDimension,
    method,
    solver,
    stepCount,
    tolerance: solver === 'rk4' ? null : tolerance,
    probeCount,
    seed,
    sigmaMin,
    sigmaMax,
    evaluations,
    provider,
    notes: [...notes, ...(isOwnSize ? [] : [note('notOwnSize', { own: `${size.width}x${size.height}` })])],
  };
  yield { kind: 'complete', report };
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
