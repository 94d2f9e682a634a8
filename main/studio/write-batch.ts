import { existsSync } from 'node:fs';
import { readdir, readFile, rmdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { toFailure } from '../contract/failures.ts';
import type { ImageRecord } from '../contract/images.ts';
import type { BatchCost, Measure } from '../contract/measures.ts';
import { contactSheetName, contactSheetPages } from '../library/contact-sheet.ts';
import { ensureWritableFolder, writeFileAtomically } from '../library/files.ts';
import { encodeImageFile } from '../library/image-file/encode-image-file.ts';
import { manifestCsv, manifestJson } from '../library/manifest.ts';
import type { CuratedEvent } from './generate-batch.ts';

/** An image that is on the disk under its final name. */
export interface WrittenImage {
  readonly file: string;
  readonly record: ImageRecord;
}

export type WriteEvent =
  | CuratedEvent
  | { readonly kind: 'written'; readonly index: number; readonly path: string }
  /** Last: everything about the batch is on the disk. */
  | {
      readonly kind: 'complete';
      readonly images: readonly WrittenImage[];
      readonly measures: readonly Measure[];
      readonly cost: BatchCost | null;
    };

export interface WriteOptions {
  /** Id of the batch, for the manifest. */
  readonly batch: string;
}

/** Where candidates that were not kept stay, within the batch's folder. */
const rejectedFolder = 'rejected';

/**
 * Writes a batch into a folder while it is made: each image as soon as it is there, at the end (also of a batch that was
 * stopped or failed half way) the manifests and the contact sheet over what was finished. Passes every event on. A folder
 * it made stays only if something is in it.
 *
 * @throws what the batch throws; `not-writable` and `disk-full` from the folder
 */
export async function* writeBatch(
  events: AsyncIterable<CuratedEvent>,
  folder: string,
  { batch }: WriteOptions,
): AsyncGenerator<WriteEvent, void, void> {
  const made = missingFolders(folder);
  const images: WrittenImage[] = [];
  let cost: BatchCost | null = null;
  let measures: readonly Measure[] = [];
  let diskFailed = false;
  const toDisk = async (work: Promise<void>): Promise<void> => {
    try {
      await work;
    } catch (error) {
      diskFailed = true;
      throw toFailure(error);
    }
  };
  try {
    for await (const event of events) {
      if (event.kind === 'started') await toDisk(ensureWritableFolder(folder));
      if (event.kind === 'finished') cost = event.cost;
      if (event.kind === 'measured') measures = event.measures;
      yield event;
      if (event.kind !== 'image' && event.kind !== 'rejected') continue;
      const { picture, record } = event;
      const file = fileName(record);
      const pixels = { width: picture.width, height: picture.height, data: picture.pixels };
      const place = event.kind === 'image' ? folder : join(folder, rejectedFolder);
      if (event.kind === 'rejected') await toDisk(ensureWritableFolder(place));
      await toDisk(encodeImageFile(pixels, record).then((bytes) => writeFileAtomically(join(place, file), bytes)));
      if (event.kind === 'rejected') continue;
      images.push({ file, record });
      yield { kind: 'written', index: event.index, path: join(folder, file) };
    }
    images.sort((a, b) => a.record.index - b.record.index);
    await toDisk(writeSummary(folder, batch, images, measures, cost));
    yield { kind: 'complete', images, measures, cost };
  } catch (error) {
    // What was finished is kept, with its manifest; a disk that refused a file would refuse this too.
    if (images.length > 0 && !diskFailed) await writeSummary(folder, batch, images, measures, cost);
    throw error;
  } finally {
    await removeEmpty(made);
  }
}

/** Seed and place in the batch: two batches in one folder meet only where they are the same image. */
function fileName({ settings, index }: ImageRecord): string {
  return `${settings.seed}-${String(index).padStart(4, '0')}.png`;
}

async function writeSummary(
  folder: string,
  batch: string,
  images: readonly WrittenImage[],
  measures: readonly Measure[],
  cost: BatchCost | null,
): Promise<void> {
  const manifest = { batch, images, measures, cost };
  await writeFileAtomically(join(folder, 'manifest.json'), manifestJson(manifest));
  await writeFileAtomically(join(folder, 'manifest.csv'), manifestCsv(manifest));
  const record = images[0]?.record;
  if (record === undefined) return;
  const sheet = {
    title: record.settings.prompt,
    subtitle: `${record.model.id} · ${record.settings.stepCount} steps · guidance ${record.settings.guidanceScale} · seed ${record.settings.seed}`,
    theme: 'dark' as const,
    images: images.map(({ file, record: { index } }) => ({
      load: () => readFile(join(folder, file)),
      lines: [file, `image ${index}`],
    })),
  };
  let page = 0;
  for await (const bytes of contactSheetPages(sheet)) {
    await writeFileAtomically(join(folder, contactSheetName(page)), bytes);
    page += 1;
  }
}

/** The folders of a path that do not exist yet, innermost first. */
function missingFolders(folder: string): string[] {
  const missing: string[] = [];
  for (let path = resolve(folder); !existsSync(path); path = dirname(path)) missing.push(path);
  return missing;
}

async function removeEmpty(folders: readonly string[]): Promise<void> {
  for (const folder of folders) {
    if (!existsSync(folder) || (await readdir(folder)).length > 0) return;
    await rmdir(folder);
  }
}
