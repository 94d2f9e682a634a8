import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeFeatures } from '../../main/studio/npy.ts';
import { lcgFeatures } from '../doubles/lcg.ts';
import { temporaryFolder } from '../doubles/packages.ts';

const door = fileURLToPath(new URL('../../main/cli/gamut.js', import.meta.url));
const folder = temporaryFolder();
const reference = join(folder.path, 'reference.npy');
const query = join(folder.path, 'query.npy');
const notANumber = join(folder.path, 'not-a-number.npy');
const narrow = join(folder.path, 'narrow.npy');
const empty = join(folder.path, 'empty');

function gamut(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [door, ...args], {
    encoding: 'utf8',
    env: { ...process.env, GAMUT_HOME: folder.path },
  });
  return { status, stdout, stderr };
}

beforeAll(async () => {
  await writeFeatures(reference, lcgFeatures(1, 60, 4));
  await writeFeatures(query, lcgFeatures(2, 9, 4));
  await writeFeatures(narrow, lcgFeatures(4, 9, 3));
  mkdirSync(empty);
  const broken = lcgFeatures(3, 9, 4);
  broken.values[13] = NaN;
  await writeFeatures(notANumber, broken);
});

afterAll(() => {
  folder[Symbol.dispose]();
});

describe('the commands on .npy files', () => {
  it('print numbers for people, and one JSON document for scripts', () => {
    const plain = gamut('density', '--reference', reference, '--query', query, '--k', '5');
    expect(plain.status).toBe(0);
    const numbers = plain.stdout.trim().split('\n').map(Number);
    const json: unknown = JSON.parse(
      gamut('density', '--reference', reference, '--query', query, '--k', '5', '--json').stdout,
    );
    expect(json).toMatchObject({ k: 5, exponent: 1, referenceCount: 60, queryCount: 9, width: 4, densities: numbers });

    const measured: unknown = JSON.parse(
      gamut('measure', '--reference', reference, '--generated', query, '--k', '3', '--json').stdout,
    );
    expect(measured).toMatchObject({
      k: 3,
      measures: { precision: { name: 'precision', generatedCount: 9 }, vendiScore: {} },
    });

    const selected: unknown = JSON.parse(
      gamut('select', '--reference', reference, '--from', query, '--count', '2', '--json').stdout,
    );
    expect(selected).toMatchObject({ count: 2, dial: 0, chosen: [{ item: expect.any(Number) }, {}] });
  }, 240_000);

  it.each([
    [
      ['density', '--reference', reference, '--query', notANumber],
      /expected finite numbers, got NaN at row 3, column 1/,
    ],
    [['density', '--reference', reference, '--query', narrow], /expected .*\b(4|3)\b.*got \b(3|4)\b/],
    [['measure', '--reference', reference, '--generated', narrow], /expected .*\b(4|3)\b.*got \b(3|4)\b/],
    [
      ['select', '--from', empty, '--reference', reference, '--count', '2', '--dial', '0'],
      /expected PNG, JPEG or WebP pictures, found none/,
    ],
    [['density', '--reference', reference, '--query', query, '--k', '60'], /k: expected at most 59/],
    [
      ['density', '--reference', reference, '--query', query, '--k', 'many'],
      /Expected a whole number from 1, got "many"/,
    ],
    [['density', '--reference', empty, '--query', query], /empty: expected a .npy file, got a folder/],
    [['density', '--reference', reference, '--query', query, '--exponent', '0'], /Expected a number above 0, got "0"/],
    [
      ['measure', '--reference', 'nobody', '--generated', query],
      /reference: expected a model's id, a folder of pictures or a .npy file, found nothing at nobody/,
    ],
    [['generate', '--prompt', 'vase', '--out', empty, '--density-weight', '0'], /Expected a number above 0, got "0"/],
    [
      ['generate', '--prompt', 'vase', '--out', empty, '--density-threshold', '101'],
      /Expected a number from 0 to 100, got "101"/,
    ],
    [['density', '--reference', reference], /required option '--query/],
    [
      ['measure', '--reference', reference, '--generated', query, '--k', '9'],
      /k: expected less than the 9 rows of generated/,
    ],
    [['select', '--reference', reference, '--from', query, '--count', '2', '--dial', '1.5'], /from -1 to 1, got "1.5"/],
  ])('end with exit code 2 and one line for wrong input (%#)', (args, message) => {
    const { status, stdout, stderr } = gamut(...args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(message);
  });
});
