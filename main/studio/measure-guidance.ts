import { Failure } from '../contract/failures.ts';
import type { GenerationSettings } from '../contract/settings.ts';
import { uniformNumbers } from '../engine/features/uniform.ts';
import {
  guidanceEffect,
  unguidedCheck,
  type GuidanceEffect,
  type GuidanceSample,
} from '../engine/metrics/guidance-effect.ts';
import { philoxStream } from '../engine/tensor/philox.ts';
import { loadFeatureEncoder } from '../model-packages/feature-encoder.ts';
import { openPackage } from '../model-packages/resolve.ts';
import { statedLogProbability } from './batch-judge.ts';
import { encodePictures, featureName, featuresOf } from './encode-pictures.ts';
import { generateCandidates } from './generate-candidates.ts';
import { prepareGeneration } from './prepare-generation.ts';
import { hasReferenceSet, loadReferenceSet } from './reference-set.ts';
import { statedIn } from './stated.ts';
import type { Workshop } from './workshop.ts';

export type GuidanceEvent =
  | { readonly kind: 'scale'; readonly guidanceScale: number; readonly done: number; readonly all: number }
  | { readonly kind: 'complete'; readonly report: GuidanceReport };

export interface GuidanceReport extends GuidanceEffect {
  readonly prompt: string;
  readonly seed: number;
  readonly count: number;
  /** What the brief states, judged by the model's attribute heads, each value of one head given. */
  readonly stated: readonly string[];
  /** Mean 1/P at scale 1 against 1/prior, where the references tell how common the stated is; null otherwise. */
  readonly unguided: { readonly expected: number; readonly found: number; readonly consistent: boolean } | null;
}

/**
 * Measures what guidance does for one brief (PAPERS.md §2b): the same seeds at every scale, P(c|x) of what the brief
 * states, the spread of the features.
 *
 * @param settings the prompt, count, seed and steps; its guidance scale is not used
 * @throws bad-input when the brief states nothing that a head of the model knows
 */
export async function* measureGuidance(
  settings: GenerationSettings,
  scales: readonly number[],
  workshop: Workshop,
  signal?: AbortSignal,
): AsyncGenerator<GuidanceEvent, void, void> {
  const model = openPackage(settings.model, workshop.folders);
  const encoder = loadFeatureEncoder(model.folder);
  const stated = statedIn(settings.prompt, encoder.attributes);
  if (Object.keys(stated).length === 0)
    throw new Failure(
      'bad-input',
      `prompt: expected a value that the model's heads know (${encoder.attributes.map(({ name }) => name).join(', ')}), got "${settings.prompt}"`,
      'prompt',
    );
  const options = signal === undefined ? {} : { signal };
  const samples: GuidanceSample[] = [];
  const ascending = [...new Set(scales)].sort((a, b) => a - b);
  for (const guidanceScale of ascending) {
    const prepared = await prepareGeneration({ ...settings, guidanceScale }, workshop, 'guidance');
    const indices = Array.from({ length: settings.count }, (_, index) => index);
    const pictures = [];
    for await (const event of generateCandidates(prepared, indices, workshop, options)) {
      if (event.kind === 'image') pictures.push({ kind: 'pixels', ...event.picture } as const);
      // Seeds are compared in pairs: a missing one would shift all others.
      if (event.kind === 'image-failed') throw Failure.fromRecord(event.failure);
    }
    const vectors = await encodePictures(workshop.engine, encoder, pictures, options);
    samples.push({
      guidanceScale,
      logProbabilities: vectors.map((vector) => statedLogProbability(vector, encoder, stated) ?? 0),
      features: featuresOf(vectors, featureName(encoder), 'generated'),
    });
    yield { kind: 'scale', guidanceScale, done: samples.length, all: ascending.length };
  }
  const effect = guidanceEffect(samples, uniformNumbers(philoxStream(settings.seed, 0, 'bootstrap')));
  const [first] = effect.steps;
  const prior = await priorOf(model.folder, model.id, encoder.attributes, stated);
  yield {
    kind: 'complete',
    report: {
      ...effect,
      prompt: settings.prompt,
      seed: settings.seed,
      count: settings.count,
      stated: encoder.attributes.flatMap(({ name, values }) =>
        stated[name] === undefined ? [] : [values[stated[name]] ?? ''],
      ),
      unguided:
        first === undefined || first.guidanceScale !== 1 || prior === null
          ? null
          : unguidedCheck(first.reciprocal, prior),
    },
  };
}

/** Share of the references that satisfy everything stated; null where there are none to count. */
async function priorOf(
  folder: string,
  id: string,
  heads: readonly { readonly name: string }[],
  stated: Readonly<Record<string, number>>,
): Promise<number | null> {
  if (!hasReferenceSet(folder)) return null;
  const { attributes } = await loadReferenceSet(folder, id);
  if (attributes === null) return null;
  let count = 0;
  for (let row = 0; row < attributes.count; row++)
    if (
      heads.every(
        ({ name }, column) =>
          stated[name] === undefined || attributes.values[row * attributes.width + column] === stated[name],
      )
    )
      count++;
  return count === 0 ? null : count / attributes.count;
}
