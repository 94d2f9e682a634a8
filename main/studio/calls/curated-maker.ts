import type { Measure } from '../../contract/measures.ts';
import type { GenerationSettings } from '../../contract/settings.ts';
import { resolvePackage } from '../../model-packages/resolve.ts';
import { readCalibration } from '../calibration.ts';
import { applyDial } from '../dial.ts';
import { generateBatch, type CuratedOptions } from '../generate-batch.ts';
import type { MakeBatch, MakeOptions, MeasureBatch } from '../jobs/make-batch.ts';
import type { Workshop } from '../workshop.ts';

/**
 * Batches along the dial, as the queue wants them made. They are measured while their pictures are at hand; the queue asks
 * for the figures afterwards.
 */
export function curatedMaker(workshop: Workshop): { readonly make: MakeBatch; readonly measure: MeasureBatch } {
  const measured = new Map<string, readonly Measure[]>();
  return {
    async *make(settings, options) {
      const { batch, signal, previews } = options;
      const curated = generateBatch(settings, workshop, {
        batch,
        signal,
        previews,
        ...(await whatIsMissing(settings, options, workshop)),
      });
      for await (const event of curated) {
        if (event.kind === 'rejected') yield { ...event, kind: 'image', rejected: true };
        else if (event.kind === 'measured') measured.set(batch, event.measures);
        else yield event;
      }
    },
    async measure(batch) {
      const measures = measured.get(batch) ?? [];
      measured.delete(batch);
      return measures;
    },
  };
}

/**
 * What a batch that was begun before still lacks: with reweighting the candidates after the last one tried, without it the
 * very images that are not there.
 */
async function whatIsMissing(
  settings: GenerationSettings,
  { made: { kept, rejected } }: MakeOptions,
  { folders }: Workshop,
): Promise<Pick<CuratedOptions, 'indices' | 'resume'>> {
  if (kept.length + rejected.length === 0) return {};
  const calibration =
    settings.dial === null ? null : await readCalibration(resolvePackage(settings.model, folders).folder);
  if (applyDial(settings, calibration?.path ?? null).densityWeight !== 1)
    return { resume: { candidate: Math.max(...kept, ...rejected) + 1, kept: kept.length } };
  const there = new Set(kept);
  return { indices: Array.from({ length: settings.count }, (_, index) => index).filter((index) => !there.has(index)) };
}
