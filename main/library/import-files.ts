import { randomBytes } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Failure, toFailure } from '../contract/failures.ts';
import type { ForeignSettings, ImageSummary, ImportEvent } from '../contract/library.ts';
import { imageFileName, imageIdOf, insertImage, lookOfPixels, pixelHashOf } from './add-image.ts';
import { beginArriving, createBatch, endArriving } from './batches.ts';
import { statOrNull, writeFileAtomically } from './files.ts';
import { imageSummaries } from './image-rows.ts';
import { mostFileBytes, readImageFile, type ImageFile } from './image-file/read-image-file.ts';
import type { Library } from './library.ts';

/** A new batch's id: its moment first, so that names sort by age, then chance, so that two at once differ. */
export function newBatchId(library: Library, kind = 'batch'): string {
  const moment = library
    .now()
    .replaceAll(/[^0-9]/g, '')
    .slice(0, 14);
  return `${moment.slice(0, 8)}-${moment.slice(8)}-${kind}-${randomBytes(3).toString('hex')}`;
}

/**
 * Takes picture files, and those in folders, into the library as one new batch. The files' bytes are kept as they are;
 * pictures whose pixels are in the library already are left out.
 * @throws Failure not-found for a path that is not there; interrupted; disk-full.
 */
export async function* importFiles(
  library: Library,
  paths: readonly string[],
  signal?: AbortSignal,
): AsyncGenerator<ImportEvent> {
  const files = await filesIn(paths);
  const batch = newBatchId(library, 'import');
  const counts = { imported: 0, known: 0, refused: 0 };
  for (const file of files) {
    if (signal?.aborted === true) throw new Failure('interrupted', 'The import was stopped.');
    const event = await importOne(library, batch, counts.imported, file);
    counts[event.kind] += 1;
    yield event;
  }
  if (counts.imported > 0) endArriving(library, batch);
  yield { kind: 'done', ...counts };
}

type OneEvent = Exclude<ImportEvent, { readonly kind: 'done' }>;

async function importOne(library: Library, batch: string, position: number, file: string): Promise<OneEvent> {
  try {
    const size = (await stat(file)).size;
    if (size > mostFileBytes)
      throw new Failure('bad-input', `expected at most ${mostFileBytes >> 20} MiB, got ${size} bytes`);
    return { ...(await importBytes(library, batch, position, await readFile(file))), file };
  } catch (error) {
    const failure = toFailure(error);
    // What is wrong with one file is told; what is wrong with the library ends the import.
    if (failure.code !== 'bad-input' && failure.code !== 'unsupported') throw failure;
    return { kind: 'refused', file, reason: failure.message };
  }
}

/** Takes one picture's bytes as the only image of a new batch. @throws Failure bad-input for what is not a picture. */
export async function importPicture(library: Library, bytes: Uint8Array): Promise<ImageSummary> {
  const batch = newBatchId(library, 'import');
  const taken = await importBytes(library, batch, 0, bytes);
  if (taken.kind === 'imported') endArriving(library, batch);
  if (taken.kind === 'imported') return taken.image;
  const [known] = imageSummaries(library, [taken.image]);
  if (known === undefined) throw new Failure('internal', `the library lost '${taken.image}' meanwhile`);
  return known;
}

type Taken =
  { readonly kind: 'imported'; readonly image: ImageSummary } | { readonly kind: 'known'; readonly image: string };

async function importBytes(library: Library, batch: string, position: number, bytes: Uint8Array): Promise<Taken> {
  const image = await readImageFile(bytes);
  const pixels = await image.pixels();
  const pixelHash = pixelHashOf(pixels);
  const known = imageWithPixels(library, pixelHash);
  if (known !== null) return { kind: 'known', image: known };
  if (position === 0) {
    await createBatch(library, batch, null);
    await beginArriving(library, batch);
  }
  const file = imageFileName(position, image.format);
  await writeFileAtomically(join(library.folders.images, batch, file), bytes);
  insertImage(library, {
    batch,
    position,
    file,
    fileBytes: bytes.length,
    origin: 'imported',
    createdAt: image.record?.createdAt ?? library.now(),
    width: image.width,
    height: image.height,
    record: image.record,
    foreign: image.foreign,
    pixelHash,
    look: await lookOfPixels(pixels),
    features: null,
    rejected: false,
  });
  const [summary] = imageSummaries(library, [imageIdOf(batch, position)]);
  if (summary === undefined) throw new Failure('internal', `the library lost ${file} meanwhile`);
  return { kind: 'imported', image: summary };
}

/** Id of an image with these pixels that is not in the trash; null when there is none. */
export function imageWithPixels(library: Library, pixelHash: string): string | null {
  const row = library.database.get('SELECT id FROM images WHERE pixel_hash = ? AND deleted = 0 LIMIT 1', pixelHash);
  return row === undefined ? null : String(row['id']);
}

/**
 * Settings of a picture file: its own record, or what another program left, or, where the texts were lost on the way (a
 * clipboard, an editor), the record of the library's image with the same pixels. null when nothing is known.
 */
export async function settingsOfPicture(library: Library, bytes: Uint8Array): Promise<ForeignSettings | null> {
  const image = await readImageFile(bytes);
  const record = image.record ?? (image.foreign === null ? await recordByPixels(library, image) : null);
  if (record === null) return image.foreign;
  return { program: 'gamut', model: record.model.id, settings: record.settings, unmapped: [] };
}

async function recordByPixels(library: Library, image: ImageFile): Promise<ImageFile['record']> {
  const id = imageWithPixels(library, pixelHashOf(await image.pixels()));
  if (id === null) return null;
  const row = library.database.get(
    'SELECT record FROM image_records JOIN images ON key = image WHERE id = ? AND record IS NOT NULL',
    id,
  );
  // Only checked records were ever stored.
  return row === undefined ? null : (JSON.parse(String(row['record'])) as ImageFile['record']);
}

/** Picture files among the paths and in their folders, at any depth, hidden ones left out. */
async function filesIn(paths: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const path of paths) {
    const what = await statOrNull(path);
    if (what === null)
      throw new Failure('not-found', `expected a file or folder to import, there is none at ${path}`, path);
    if (!what.isDirectory()) {
      found.push(path);
      continue;
    }
    const entries = await readdir(path, { withFileTypes: true, recursive: true });
    const pictures = entries.filter((entry) => entry.isFile() && /\.(png|jpe?g|webp)$/i.test(entry.name));
    found.push(
      ...pictures
        .filter(({ name }) => !basename(name).startsWith('.'))
        .map((e) => join(e.parentPath, e.name))
        .sort(),
    );
  }
  return found;
}
