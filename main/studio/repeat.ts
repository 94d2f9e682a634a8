import { readFile } from 'node:fs/promises';
import { Failure, toFailure } from '../contract/failures.ts';
import type { ImageRecord } from '../contract/images.ts';
import { readImageFile } from '../library/image-file/read-image-file.ts';

/** The record inside an image file that Gamut made. */
export async function recordInFile(path: string): Promise<ImageRecord> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw new Failure('bad-input', `from: expected an image made by Gamut, got ${path}: ${toFailure(error).message}`);
  });
  const { record } = await readImageFile(bytes);
  if (record === null)
    throw new Failure('bad-input', `from: expected an image made by Gamut, ${path} carries no Gamut settings`, 'from');
  return record;
}

/** What differs between a record and the run that repeats it, and so may change the pixels. */
export function differencesFrom(record: ImageRecord, repeated: ImageRecord): string[] {
  const differences: string[] = [];
  if (record.model.hash !== repeated.model.hash)
    differences.push(`The model's files have changed since the image was made (${record.model.id}).`);
  if (record.provider.chosen !== repeated.provider.chosen)
    differences.push(`The image was made on ${record.provider.chosen}, this run used ${repeated.provider.chosen}.`);
  if (record.application.version !== repeated.application.version)
    differences.push(`The image was made by version ${record.application.version}.`);
  return differences;
}
