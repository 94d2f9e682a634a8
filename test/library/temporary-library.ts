import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ImageRecord } from '../../main/contract/images.ts';
import type { ImageSummary } from '../../main/contract/library.ts';
import type { GenerationRequest } from '../../main/contract/settings.ts';
import { storeImage, type StoreOptions } from '../../main/library/add-image.ts';
import { createBatch } from '../../main/library/batches.ts';
import { openLibrary, type Library } from '../../main/library/library.ts';
import { examplePixels, exampleRecord } from './record.ts';

/** A real library in a temporary folder, with a clock that counts seconds. */
export async function temporaryLibrary(): Promise<{ readonly library: Library; readonly remove: () => Promise<void> }> {
  const home = await mkdtemp(join(tmpdir(), 'gamut-library-'));
  const library = await openLibrary(home, countingClock());
  return {
    library,
    remove: async () => {
      await library.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}

export function countingClock(): () => string {
  let second = 0;
  return () => new Date(Date.UTC(2026, 10, 23) + 1000 * second++).toISOString();
}

/** Puts one image into the library, as a generation would. */
export async function addExample(
  library: Library,
  index: number,
  settings: Partial<GenerationRequest> = {},
  changes: Partial<ImageRecord> = {},
  options: StoreOptions = {},
): Promise<ImageSummary> {
  const record = exampleRecord(settings, { index, ...changes });
  await createBatch(library, record.batch, record.settings, record.createdAt);
  // Every image of every batch has pixels of its own.
  const pixels = examplePixels(index + 100 * Number(/\d+$/.exec(record.batch)?.[0] ?? 0));
  return storeImage(library, pixels, record, options);
}
