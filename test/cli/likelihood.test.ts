import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it, vi } from 'vitest';
import { gamut } from '../doubles/command-line.ts';
import { packageFolder, temporaryFolder } from '../doubles/packages.ts';

// Every case starts processes; a loaded machine takes long for each.
vi.setConfig({ testTimeout: 240_000 });

const flow = packageFolder('flow');

async function picture(folder: string, name = 'red.png', width = 64): Promise<string> {
  const path = join(folder, name);
  const colour = { width, height: 64, channels: 3, background: '#f00' } as const;
  await sharp({ create: colour }).png().toFile(path);
  return path;
}

describe('gamut likelihood', () => {
  it('tells the surprise under the prompt, none and confounders, for people and as JSON', async () => {
    using folder = temporaryFolder();
    const image = await picture(folder.path);
    const args = ['likelihood', '--image', image, '--prompt', 'red vase', '--confounder', 'blue vase', '--model', flow];
    const effort = ['--confounder', 'white vase', '--steps', '3', '--probes', '2'];
    const people = await gamut([...args, ...effort]);
    expect(people).toMatchObject({ exitCode: 0, complaints: [] });
    for (const words of [
      /^surprise of /,
      /"red vase" {2}\S+ ± \S+ bits\/dimension, log p \S+ ± \S+ nats/,
      /\(no prompt\)/,
      /"white vase"/,
      /96 network evaluations: 3 steps, 2 shared probes/,
      /Surprise is neither quality nor prompt match/,
    ])
      expect(people.output).toMatch(words);
    const { exitCode, output } = await gamut([...args, ...effort, '--json', '--method', 'finite-differences']);
    expect(exitCode).toBe(0);
    expect(JSON.parse(output)).toMatchObject({
      label: 'surprise',
      conditional: { prompt: 'red vase', textImageScore: null },
      confounders: [{ prompt: 'blue vase' }, { prompt: 'white vase' }],
      method: 'finite-differences',
      evaluations: 4 * 4 * 3 * 5,
    });
  });

  it('takes steps as long as a tolerance allows, and says which', async () => {
    using folder = temporaryFolder();
    const image = await picture(folder.path);
    const args = ['likelihood', '--image', image, '--prompt', 'red vase', '--model', flow, '--probes', '1'];
    const { exitCode, output } = await gamut([...args, '--solver', 'dormand-prince', '--tolerance', '0.01', '--json']);
    expect(exitCode).toBe(0);
    const report = JSON.parse(output) as { stepCount: number; evaluations: number };
    expect(report).toMatchObject({ solver: 'dormand-prince', tolerance: 0.01 });
    // Two evaluations to begin with, six a step, for two prompts; steps that erred too much came on top.
    expect(report.evaluations).toBeGreaterThanOrEqual(2 * (2 + 6 * report.stepCount));
    const people = await gamut([...args, '--solver', 'dormand-prince']);
    expect(people.output).toMatch(
      /network evaluations: \d+ steps of Dormand–Prince \(tolerance 0\.001\), 1 shared probe/,
    );
    const fixed = await gamut([...args, '--steps', '2', '--json']);
    expect(JSON.parse(fixed.output)).toMatchObject({ solver: 'rk4', stepCount: 2, tolerance: null, evaluations: 16 });
  });

  it('report: prints both accuracies with intervals', async () => {
    using folder = temporaryFolder();
    await picture(folder.path, 'a.png');
    await picture(folder.path, 'b.png');
    writeFileSync(join(folder.path, 'captions.txt'), 'red vase\nwhite vase\n');
    const args = ['--images', folder.path, '--model', flow, '--confounders', '1', '--steps', '2'];
    const { exitCode, output, complaints } = await gamut(['likelihood', 'report', ...args]);
    expect(exitCode).toBe(0);
    expect(complaints).toEqual([
      expect.stringMatching(/^1 of 2 pictures, \d+:\d\d left$/),
      '2 of 2 pictures, 0:00 left',
    ]);
    // Both pictures are red: one caption of the two is right.
    expect(output).toContain('guessing: 50.0 %');
    expect(output).toContain('surprise (log p)   right 50.0 % [9.5 %, 90.5 %]');
    expect(output).toContain('text-image score   not measured');
    expect(output).toContain('Surprise is neither quality nor prompt match');
  });
});

describe('gamut likelihood with bad input says one line and exits with 2:', () => {
  it.concurrent.each([
    ['no image', ['--prompt', 'red'], "error: required option '--image <png>' not specified"],
    ['no prompt', ['--image', 'red.png'], "error: required option '--prompt <text>' not specified"],
    [
      'zero probes',
      ['--image', 'red.png', '--prompt', 'red', '--probes', '0'],
      "error: option '--probes <number>' argument '0' is invalid. Expected a whole number from 1 to 256, got \"0\".",
    ],
    [
      'a confounder of 10,000 words',
      ['--image', 'red.png', '--prompt', 'red', '--confounder', 'word '.repeat(10_000)],
      'gamut: likelihood.confounders.0: Too big: expected string to have <=20000 characters, got 50000 characters',
    ],
    [
      'zero steps',
      ['--image', 'red.png', '--prompt', 'red', '--steps', '0'],
      "error: option '--steps <number>' argument '0' is invalid. Expected a whole number from 1 to 1000, got \"0\".",
    ],
    [
      'an unknown solver',
      ['--image', 'red.png', '--prompt', 'red', '--solver', 'euler'],
      "error: option '--solver <name>' argument 'euler' is invalid. Allowed choices are rk4, dormand-prince.",
    ],
    [
      'a tolerance of nothing',
      ['--image', 'red.png', '--prompt', 'red', '--solver', 'dormand-prince', '--tolerance', '0'],
      "error: option '--tolerance <number>' argument '0' is invalid. Expected a number from 0.000001 to 0.1, got \"0\".",
    ],
    [
      'a tolerance of fixed steps',
      ['--image', 'red.png', '--prompt', 'red', '--tolerance', '0.01'],
      "error: option '--tolerance <number>' does not go with '--solver rk4'",
    ],
    [
      'a number of steps that choose themselves',
      ['--image', 'red.png', '--prompt', 'red', '--solver', 'dormand-prince', '--steps', '9'],
      "error: option '--steps <number>' does not go with '--solver dormand-prince'",
    ],
    [
      'a file that is not there',
      ['--image', 'nowhere.png', '--prompt', 'red'],
      expect.stringMatching(/^gamut: image: expected an image file, got nowhere\.png: /),
    ],
    [
      'a corrupt PNG',
      ['--image', 'corrupt.png', '--prompt', 'red'],
      expect.stringMatching(/^gamut: image: corrupt\.png: /),
    ],
    [
      'a file that is no image',
      ['--image', 'words.png', '--prompt', 'red'],
      expect.stringMatching(/^gamut: image: words\.png: /),
    ],
    [
      'an image of the wrong size',
      ['--image', 'wide.png', '--prompt', 'red'],
      'gamut: image: model flow expects 64x64 or sides up to twice that in multiples of 8, got 100x64',
    ],
    [
      'an unknown model',
      ['--image', 'red.png', '--prompt', 'red', '--model', 'stranger'],
      expect.stringMatching(/^gamut: model: /),
    ],
    ['a report without pictures', ['report'], "error: required option '--images <dir|reference>' not specified"],
    ['a report of an empty folder', ['report', '--images', 'empty'], expect.stringMatching(/^gamut: images: /)],
  ])('%s', async (_, args, line) => {
    using folder = temporaryFolder();
    await picture(folder.path);
    await picture(folder.path, 'wide.png', 100);
    truncateSync(await picture(folder.path, 'corrupt.png'), 90);
    writeFileSync(join(folder.path, 'words.png'), 'words');
    const model = args.includes('--model') || args.length === 1 ? [] : ['--model', flow];
    const { exitCode, output, complaints } = await gamut(['likelihood', ...args, ...model], { cwd: folder.path });
    expect({ exitCode, output, complaints }).toEqual({ exitCode: 2, output: '', complaints: [line] });
  });
});
