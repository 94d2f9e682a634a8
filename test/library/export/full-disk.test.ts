import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';

const child = resolve(import.meta.dirname, 'full-disk-child.ts');
/** A small disk that only the one process sees; where mounting is not allowed there is none to be had. */
const canMount = spawnSync('unshare', ['-rm', 'true']).status === 0;

it.runIf(canMount)('an export to a disk that is too small says so and leaves nothing there', () => {
  const home = mkdtempSync(join(tmpdir(), 'gamut-full-export-'));
  const disk = join(home, 'disk');
  mkdirSync(disk);
  try {
    const script = `mount -t tmpfs -o size=1m none ${disk} && exec "$@"`;
    const { stdout, stderr } = spawnSync(
      'unshare',
      ['-rm', 'sh', '-c', script, 'sh', process.execPath, child, home, disk],
      { encoding: 'utf8' },
    );
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({
      folderTooLarge: ['disk-full', 0],
      zipTooLarge: ['disk-full', 0],
      folderThatFits: ['27 files', 1],
    });
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
});
