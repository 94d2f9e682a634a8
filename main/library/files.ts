import { randomUUID } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { access, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Failure, toFailure } from '../contract/failures.ts';

/** Files still being written carry this suffix after a random part, so that what a kill leaves is recognised. */
const unfinished = /^\..+\.[0-9a-f-]{36}\.gamut-unfinished$/;

/**
 * Writes a file so that its name never shows anything but the whole content: beside it, flushed to the disk, then
 * renamed. Removes what it began when it fails.
 * @throws Failure disk-full, not-writable or not-found.
 */
export async function writeFileAtomically(path: string, bytes: Uint8Array | string): Promise<void> {
  const temporary = unfinishedName(path);
  try {
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await flushFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true });
    throw toFailure(error);
  }
}

/** A name beside `path` that `sweepUnfinished` knows; long names are cut, since file systems end at 255 bytes. */
export function unfinishedName(path: string): string {
  return join(dirname(path), `.${basename(path).slice(0, 40)}.${randomUUID()}.gamut-unfinished`);
}

/** A rename is on the disk once its folder is; Windows cannot open folders and orders renames itself. */
async function flushFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Removes files that a kill left half written, in a folder and below; gives their names. Only those older than `before`
 * (milliseconds): another process may be writing right now.
 */
export async function sweepUnfinished(folder: string, before: number): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const swept: string[] = [];
  for (const entry of entries) {
    if (!entry.isFile() || !unfinished.test(entry.name)) continue;
    const path = join(entry.parentPath, entry.name);
    const found = await statOrNull(path);
    if (found === null || found.mtimeMs >= before) continue;
    await rm(path, { force: true });
    swept.push(path);
  }
  return swept;
}

/** null where there is nothing under the path; other errors are thrown. */
export async function statOrNull(path: string): Promise<Stats | null> {
  try {
    return await stat(path);
  } catch (error) {
    const failure = toFailure(error);
    if (failure.code === 'not-found') return null;
    throw failure;
  }
}

/** Makes a folder and those above it, one by one: Node's recursive `mkdir` never returns where a parent refuses, as in /proc. */
export async function makeFolder(path: string): Promise<void> {
  if ((await statOrNull(path))?.isDirectory()) return;
  if (dirname(path) !== path) await makeFolder(dirname(path));
  try {
    await mkdir(path);
  } catch (error) {
    // Another may have made it meanwhile.
    if (!(await statOrNull(path))?.isDirectory()) throw error;
  }
}

/** Makes a folder (and those above it) and makes sure that files can be written into it. */
export async function ensureWritableFolder(path: string): Promise<void> {
  try {
    await makeFolder(resolve(path));
    await access(path, constants.W_OK);
  } catch (error) {
    const failure = toFailure(error);
    if (failure.code === 'internal' || failure.code === 'not-found')
      throw new Failure(
        'not-writable',
        `expected a folder that can be written to at ${path}: ${failure.message}`,
        path,
      );
    throw failure;
  }
}
