import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { imageSummaries } from '../../main/library/image-rows.ts';
import { openLibrary } from '../../main/library/library.ts';
import { verifyLibrary } from '../../main/library/verify.ts';

const kills = 32;
const writer = resolve(import.meta.dirname, 'writer-child.ts');

/** Runs the writer until it has said so many lines and a little longer, then kills it; gives what it had said. */
async function writeUntilKilled(home: string, first: number, lines: number, milliseconds: number): Promise<string[]> {
  const child = spawn(process.execPath, [writer, home, String(first)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  const ready = new Promise<void>((resolveReady, reject) => {
    child.stdout.on('data', (text: Buffer) => {
      said += text.toString();
      if (said.split('\n').length > lines) resolveReady();
    });
    child.on('exit', (code) => {
      reject(new Error(`the writer ended by itself with ${code}`));
    });
  });
  await ready;
  await sleep(milliseconds);
  const gone = new Promise((resolveGone) => child.on('close', resolveGone));
  child.kill('SIGKILL');
  await gone;
  // The last line may have been cut off by the kill.
  return said.split('\n').slice(0, -1);
}

it(
  `opens whole after ${kills} kills at any moment, with everything that was acknowledged`,
  { timeout: 240_000 },
  async () => {
    const home = await mkdtemp(join(tmpdir(), 'gamut-killed-'));
    try {
      const ratings = new Map<string, number>();
      const places = new Map<string, boolean>();
      const stored = new Set<string>();
      for (let round = 0; round < kills; round += 1) {
        // Between any two words of the writer, early and late.
        const lines = await writeUntilKilled(home, stored.size, 1 + (round % 7), (round * 13) % 40);
        for (const [verb, id = '', value] of lines.map((line) => line.split(' '))) {
          if (verb === 'stored') stored.add(id);
          if (verb === 'rated') ratings.set(id, Number(value));
          if (verb === 'settled') places.set(id, value === 'deleted');
        }
        const library = await openLibrary(home);
        expect(library.database.complaints('full')).toEqual([]);
        await library.close();
        expect(await verifyLibrary(home, { repair: false })).toMatchObject({ whole: true });
      }
      const library = await openLibrary(home);
      const summaries = imageSummaries(library, [...ratings.keys()]);
      expect(Object.fromEntries(summaries.map(({ id, rating }) => [id, rating]))).toEqual(Object.fromEntries(ratings));
      const settled = imageSummaries(library, [...places.keys()]);
      expect(Object.fromEntries(settled.map(({ id, deleted }) => [id, deleted]))).toEqual(Object.fromEntries(places));
      await library.close();
      expect(ratings.size).toBeGreaterThan(kills / 2);
      // Nothing half written under a name that anybody reads.
      const pictures = await readdir(join(home, 'images', 'batch-1'));
      expect(
        pictures.filter((file) => !/^(\d{5}\.png|batch\.json|marks\.json|\..*gamut-unfinished)$/.test(file)),
      ).toEqual([]);
    } finally {
      await rm(home, { recursive: true, force: true });
    }
  },
);
