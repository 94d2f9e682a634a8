import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { gamut, type CommandOptions, type CommandOutcome } from '../doubles/command-line.ts';
import { measuredPackage } from '../doubles/measured-package.ts';
import { packageFolder } from '../doubles/packages.ts';
import { addExample, temporaryLibrary } from '../library/temporary-library.ts';
import { openLibrary } from '../../main/library/library.ts';

const model = measuredPackage();
let home: string;
beforeAll(async () => {
  const { library } = await temporaryLibrary();
  home = library.folders.home;
  for (let index = 0; index < 40; index += 1) await addExample(library, index);
  await library.close();
  rmSync(join(home, 'images/batch-1/00039.png'));
  writeFileSync(join(home, 'images/batch-1/00001.png'), 'no picture');
});
afterAll(() => {
  rmSync(home, { recursive: true, force: true });
  model[Symbol.dispose]();
});

const encode = (options: CommandOptions, ...args: readonly string[]): Promise<CommandOutcome> =>
  gamut(['library', 'encode', '--model', model.path, ...args], { ...options, env: { GAMUT_HOME: home } });

async function encodedCount(): Promise<number> {
  const library = await openLibrary(home);
  const row = library.database.get('SELECT count(features) AS count FROM image_records');
  await library.close();
  return Number(row?.['count']);
}

it('goes on where a kill left it, names what cannot be read, and has nothing to do the next time', async () => {
  // The newest image has no file: it is named when the first part is kept.
  const killed = await encode({
    onComplaint: (_, signal) => {
      signal('SIGKILL');
    },
  });
  expect([killed.exitCode, killed.output]).toEqual([null, '']);
  const kept = await encodedCount();
  expect(kept).toBeGreaterThanOrEqual(7);
  // A part is kept whole or not at all.
  expect([7, 15, 23, 31, 38]).toContain(kept);

  const missing = "the file of image 'batch-1-00039' is gone; 'gamut library verify' tells more";
  const rest = await encode({}, '--json');
  expect(rest.exitCode).toBe(0);
  expect(rest.complaints).toEqual([
    `batch-1-00039: ${missing}`,
    expect.stringMatching(/^batch-1-00001: expected a readable PNG/),
  ]);
  expect(JSON.parse(rest.output)).toEqual({
    model: model.path,
    features: 'features of measured',
    encoded: 38 - kept,
    skipped: [
      { image: 'batch-1-00039', reason: missing },
      { image: 'batch-1-00001', reason: expect.stringContaining('expected a readable PNG') as string },
    ],
  });
  expect(await encodedCount()).toBe(38);

  const again = await encode({});
  expect([again.exitCode, again.output]).toEqual([0, '0 images encoded (features of measured), 2 skipped\n']);
});

it('says in one line what is wrong', async () => {
  for (const [chosen, complaint] of [
    [packageFolder('flow'), /expected one with a feature encoder, .*flow brings none/],
    ['no such model', /expected a folder or one of .*, got "no such model"/],
  ] as const) {
    const outcome = await encode({}, '--model', chosen);
    expect(outcome).toMatchObject({ exitCode: 2, output: '', complaints: [expect.stringMatching(complaint)] });
  }
});
