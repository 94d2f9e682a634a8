import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { toFailure } from '../../../main/contract/failures.ts';
import { exportRequestSchema } from '../../../main/contract/library.ts';
import { storeImage } from '../../../main/library/add-image.ts';
import { createBatch } from '../../../main/library/batches.ts';
import { exportImages } from '../../../main/library/export/export-images.ts';
import { openLibrary } from '../../../main/library/library.ts';
import { exampleRecord } from '../record.ts';

/** Exports to a disk of a megabyte: what is told where it is too small, and what is left there; one JSON line. */
const [home = '', disk = ''] = process.argv.slice(2);
const library = await openLibrary(join(home, 'library'));
const { batch, settings } = exampleRecord();
await createBatch(library, batch, settings);
const images: string[] = [];
// Noise does not compress: 27 kB each.
for (let index = 0; index < 60; index += 1) {
  const pixels = { width: 96, height: 96, data: new Uint8Array(randomBytes(96 * 96 * 3)) };
  images.push((await storeImage(library, pixels, exampleRecord({}, { index, width: 96, height: 96 }))).id);
}

async function exported(count: number, to: 'folder' | 'zip'): Promise<readonly [told: string, left: number]> {
  const request = exportRequestSchema.parse({ images: images.slice(0, count), to, contactSheet: { png: false } });
  let told = 'nothing';
  try {
    for await (const event of exportImages(library, request, { inside: disk }))
      if (event.kind === 'done') told = `${event.files.length} files`;
  } catch (error) {
    told = toFailure(error).code;
  }
  return [told, readdirSync(disk).length];
}

const outcome = {
  folderTooLarge: await exported(60, 'folder'),
  // The pictures fit, packing them does not.
  zipTooLarge: await exported(25, 'zip'),
  folderThatFits: await exported(25, 'folder'),
};
await library.close();
process.stdout.write(`${JSON.stringify(outcome)}\n`);
