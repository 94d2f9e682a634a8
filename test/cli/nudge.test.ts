import { readdirSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it, vi } from 'vitest';
import { readImageFile } from '../../main/library/image-file/read-image-file.ts';
import { gamut } from '../doubles/command-line.ts';
import { measuredPackage } from '../doubles/measured-package.ts';
import { temporaryFolder } from '../doubles/packages.ts';

// Every case starts processes; a loaded machine takes long for each.
vi.setConfig({ testTimeout: 240_000 });

const few = ['--prompt', 'vase', '--guidance-scale', '1', '--sampling-steps', '4', '--steps', '3'];

describe('gamut nudge', () => {
  it('makes an image before and after, tells both places, and repeats itself from the file', async () => {
    using model = measuredPackage();
    using folder = temporaryFolder();
    const out = join(folder.path, 'out');
    const args = [...few, '--seed', '5', '--index', '3', '--model', model.path, '--out', out];
    const people = await gamut(['nudge', 'unusual', ...args, '--budget', '0.2']);
    expect(people.exitCode).toBe(0);
    expect(people.complaints).toEqual(['flow-match-euler, 4 steps, on cpu; seed 5']);
    for (const words of [
      /^towards unusual, among all 200 references of measured\n/,
      /before {2}percentile [\d.]+, pseudo density [\d.]+ {2}\S+5-0003\.png\n/,
      /after {3}percentile [\d.]+, pseudo density [\d.]+ {2}\S+5-0003-unusual\.png\n/,
      /largest change of the noise 0\.[12]\d* of 0\.2, 3 steps\n/,
      /Dense is common, not good/,
    ])
      expect(people.output).toMatch(words);

    const after = join(out, '5-0003-unusual.png');
    const { record } = await readImageFile(await readFile(after));
    expect(record?.settings).toMatchObject({ seed: 5, nudge: { direction: 'unusual', budget: 0.2, stepCount: 3 } });
    const pixelsOf = (file: string): Promise<Buffer> => sharp(file).raw().toBuffer();
    // By generate, with everything from the file; and by nudge, where the direction is the file's too.
    const again = await gamut(['generate', '--from', after, '--out', join(folder.path, 'again'), '--json']);
    expect(again.exitCode).toBe(0);
    expect(await pixelsOf(join(folder.path, 'again', '5-0003.png'))).toEqual(await pixelsOf(after));
    const repeated = await gamut(['nudge', '--from', after, '--out', join(folder.path, 'repeated'), '--json']);
    const report = JSON.parse(repeated.output) as Record<string, unknown>;
    expect(report).toMatchObject({
      settings: { direction: 'unusual', budget: 0.2, stepCount: 3, slope: 'neighbours' },
      seed: 5,
      index: 3,
      moved: true,
      before: { file: join(folder.path, 'repeated', '5-0003.png') },
      provider: { chosen: 'cpu' },
    });
    expect(await pixelsOf(join(folder.path, 'repeated', '5-0003-unusual.png'))).toEqual(await pixelsOf(after));
  });
});

describe('gamut nudge with bad input says one line and exits with 2:', () => {
  it.concurrent.each([
    ['no direction', few, 'gamut: direction: expected typical or unusual, got none'],
    ['neither image nor prompt', ['typical'], 'gamut: from: expected --from PNG (or --prompt TEXT), got neither'],
    [
      'a direction that is none',
      ['sideways', ...few],
      "error: command-argument value 'sideways' is invalid for argument 'direction'. Allowed choices are typical, unusual.",
    ],
    [
      'no budget at all',
      ['typical', ...few, '--budget', '0'],
      expect.stringMatching(
        /^error: option '--budget <number>' argument '0' is invalid\. Expected a number from 0\.000001 to 4/,
      ),
    ],
    [
      'a negative budget',
      ['typical', ...few, '--budget', '-0.1'],
      "error: option '--budget <number>' argument '-0.1' is invalid. Expected a number from 0.000001 to 4, got \"-0.1\".",
    ],
    [
      'a budget that is no number',
      ['typical', ...few, '--budget', 'NaN'],
      "error: option '--budget <number>' argument 'NaN' is invalid. Expected a number from 0.000001 to 4, got \"NaN\".",
    ],
    [
      'no steps',
      ['typical', ...few, '--steps', '0'],
      "error: option '--steps <number>' argument '0' is invalid. Expected a whole number from 1 to 200, got \"0\".",
    ],
    [
      'a file that is not there',
      ['typical', '--from', 'nowhere.png'],
      expect.stringMatching(/^gamut: from: expected an image made by Gamut, got nowhere\.png: /),
    ],
    [
      'an image made elsewhere',
      ['typical', '--from', 'foreign.png'],
      'gamut: from: expected an image made by Gamut, foreign.png carries no Gamut settings',
    ],
    ['a file that is no image', ['typical', '--from', 'words.png'], expect.stringMatching(/^gamut: /)],
    [
      'a folder without a name',
      ['typical', ...few, '--out', ''],
      "error: option '--out <dir>' argument '' is invalid. Expected a path, got an empty text.",
    ],
    [
      'a seed that is no exact number',
      ['typical', ...few, '--seed', '99999999999999999'],
      expect.stringContaining('Expected a whole number from 0 to 9007199254740991, got "99999999999999999"'),
    ],
    ['an unknown model', ['typical', ...few, '--model', 'stranger'], expect.stringMatching(/^gamut: model: /)],
  ])('%s', async (_, args, line) => {
    using folder = temporaryFolder();
    const grey = { width: 64, height: 64, channels: 3, background: '#888' } as const;
    await sharp({ create: grey }).png().toFile(join(folder.path, 'foreign.png'));
    writeFileSync(join(folder.path, 'words.png'), 'words');
    const { exitCode, output, complaints } = await gamut(['nudge', '--out', 'out', ...args], { cwd: folder.path });
    expect({ exitCode, output, complaints }).toEqual({ exitCode: 2, output: '', complaints: [line] });
  });

  it('what a model cannot do is said in one line too, and no file is written', async () => {
    using model = measuredPackage();
    using folder = temporaryFolder();
    const out = join(folder.path, 'out');
    const args = ['typical', ...few, '--sampling-steps', '51', '--model', model.path, '--out', out];
    const { exitCode, complaints } = await gamut(['nudge', ...args]);
    expect(complaints).toEqual([
      'gamut: nudge: expected 1 to 50 calls of the network from noise to picture, flow-match-euler makes 51 in these steps',
    ]);
    expect(exitCode).toBe(2);
    expect(readdirSync(out)).toEqual([]);
  });
});
