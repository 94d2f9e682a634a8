import { Failure } from '../contract/failures.ts';
import { likelihoodWarning, type LikelihoodReport } from '../contract/likelihood.ts';
import type { WorkProgress } from '../contract/work-progress.ts';
import { rankCaptions, type CaptionRanking } from '../engine/diffusion/caption-ranking.ts';
import { uniformNumbers } from '../engine/features/uniform.ts';
import { philoxStream } from '../engine/tensor/philox.ts';
import { loadFeatureEncoder } from '../model-packages/feature-encoder.ts';
import type { ModelPackage } from '../model-packages/package.ts';
import { openPackage } from '../model-packages/resolve.ts';
import { captionedPictures } from './captioned-pictures.ts';
import { confoundersOf } from './confounders.ts';
import { checkSize } from './likelihood.ts';
import { Pace } from './pace.ts';
import { scoreTexts } from './score-texts.ts';
import type { Workshop } from './workshop.ts';

export interface CaptionTestSettings {
  /** `reference`, or a folder of pictures with captions. */
  readonly images: string;
  readonly model: string;
  /** Pictures, the first by name; null: 200, or all where there are fewer. */
  readonly count: number | null;
  readonly confounderCount: number;
  /** Name of the head whose value is exchanged in the captions; null: captions of other pictures. */
  readonly vary: string | null;
  readonly stepCount: number;
  readonly probeCount: number;
  readonly seed: number;
}

export interface CaptionTestReport {
  readonly model: string;
  readonly images: string;
  readonly imageCount: number;
  readonly captionCount: number;
  /** What guessing would reach. */
  readonly chance: number;
  readonly vary: string | null;
  /** Pictures whose every other caption is its own with another value of `vary`; the rest are filled up with other captions. */
  readonly exchangedCount: number;
  /** Of log p: margins in nats. */
  readonly likelihood: CaptionRanking;
  /** Of the text-image score: margins in cosines; null where the model has no encoder pair. */
  readonly textImageScore: CaptionRanking | null;
  /** The picture's own caption first. */
  readonly rows: readonly {
    readonly name: string;
    readonly captions: readonly string[];
    readonly nats: readonly number[];
    readonly textImageScores: readonly (number | null)[];
  }[];
  readonly method: LikelihoodReport['method'];
  readonly stepCount: number;
  readonly probeCount: number;
  readonly seed: number;
  readonly evaluations: number;
  /** What was not as usual, each once. */
  readonly notes: readonly string[];
  readonly warning: string;
}

export type CaptionTestEvent = WorkProgress | { readonly kind: 'complete'; readonly report: CaptionTestReport };

/** Pictures of a report that names no number. */
const usualCount = 200;

/** Captions are compared on the same noise levels. */
const fixedLevels = { solver: 'rk4', tolerance: 1e-3, method: null } as const;

/**
 * The experiment of Cross & Ragni 2024, section 5.2, on any pictures with captions: does log p pick the right caption among
 * confounders, and does the text-image score? Both accuracies with Wilson intervals, whatever they turn out to be.
 *
 * @throws Failure `bad-input` for a picture without a caption or of a size that the model does not take
 */
export async function* captionTest(
  settings: CaptionTestSettings,
  workshop: Workshop,
  signal?: AbortSignal,
): AsyncGenerator<CaptionTestEvent, void, void> {
  const { stepCount, probeCount, seed, confounderCount } = settings;
  const modelPackage = openPackage(settings.model, workshop.folders);
  const attribute = attributeOf(settings.vary, modelPackage);
  const pictures = await captionedPictures(settings.images, modelPackage, settings.count ?? usualCount);
  if (settings.count !== null && pictures.length < settings.count)
    throw new Failure(
      'bad-input',
      `count: expected at most ${pictures.length}, the pictures in ${settings.images}, got ${settings.count}`,
      'count',
    );
  const captions = pictures.map(({ caption }) => caption);
  const random = uniformNumbers(philoxStream(seed, 0, 'selection'));
  const confounders = pictures.map(({ caption, name }) => {
    const found = confoundersOf(caption, captions, attribute, confounderCount, random);
    if (found.captions.length < confounderCount)
      throw new Failure(
        'bad-input',
        `${name}: expected ${confounderCount} confounders, only ${found.captions.length} can be made of its caption and the others`,
        'confounders',
      );
    return found;
  });

  const rows: CaptionTestReport['rows'][number][] = [];
  const notes = new Set<string>();
  let evaluations = 0;
  let method: LikelihoodReport['method'] = 'vector-jacobian';
  const pace = new Pace(workshop);
  pace.start();
  for (const [at, { name, caption, read }] of pictures.entries()) {
    const picture = await read();
    checkSize(picture, modelPackage, name);
    const texts = [caption, ...(confounders[at]?.captions ?? [])];
    const effort = { ...fixedLevels, stepCount, probeCount, seed };
    const scoring = scoreTexts(picture, texts, effort, modelPackage, workshop, signal);
    let step = await scoring.next();
    while (step.done !== true) step = await scoring.next();
    const { figures, scored } = step.value;
    rows.push({
      name,
      captions: texts,
      nats: figures.map(({ nats }) => nats),
      textImageScores: figures.map(({ textImageScore }) => textImageScore),
    });
    evaluations += scored.evaluations;
    method = scored.method;
    for (const note of step.value.notes) notes.add(note);
    yield pace.progress(rows.length, pictures.length);
  }

  const own = rows.map(() => 0);
  const cosines = rows.map(({ textImageScores }) => textImageScores.filter((score) => score !== null));
  yield {
    kind: 'complete',
    report: {
      model: modelPackage.id,
      images: settings.images,
      imageCount: rows.length,
      captionCount: confounderCount + 1,
      chance: 1 / (confounderCount + 1),
      vary: attribute?.name ?? null,
      exchangedCount: confounders.filter(({ exchanged }) => exchanged === confounderCount).length,
      likelihood: rankCaptions(
        rows.map(({ nats }) => nats),
        own,
      ),
      textImageScore: cosines.every((row) => row.length === confounderCount + 1) ? rankCaptions(cosines, own) : null,
      rows,
      method,
      stepCount,
      probeCount,
      seed,
      evaluations,
      notes: [...notes],
      warning: likelihoodWarning,
    },
  };
}

function attributeOf(name: string | null, { folder, card, id }: ModelPackage) {
  if (name === null) return null;
  const heads = card['featureEncoder'] == null ? [] : loadFeatureEncoder(folder).attributes;
  if (!heads.some((head) => head.name === name))
    throw new Failure(
      'bad-input',
      `vary: expected a head of model ${id} (${heads.map((head) => head.name).join(', ') || 'it has none'}), got "${name}"`,
      'vary',
    );
  return { name, heads };
}
