import { createWriteStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import yazl from 'yazl';

/** Already compressed: packing them again costs time and gains nothing. */
const compressed = /\.(png|jpg|webp|pdf)$/i;

/**
 * Packs the files of a folder into a ZIP, under one folder inside it, so that unpacking does not spill them.
 * @param file written as it goes; give it a name that nobody reads until this returns.
 */
export async function zipFolder(folder: string, file: string, inside: string, signal?: AbortSignal): Promise<void> {
  const zip = new yazl.ZipFile();
  // A file that cannot be read is told to the archive, not to its stream.
  zip.on('error', (error: Error) => zip.outputStream.emit('error', error));
  for (const name of (await readdir(folder)).sort())
    zip.addFile(join(folder, name), `${inside}/${name}`, { compress: !compressed.test(name) });
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(file, { flush: true }), signal === undefined ? {} : { signal });
}
