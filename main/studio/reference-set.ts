import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Failure } from '../contract/failures.ts';
import { note } from '../contract/notes.ts';
import { takeRows, type Features } from '../engine/features/features.ts';
import type { FeatureEncoder } from '../model-packages/feature-encoder.ts';
import { parseNpy, readFeatures } from './npy.ts';
import { statedIn } from './stated.ts';

/** Real pictures as vectors: what fidelity and diversity are measured against. */
export interface ReferenceSet {
  readonly label: string;
  readonly features: Features;
  /** Embeddings comparable with text; null where the set has none. */
  readonly embeddings: Features | null;
  /** [count, heads]: index of each picture's value, `notApplicable` where it has none; null where unknown. */
  readonly attributes: Features | null;
}

/** Files of the set that a model brings along, in its folder. */
const files = {
  features: 'reference/features.f16.npy',
  embeddings: 'reference/embeds.f16.npy',
  attributes: 'reference/attributes.npy',
} as const;

/** Fewest references that a brief's own subset may have. */
const fewest = 60;

/** Most references a batch is compared with: radii and densities take the square of their number. */
const most = 2000;

/** Whether a model brings a reference set along. */
export function hasReferenceSet(folder: string): boolean {
  return existsSync(join(folder, files.features));
}

/**
 * The reference set of a model's folder.
 *
 * @throws Failure `not-found` when it has none, `model-broken` when its files disagree
 */
export async function loadReferenceSet(folder: string, label: string): Promise<ReferenceSet> {
  if (!hasReferenceSet(folder))
    throw new Failure('not-found', `${label}: expected a reference set at ${files.features}, found none`, folder);
  const features = await readFeatures(join(folder, files.features));
  const embeddings = await optional(join(folder, files.embeddings), readFeatures);
  const attributes = await optional(join(folder, files.attributes), readTable);
  for (const part of [embeddings, attributes])
    if (part !== null && part.count !== features.count)
      throw new Failure(
        'model-broken',
        `${label}: its reference files hold ${features.count} and ${part.count} rows`,
        folder,
      );
  return { label: note('referenceSet', { owner: label }), features, embeddings, attributes };
}

async function optional<T>(path: string, read: (path: string) => Promise<T>): Promise<T | null> {
  return existsSync(path) ? read(path) : null;
}

async function readTable(path: string): Promise<Features> {
  const { shape, values } = parseNpy(await readFile(path), path);
  const [count, width] = shape;
  if (shape.length !== 2 || count === undefined || width === undefined)
    throw new Failure('model-broken', `${path}: expected two dimensions, got (${shape.join(', ')})`, path);
  return { count, width, values };
}

/** The part of a reference set that a batch is measured against. */
export interface Subset {
  readonly features: Features;
  /** Rows of the whole set. */
  readonly rows: readonly number[];
  /** What they satisfy, in words. */
  readonly label: string;
  /** Values that the brief states and too few references have: the references are broader than the brief by these. */
  readonly missing: readonly string[];
}

/**
 * The references that satisfy a brief (TRAINING.md, first findings: diversity is a matter within a brief). Values are
 * asked for one head after another as long as enough references are left; with none stated, the whole set.
 */
export function subsetFor(brief: string, reference: ReferenceSet, encoder: FeatureEncoder): Subset {
  const { attributes, features } = reference;
  let rows = Array.from({ length: features.count }, (_, row) => row);
  const kept: string[] = [];
  const missing: string[] = [];
  if (attributes !== null) {
    const stated = statedIn(brief, encoder.attributes);
    encoder.attributes.forEach(({ name, values }, column) => {
      const value = stated[name];
      if (value === undefined) return;
      const left = rows.filter((row) => attributes.values[row * attributes.width + column] === value);
      const isEnough = left.length >= fewest;
      (isEnough ? kept : missing).push(values[value] ?? '');
      if (isEnough) rows = left;
    });
  }
  const chosen = evenly(rows, most);
  const isAll = chosen.length === features.count;
  const counted = { set: reference.label, chosen: chosen.length, total: rows.length, isAll };
  const label = kept.length === 0 ? labelOf(counted) : labelThat(counted, kept.join(', '));
  return { features: isAll ? features : takeRows(features, chosen), rows: chosen, label, missing };
}

interface Counted {
  readonly set: string;
  readonly chosen: number;
  /** References that satisfy the brief. */
  readonly total: number;
  readonly isAll: boolean;
}

function labelOf({ isAll, ...counted }: Counted): string {
  if (isAll) return note('allReferences', counted);
  return note(counted.chosen < counted.total ? 'someReferences' : 'references', counted);
}

function labelThat({ isAll, ...counted }: Counted, words: string): string {
  if (isAll) return note('allReferencesThat', { ...counted, words });
  return note(counted.chosen < counted.total ? 'someReferencesThat' : 'referencesThat', { ...counted, words });
}

/** At most `count` of the rows, evenly spaced, so that the choice is always the same. */
function evenly(rows: readonly number[], count: number): number[] {
  if (rows.length <= count) return [...rows];
  return Array.from({ length: count }, (_, i) => rows[Math.floor((i * rows.length) / count)] ?? 0);
}
