import { copyFile, readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { Failure } from '../contract/failures.ts';
import { checkSameWidth, type Features } from '../engine/features/features.ts';
import { selectGroup } from '../engine/features/group-selection.ts';
import { neighboursAmong } from '../engine/features/neighbours.ts';
import { contactSheetName, contactSheetPages } from '../library/contact-sheet.ts';
import { ensureWritableFolder, writeFileAtomically } from '../library/files.ts';
import type { FeatureEncoder } from '../model-packages/feature-encoder.ts';
import { densitiesIn } from './density.ts';
import { dialProblem } from './dial-problem.ts';
import { chosenEncoder, referencesFrom, vectorsFrom, type Vectors } from './measure.ts';
import { nearDuplicates, thumbnailsOf } from './near-duplicates.ts';
import type { Workshop } from './workshop.ts';

export interface SelectSettings {
  /** Folder of pictures, or a .npy file of rows. */
  readonly from: string;
  readonly reference: string;
  readonly count: number;
  /** −1 the most typical … 1 the most different. */
  readonly dial: number;
  readonly encoder: string | null;
  readonly brief: string | null;
  /** Pictures closer than this share of the references' usual nearest distance count as the same; 0: equal features alone. */
  readonly duplicateShare: number;
  /** Where the chosen pictures are copied, with a contact sheet; null: nowhere. */
  readonly out: string | null;
}

/** One candidate. */
export interface RankedItem {
  /** Picture's file name, or the row. */
  readonly item: string | number;
  readonly density: number;
  /** Among the references: 0 unusual … 100 typical. */
  readonly percentile: number;
}

export interface Selection {
  readonly chosen: readonly RankedItem[];
  /** All candidates, most typical first. */
  readonly ranking: readonly RankedItem[];
  /** Groups of candidates that are nearly the same; at most one of each is chosen. */
  readonly nearDuplicates: readonly (readonly (string | number)[])[];
  readonly skipped: Vectors['source']['skipped'];
  /** Value of the choice, and what no choice can exceed. */
  readonly value: number;
  readonly bound: number;
  /** Neighbours behind the densities. */
  readonly k: number;
}

/** The paper's notebook takes 20 neighbours; a small reference set has no 20 near ones. */
const mostNeighbours = 20;

/**
 * Chooses `count` of a folder's pictures (or rows) for a position of the dial: typical ones by pseudo density at −1,
 * different ones by pairwise distance at 1, in between the weighted sum; near-duplicates are told apart and not both taken.
 *
 * @throws bad-input when fewer different candidates are there than wanted
 */
export async function select(
  workshop: Workshop,
  settings: SelectSettings,
  options: { readonly signal?: AbortSignal; readonly onProgress?: (done: number, all: number) => void } = {},
): Promise<Selection> {
  const { dial, count, out } = settings;
  if (!(dial >= -1 && dial <= 1))
    throw new Failure('bad-input', `dial: expected a number from -1 to 1, got ${dial}`, 'dial');
  if (out !== null && resolve(out) === resolve(settings.from))
    throw new Failure('bad-input', `out: expected another folder than the pictures' own, got ${out}`, 'out');
  const encoder = (): FeatureEncoder => chosenEncoder(workshop, settings.encoder, settings.reference);
  const candidates = await vectorsFrom(workshop.engine, settings.from, encoder, options);
  const references = await referencesFrom(workshop, settings.reference, encoder, { ...options, brief: settings.brief });
  checkSameWidth(references.features, candidates.features, 'reference', 'from');
  const k = Math.min(mostNeighbours, Math.max(1, Math.floor(references.features.count / 4)));
  const judged = await densitiesIn(
    workshop.engine,
    references.features,
    candidates.features,
    { k, exponent: 1 },
    options.signal,
  );
  const groups = nearDuplicates(
    candidates.features,
    (await usualDistance(references.features)) * settings.duplicateShare,
    candidates.files === null || settings.duplicateShare === 0 ? null : await thumbnailsOf(candidates.files),
  );
  const itemOf = (row: number): RankedItem => ({
    item: candidates.files === null ? row : basename(candidates.files[row] ?? ''),
    density: judged.densities[row] ?? NaN,
    percentile: judged.percentiles[row] ?? NaN,
  });
  // Of each group the most typical stands for all.
  const distinct = groups.map(
    (group) => group.toSorted((a, b) => (judged.densities[b] ?? 0) - (judged.densities[a] ?? 0))[0] ?? 0,
  );
  if (count > distinct.length)
    throw new Failure(
      'bad-input',
      `count: expected at most ${distinct.length}, the different candidates in ${settings.from}, got ${count}`,
      'count',
    );
  const choice = selectGroup(dialProblem(candidates.features, distinct, judged.densities, dial, count));
  const rows = choice.chosen.map((at) => distinct[at] ?? 0);
  if (out !== null && candidates.files !== null)
    await copyChosen(
      rows.map((row) => candidates.files?.[row] ?? ''),
      rows.map(itemOf),
      out,
    );
  return {
    chosen: rows.map(itemOf),
    ranking: Array.from(judged.densities.keys(), itemOf).sort((a, b) => b.density - a.density),
    nearDuplicates: groups.filter((group) => group.length > 1).map((group) => group.map((row) => itemOf(row).item)),
    skipped: [...candidates.source.skipped, ...references.source.skipped],
    value: choice.value,
    bound: choice.bound,
    k,
  };
}

/** Median distance of a reference to its nearest other. */
async function usualDistance(references: Features): Promise<number> {
  const { distances } = await neighboursAmong(references, 1);
  return distances.slice().sort()[distances.length >> 1] ?? 0;
}

async function copyChosen(files: readonly string[], items: readonly RankedItem[], out: string): Promise<void> {
  await ensureWritableFolder(out);
  for (const file of files) await copyFile(file, join(out, basename(file)));
  const sheet = {
    title: `${files.length} chosen pictures`,
    subtitle: 'percentile among the references: 0 unusual, 100 typical',
    theme: 'dark' as const,
    images: files.map((file, i) => ({
      load: () => readFile(file),
      lines: [basename(file), `percentile ${(items[i]?.percentile ?? 0).toFixed(0)}`],
    })),
  };
  let page = 0;
  for await (const bytes of contactSheetPages(sheet))
    await writeFileAtomically(join(out, contactSheetName(page++)), bytes);
}
