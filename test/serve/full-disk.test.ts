import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';

const child = resolve(import.meta.dirname, 'full-disk-child.ts');
/** A small disk that only the one process sees; where mounting is not allowed there is none to be had. */
const canMount = spawnSync('unshare', ['-rm', 'true']).status === 0;

it.runIf(canMount)(
  'tells the window that the disk is full, loses nothing, and goes on when there is room again',
  () => {
    const disk = mkdtempSync(join(tmpdir(), 'gamut-full-window-'));
    try {
      const script = `mount -t tmpfs -o size=12m none ${disk} && mkdir ${disk}/window && exec "$@"`;
      const { stdout, stderr } = spawnSync(
        'unshare',
        ['-rm', 'sh', '-c', script, 'sh', process.execPath, child, disk],
        {
          encoding: 'utf8',
        },
      );
      expect(stderr).toBe('');
      expect(JSON.parse(stdout)).toEqual({
        first: 'done',
        cut: ['failed', 'disk-full'],
        paused: true,
        behindWaits: 'queued',
        answersMeanwhile: true,
        lost: 0,
        again: 'done',
        last: 'done',
        images: 125,
        whole: true,
      });
    } finally {
      rmSync(disk, { recursive: true, force: true });
    }
  },
);
