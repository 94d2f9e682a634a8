import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync, mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  ensureWritableFolder,
  sweepUnfinished,
  unfinishedName,
  writeFileAtomically,
} from '../../main/library/files.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gamut-files-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

it('writes the whole content under the name and leaves nothing beside it', async () => {
  const path = join(folder, 'vase.png');
  await writeFileAtomically(path, Buffer.from('first'));
  await writeFileAtomically(path, Buffer.from('second'));
  expect(readFileSync(path, 'utf8')).toBe('second');
  expect(readdirSync(folder)).toEqual(['vase.png']);
});

it('leaves the old content and nothing else when it fails', async () => {
  // A folder in the way: the rename fails after everything was written.
  const path = join(folder, 'taken');
  mkdirSync(join(path, 'inside'), { recursive: true });
  await expect(writeFileAtomically(path, Buffer.from('x'))).rejects.toMatchObject({ name: 'Failure' });
  expect(readdirSync(folder)).toEqual(['taken']);
});

it('says that the folder is not there', async () => {
  await expect(writeFileAtomically(join(folder, 'no', 'a.png'), Buffer.from('x'))).rejects.toMatchObject({
    code: 'not-found',
  });
});

it('takes names as long as the file system allows', async () => {
  const name = `${'n'.repeat(250)}.png`;
  await writeFileAtomically(join(folder, name), Buffer.from('x'));
  expect(readdirSync(folder)).toEqual([name]);
});

it('makes a folder and those above it, and takes one that is there', async () => {
  const path = join(folder, 'a', 'b', 'c');
  await Promise.all([ensureWritableFolder(path), ensureWritableFolder(path)]);
  await ensureWritableFolder(path);
  writeFileSync(join(path, 'file'), 'x');
});

it('refuses a file in the place of a folder', async () => {
  writeFileSync(join(folder, 'file'), 'x');
  for (const path of [join(folder, 'file'), join(folder, 'file', 'below')])
    await expect(ensureWritableFolder(path)).rejects.toMatchObject({ code: 'not-writable', where: path });
});

// Node's own recursive mkdir never returns here.
it.runIf(existsSync('/proc/self'))('refuses a place where folders cannot be made', async () => {
  const path = '/proc/nowhere/batch';
  await expect(ensureWritableFolder(path)).rejects.toMatchObject({ code: 'not-writable', where: path });
});

it('sweeps what a kill left, and only that', async () => {
  const left = unfinishedName(join(folder, 'vase.png'));
  const kept = ['.hidden', 'vase.gamut-unfinished', 'vase.png'];
  for (const name of kept) writeFileSync(join(folder, name), 'x');
  writeFileSync(left, 'half');
  expect(await sweepUnfinished(folder, 0)).toEqual([]);
  expect(await sweepUnfinished(folder, Date.now() + 1000)).toEqual([left]);
  expect(readdirSync(folder).sort()).toEqual(kept.sort());
});
