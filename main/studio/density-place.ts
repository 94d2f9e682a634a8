import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { Failure } from '../contract/failures.ts';
import type { DensityPlace } from '../contract/density.ts';
import { takeRows, type Features } from '../engine/features/features.ts';
import { nearestNeighbours } from '../engine/features/neighbours.ts';
import type { Picture } from '../engine/generation/generation-request.ts';
import type { ModelPackage } from '../model-packages/package.ts';
import { shippedPictures } from './captioned-pictures.ts';
import { densityNeighbours } from './density-judge.ts';
import { densitiesIn } from './density.ts';
import { encodePictures, featureName, featuresOf } from './encode-pictures.ts';
import { encoderOf, referencesOf } from './parts-of-models.ts';
import { subsetFor } from './reference-set.ts';
import type { Workshop } from './workshop.ts';

/** References that are named. */
const shown = 5;
/** Pictures that are shown. */
const picturesShown = 4;

/**
 * Where a picture stands among the references of its brief (pseudo density, PAPERS.md §3a), with its nearest references:
 * their captions, and pictures of the nearest of the few that bring one.
 *
 * @throws Failure `unsupported` for a model without features or references, `interrupted` after a stop
 */
export async function densityPlace(
  picture: Picture,
  brief: string,
  model: ModelPackage,
  { engine }: Workshop,
  signal?: AbortSignal,
): Promise<DensityPlace> {
  const { folder, id } = model;
  const encoder = encoderOf(model);
  const set = encoder === null ? null : await referencesOf(model);
  if (encoder === null || set === null)
    throw new Failure('unsupported', `density: model ${id} has no feature encoder with references`, 'references');
  const subset = subsetFor(brief, set, encoder);
  const options = signal === undefined ? {} : { signal };
  const vectors = await encodePictures(engine, encoder, [{ kind: 'pixels', ...picture }], options);
  const query = featuresOf(vectors, featureName(encoder), 'picture');
  const { densities, percentiles } = await densitiesIn(
    engine,
    subset.features,
    query,
    { k: densityNeighbours, exponent: 1 },
    signal,
  );
  const captions = await captionsOf(folder);
  const pictures = await shippedPictures(model, set.features.count);
  const named = async (among: Features, rows: readonly number[], count: number) => {
    const { indices, distances } = await nearestNeighbours(query, among, Math.min(count, among.count));
    return [...indices].map((at, i) => {
      const row = rows[at] ?? at;
      return { row, distance: distances[i] ?? 0, caption: captions[row] ?? '' };
    });
  };
  const nearest = await named(subset.features, subset.rows, shown);
  const withPicture = pictures.map((_, row) => row);
  const pictured =
    withPicture.length === 0 ? [] : await named(takeRows(set.features, withPicture), withPicture, picturesShown);
  return {
    pseudoDensity: densities[0] ?? 0,
    percentile: percentiles[0] ?? 0,
    references: subset.label,
    k: densityNeighbours,
    nearest: nearest.map(({ distance, caption }) => ({ distance, caption })),
    pictured: await Promise.all(
      pictured.map(async ({ row, distance, caption }) => ({
        distance,
        caption: pictures[row]?.caption ?? caption,
        picture: await base64Of(await pictures[row]?.read()),
      })),
    ),
    picturedCount: pictures.length,
  };
}

/** A caption a reference; none where the set brings none. */
async function captionsOf(folder: string): Promise<readonly string[]> {
  const path = join(folder, 'reference/captions.txt');
  return existsSync(path) ? (await readFile(path, 'utf8')).split('\n').map((line) => line.trim()) : [];
}

async function base64Of(picture: Picture | undefined): Promise<string> {
  if (picture === undefined) return '';
  return (await pngOf(picture)).toString('base64');
}

/** A picture as a PNG file without any text in it. */
export function pngOf({ width, height, pixels }: Picture): Promise<Buffer> {
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}
