import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { listJobs } from '../../../main/library/job-rows.ts';
import { openLibrary } from '../../../main/library/library.ts';
import { searchAll } from '../../../main/library/search.ts';

const child = resolve(import.meta.dirname, 'queue-child.ts');
const count = 30;

/** Lets the queue make some images and kills it; without a number it may finish. Gives the images it told of. */
async function work(home: string, killAfter: number | null): Promise<string[]> {
  const running = spawn(process.execPath, [child, home, String(count)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  running.stdout.on('data', (text: Buffer) => {
    said += text.toString();
    if (killAfter !== null && said.split('\n').length > killAfter) running.kill('SIGKILL');
  });
  await new Promise((done) => running.on('close', done));
  return said.split('\n').slice(0, -1);
}

it('goes on after every kill with the images that are missing', { timeout: 120_000 }, async () => {
  const home = await mkdtemp(join(tmpdir(), 'gamut-queue-'));
  try {
    const told: string[] = [];
    for (let kill = 0; kill < 5; kill += 1) told.push(...(await work(home, 1 + kill)));
    told.push(...(await work(home, null)));
    const library = await openLibrary(home);
    const [job] = listJobs(library);
    expect(job).toMatchObject({ state: 'done', interruptions: 5, progress: { kept: count } });
    const images = [...searchAll(library, { candidates: 'all', sort: 'oldest' })];
    expect(images.map(({ index }) => index).sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
    // Nothing that was told of was made twice.
    expect(new Set(told).size).toBe(told.length);
    await library.close();
  } finally {
    await rm(home, { recursive: true, force: true });
  }
});
