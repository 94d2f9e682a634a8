import {
  exportRequestSchema,
  type ExportEvent,
  type ExportRequestInput,
  type ImageSummary,
  type ImportEvent,
  type LibraryQueryInput,
  type VerifyReport,
} from '../contract/library.ts';
import { Failure } from '../contract/failures.ts';
import type { FeatureEvent } from '../contract/features.ts';
import { listCollections } from '../library/collections.ts';
import { exportImages } from '../library/export/export-images.ts';
import { importFiles } from '../library/import-files.ts';
import { defaultHome, openLibrary, type Library } from '../library/library.ts';
import { searchAll } from '../library/search.ts';
import { verifyLibrary } from '../library/verify.ts';
import { openPackage } from '../model-packages/resolve.ts';
import { encodeLibrary } from './encode-library.ts';
import { encoderOf } from './parts-of-models.ts';
import type { Workshop } from './workshop.ts';

/** A query as the command line puts it: collections by the name that people see. */
export type NamedQuery = LibraryQueryInput & { readonly collectionName?: string };

/** Images of the library that a query finds, in its order. */
export async function listLibrary(
  query: NamedQuery,
  limit: number,
  home: string = defaultHome(),
): Promise<ImageSummary[]> {
  return withLibrary(home, async (library) => found(library, query, limit));
}

/**
 * Writes the images that a query finds to a path that is free, as a folder or a ZIP.
 * @throws Failure bad-input when nothing is found or the path is taken.
 */
export async function* exportLibrary(
  query: NamedQuery,
  request: Omit<ExportRequestInput, 'images'>,
  path: string,
  signal?: AbortSignal,
  home: string = defaultHome(),
): AsyncGenerator<ExportEvent, void, void> {
  const library = await openLibrary(home);
  try {
    const images = found(library, query, 100_000).map(({ id }) => id);
    if (images.length === 0)
      throw new Failure('bad-input', 'expected images to export, the library has none that match');
    yield* exportImages(library, exportRequestSchema.parse({ ...request, images }), { at: path }, signal);
  } finally {
    await library.close();
  }
}

/** Takes picture files and folders into the library. */
export async function* importIntoLibrary(
  paths: readonly string[],
  signal?: AbortSignal,
  home: string = defaultHome(),
): AsyncGenerator<ImportEvent, void, void> {
  const library = await openLibrary(home);
  try {
    yield* importFiles(library, paths, signal);
  } finally {
    await library.close();
  }
}

/**
 * Computes the features of the images that have none of a model's encoder.
 * @throws Failure not-found for a model that is not there, unsupported for one without an encoder
 */
export async function* encodeWholeLibrary(
  model: string,
  workshop: Workshop,
  signal?: AbortSignal,
  home: string = defaultHome(),
): AsyncGenerator<FeatureEvent, void, void> {
  const encoder = encoderOf(openPackage(model, workshop.folders));
  if (encoder === null)
    throw new Failure('unsupported', `model: expected one with a feature encoder, ${model} brings none`, 'model');
  const library = await openLibrary(home);
  try {
    yield* encodeLibrary(library, encoder, workshop, { batch: null, ...(signal !== undefined && { signal }) });
  } finally {
    await library.close();
  }
}

export interface VerifyActionOptions {
  readonly repair: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Compares the library's tables with its files, and mends what can be mended. */
export async function verifyWholeLibrary(
  options: VerifyActionOptions,
  home: string = defaultHome(),
): Promise<VerifyReport> {
  return verifyLibrary(home, options);
}

async function withLibrary<T>(home: string, work: (library: Library) => Promise<T>): Promise<T> {
  const library = await openLibrary(home);
  try {
    return await work(library);
  } finally {
    await library.close();
  }
}

function found(library: Library, { collectionName, ...query }: NamedQuery, limit: number): ImageSummary[] {
  const images: ImageSummary[] = [];
  const collection = collectionName === undefined ? {} : { collection: collectionByName(library, collectionName) };
  for (const image of searchAll(library, { ...query, ...collection })) {
    if (images.length >= limit) break;
    images.push(image);
  }
  return images;
}

function collectionByName(library: Library, name: string): string {
  const known = listCollections(library);
  const wanted = known.find((each) => each.name.toLowerCase() === name.toLowerCase() || each.id === name);
  if (wanted !== undefined) return wanted.id;
  const names = known.map((each) => each.name).join(', ');
  throw new Failure(
    'not-found',
    `expected one of the collections ${names || '(there are none)'}, got '${name}'`,
    'collection',
  );
}
