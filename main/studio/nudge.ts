import { randomUUID } from 'node:crypto';
import { Failure } from '../contract/failures.ts';
import type { ImageRecord, ImageScores, ProviderReport } from '../contract/images.ts';
import { note } from '../contract/notes.ts';
import { nudgeWarning, type NudgeReport } from '../contract/nudge.ts';
import type { GenerationSettings } from '../contract/settings.ts';
import type { WorkProgress } from '../contract/work-progress.ts';
import type { Picture } from '../engine/generation/generation-request.ts';
import type { NudgeEvent } from '../engine/generation/nudge-image.ts';
import { refuseObstacles } from '../engine/generation/nudge-obstacle.ts';
import { loadFeatureEncoder } from '../model-packages/feature-encoder.ts';
import type { ModelPackage } from '../model-packages/package.ts';
import { openPackage } from '../model-packages/resolve.ts';
import { batchJudge, type BatchJudge, type JudgedPicture } from './batch-judge.ts';
import { learnedDensity } from './density-predictor.ts';
import { nudgeEncoder } from './nudge-encoder.ts';
import { Pace } from './pace.ts';
import { prepareGeneration, sizeFor, type GenerationStarted, type PreparedGeneration } from './prepare-generation.ts';
import { hasReferenceSet } from './reference-set.ts';
import type { Workshop } from './workshop.ts';

/** A picture with its complete record, scores by the nearest references included. */
export interface JudgedImage {
  readonly picture: Picture;
  readonly record: ImageRecord;
  /** As the feature encoder sees it. */
  readonly judged: JudgedPicture;
}

/** What happens while one image is nudged. */
export type NudgeRunEvent =
  /** Its steps, and those of the progress, are gradient steps. */
  | GenerationStarted
  | WorkProgress
  | {
      readonly kind: 'nudged';
      /** As the settings make it without the nudge. */
      readonly before: JudgedImage;
      readonly after: JudgedImage;
      /** Which references it was judged by, in words. */
      readonly references: string;
      /** Largest change of any value of the noise; at most the budget. */
      readonly largestChange: number;
      readonly modelCalls: number;
    };

export interface NudgeOptions {
  readonly signal?: AbortSignal;
  /** Id of the batch in the records; a new one when absent. */
  readonly batch?: string;
}

/** Share of unseen densities' variance that a predictor must explain to be followed. */
const leastExplained = 0.3;

/**
 * One image of a batch, nudged as its settings say (PAPERS.md §3b.1): the picture of the same seed before and after, both
 * judged by the pseudo density among the references of its brief, as every image is.
 *
 * @param settings with `nudge`; a dial and a weight have no say in a single image
 * @throws Failure `unsupported`, in one line, where a nudge cannot be had; `interrupted` after a stop
 */
export async function* nudgeOne(
  settings: GenerationSettings,
  index: number,
  workshop: Workshop,
  { signal, batch = randomUUID() }: NudgeOptions = {},
): AsyncGenerator<NudgeRunEvent, void, void> {
  const prepared = await prepareGeneration({ ...settings, dial: null, densityWeight: 1 }, workshop, batch);
  const judge = await nudgeJudge(prepared, workshop);
  yield* nudgePrepared(prepared, judge, index, workshop, signal);
}

/**
 * Refuses a nudge that cannot be had, without loading any network.
 *
 * @throws Failure with the line that `nudgeOne` would end with; `where` is what stands in the way
 */
export async function refuseNudge(settings: GenerationSettings, { folders }: Workshop): Promise<void> {
  const modelPackage = openPackage(settings.model, folders);
  if (modelPackage.card['featureEncoder'] == null || !hasReferenceSet(modelPackage.folder))
    throw withoutReferences(modelPackage);
  const size = sizeFor(settings, modelPackage);
  const taken = nudgeEncoder(loadFeatureEncoder(modelPackage.folder), size);
  await refuseObstacles(modelPackage.model, settings, size, taken);
}

function withoutReferences({ id }: ModelPackage): Failure {
  return new Failure(
    'unsupported',
    `nudge: model ${id} has no feature encoder with references to tell typical from unusual`,
    'references',
  );
}

/** The judge of a model's pictures. @throws Failure `unsupported` for a model without features or references */
export async function nudgeJudge(prepared: PreparedGeneration, workshop: Workshop): Promise<BatchJudge> {
  const judge = await batchJudge(workshop, prepared.package, prepared.settings.prompt);
  if (judge === null) throw withoutReferences(prepared.package);
  return judge;
}

/** As `nudgeOne`, with what is the same for every image of a batch at hand. */
export async function* nudgePrepared(
  prepared: PreparedGeneration,
  judge: BatchJudge,
  index: number,
  workshop: Workshop,
  signal?: AbortSignal,
): AsyncGenerator<NudgeRunEvent, void, void> {
  const { nudge, width, height } = prepared.settings;
  if (nudge === null) throw new Failure('bad-input', 'nudge: expected a direction and a budget, got none', 'nudge');
  const notes: string[] = [];
  let predictor = null;
  if (nudge.slope === 'predictor') {
    const learned = yield* learn(judge, workshop, signal);
    if (learned.explained >= leastExplained) predictor = learned.predictor;
    else notes.push(note('learnedTooLittle', { share: Math.round(100 * Math.max(0, learned.explained)) }));
  }
  const request = {
    generation: { ...prepared.request, indices: [index], previews: false },
    encoder: nudgeEncoder(loadFeatureEncoder(prepared.package.folder), {
      width: width ?? prepared.request.width,
      height: height ?? prepared.request.height,
    }),
    ruler: { references: judge.density.references, reference: judge.density.reference, predictor },
  };
  let provider: ProviderReport | undefined;
  let done: Extract<NudgeEvent, { kind: 'nudged' }> | undefined;
  const pace = new Pace(workshop);
  for await (const event of workshop.engine.request('nudge', request, signal))
    switch (event.kind) {
      case 'started':
        provider = event.provider;
        yield { ...event, stepCount: nudge.stepCount, notes: prepared.notes };
        break;
      case 'step':
        yield pace.progress(event.step, event.stepCount);
        break;
      case 'nudged':
        done = event;
        break;
    }
  if (done === undefined || provider === undefined)
    throw new Failure('engine-gone', 'The engine ended without an answer.');
  const { before, after, largestChange, modelCalls } = done;
  const [judgedBefore, judgedAfter] = await judge.judge([before, after], signal);
  if (judgedBefore === undefined || judgedAfter === undefined)
    throw new Failure('internal', 'nudge: expected two judgements');
  const record = prepared.recordOf(index, provider, [...done.notes, ...notes]);
  const unnudged = { ...record, settings: { ...record.settings, nudge: null } };
  yield {
    kind: 'nudged',
    before: { picture: before, record: { ...unnudged, scores: judgedBefore.scores }, judged: judgedBefore },
    after: {
      picture: after,
      record: {
        ...record,
        scores: judgedAfter.scores,
        notes: [...record.notes, noteOf(judgedBefore.scores, judgedAfter.scores, judge)],
      },
      judged: judgedAfter,
    },
    references: judge.references,
    largestChange,
    modelCalls,
  };
}

/** The figures of a nudge, for those who see both pictures. */
export function nudgeReport({
  before,
  after,
  references,
  largestChange,
}: Extract<NudgeRunEvent, { kind: 'nudged' }>): NudgeReport {
  const { nudge } = after.record.settings;
  if (nudge === null) throw new RangeError('nudge report: expected the settings of a nudge');
  const [from, to] = [before.record.scores, after.record.scores];
  const change = (to.pseudoDensity ?? NaN) - (from.pseudoDensity ?? NaN);
  return {
    settings: nudge,
    before: from,
    after: to,
    references,
    largestChange,
    moved: nudge.direction === 'typical' ? change > 0 : change < 0,
    warning: nudgeWarning,
    notes: before.record.notes,
  };
}

/** For the reader of the file, who does not have the picture before. */
function noteOf(before: ImageScores, after: ImageScores, { references }: BatchJudge): string {
  const shown = ({ densityPercentile }: ImageScores): string => (densityPercentile ?? NaN).toFixed(1);
  return note('nudged', { before: shown(before), after: shown(after), references });
}

async function* learn(judge: BatchJudge, workshop: Workshop, signal: AbortSignal | undefined) {
  const pace = new Pace(workshop);
  const learning = learnedDensity(judge.density, workshop, signal);
  let step = await learning.next();
  for (; step.done !== true; step = await learning.next()) yield pace.progress(step.value.done, step.value.all);
  return step.value;
}
