import { Failure } from '../contract/failures.ts';
import { likelihoodSettingsSchema, likelihoodWarning, type LikelihoodReport } from '../contract/likelihood.ts';
import type { WorkProgress } from '../contract/work-progress.ts';
import { rankCaptions, type CaptionRanking } from '../engine/diffusion/caption-ranking.ts';
import { uniformNumbers } from '../engine/features/uniform.ts';
import { philoxStream } from '../engine/tensor/philox.ts';
import { loadFeatureEncoder, type AttributeHead } from '../model-packages/feature-encoder.ts';
import type { ModelPackage } from '../model-packages/package.ts';
import { openPackage } from '../model-packages/resolve.ts';
import { captionedPictures } from './captioned-pictures.ts';
import { confoundersOf } from './confounders.ts';
import { checkSize, pictureLikelihood } from './likelihood.ts';
import { Pace } from './pace.ts';
import type { Workshop } from './workshop.ts';

export interface CaptionTestSettings {
  /** `reference`, or a folder of pictures with captions. */
  readonly images: string;
  readonly model: string;
  readonly count: number;
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
  readonly stepCount: number;
  readonly probeCount: number;
  readonly seed: number;
  readonly evaluations: number;
  readonly warning: string;
}

export type CaptionTestEvent = WorkProgress | { readonly kind: 'complete'; readonly report: CaptionTestReport };

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
  const head = headOf(settings.vary, modelPackage);
  const pictures = await captionedPictures(settings.images, modelPackage, settings.count);
  const captions = pictures.map(({ caption }) => caption);
  const random = uniformNumbers(philoxStream(seed, 0, 'selection'));
  const confounders = pictures.map(({ caption, name }) => {
    const found = confoundersOf(caption, captions, head, confounderCount, random);
    if (found.length < confounderCount)
      throw new Failure(
        'bad-input',
        `${name}: expected ${confounderCount} confounders, only ${found.length} can be made of its caption and the others`,
        'confounders',
      );
    return found;
  });

  const rows: CaptionTestReport['rows'][number][] = [];
  let evaluations = 0;
  const pace = new Pace(workshop);
  pace.start();
  for (const [at, { name, caption, read }] of pictures.entries()) {
    const picture = await read();
    checkSize(picture, modelPackage, name);
    const request = { image: name, prompt: caption, model: settings.model, stepCount, probeCount, seed };
    const parsed = likelihoodSettingsSchema.parse({ ...request, confounders: confounders[at] });
    let report: LikelihoodReport | undefined;
    for await (const event of pictureLikelihood(picture, parsed, modelPackage, workshop, signal))
      if (event.kind === 'complete') report = event.report;
    if (report === undefined) throw new Failure('engine-gone', 'The engine ended without an answer.');
    const scored = [report.conditional, ...report.confounders];
    rows.push({
      name,
      captions: scored.map(({ prompt }) => prompt),
      nats: scored.map(({ nats }) => nats),
      textImageScores: scored.map(({ textImageScore }) => textImageScore),
    });
    evaluations += report.evaluations;
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
      vary: head?.name ?? null,
      likelihood: rankCaptions(
        rows.map(({ nats }) => nats),
        own,
      ),
      textImageScore: cosines.every((row) => row.length === confounderCount + 1) ? rankCaptions(cosines, own) : null,
      rows,
      stepCount,
      probeCount,
      seed,
      evaluations,
      warning: likelihoodWarning,
    },
  };
}

function headOf(name: string | null, { folder, card, id }: ModelPackage): AttributeHead | null {
  if (name === null) return null;
  const heads = card['featureEncoder'] == null ? [] : loadFeatureEncoder(folder).attributes;
  const found = heads.find((head) => head.name === name);
  if (found === undefined)
    throw new Failure(
      'bad-input',
      `vary: expected a head of model ${id} (${heads.map((head) => head.name).join(', ') || 'it has none'}), got "${name}"`,
      'vary',
    );
  return found;
}
