import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { readImageFile } from '../../main/library/image-file/read-image-file.ts';
import { gamut } from '../doubles/command-line.ts';
import { copiedPackage, packageFolder, temporaryFolder } from '../doubles/packages.ts';

// Every case starts processes; a loaded machine takes long for each.
vi.setConfig({ testTimeout: 240_000 });

const flow = packageFolder('flow');
const brief = ['generate', '--prompt', 'a red vase', '--seed', '5', '--steps', '3'];

async function recordAndPixels(path: string) {
  const file = await readImageFile(readFileSync(path));
  return { record: file.record, pixels: (await file.pixels()).data };
}

describe('gamut generate', () => {
  it('writes images with their settings inside, manifests and a contact sheet, and tells of it', async () => {
    using folder = temporaryFolder();
    const out = join(folder.path, 'new', 'batch');
    const { exitCode, output, complaints } = await gamut([
      ...brief,
      '--model',
      flow,
      '--count',
      '3',
      '--out',
      out,
      '--json',
    ]);
    expect({ exitCode, complaints }).toEqual({
      exitCode: 0,
      complaints: [
        'flow-match-euler, 3 steps, on cpu; seed 5',
        ...[1, 2, 3].map((n) =>
          expect.stringMatching(new RegExp(`5-000${n - 1}\\.png {2}\\(${n} of 3, 0:0\\d left\\)$`)),
        ),
      ],
    });
    expect(JSON.parse(output)).toMatchObject({
      out,
      seed: 5,
      provider: { chosen: 'cpu' },
      images: [0, 1, 2].map((index) => ({ file: `5-000${index}.png`, index, width: 64, height: 64 })),
      failed: [],
      cost: { asked: 3, kept: 3, modelCalls: 2 + 3 + 1 },
    });
    expect(readdirSync(out).sort()).toEqual([
      ...[0, 1, 2].map((index) => `5-000${index}.png`),
      'contact-sheet.png',
      'manifest.csv',
      'manifest.json',
    ]);
    const manifest = JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8')) as { images: { record: unknown }[] };
    const { record } = await recordAndPixels(join(out, '5-0001.png'));
    expect(record).toMatchObject({ index: 1, settings: { prompt: 'a red vase', seed: 5, stepCount: 3, model: flow } });
    expect(manifest.images[1]?.record).toEqual(record);

    // --from repeats one image bit for bit, and only what other options change differs.
    const again = join(folder.path, 'again');
    await gamut(['generate', '--from', join(out, '5-0001.png'), '--out', again]);
    const repeated = await recordAndPixels(join(again, '5-0001.png'));
    expect(repeated.pixels).toEqual((await recordAndPixels(join(out, '5-0001.png'))).pixels);
    expect(repeated.record?.settings).toEqual({ ...record?.settings, count: 1 });
    const other = join(folder.path, 'other');
    await gamut(['generate', '--from', join(out, '5-0001.png'), '--prompt', 'a blue vase', '--out', other]);
    const changed = await recordAndPixels(join(other, '5-0001.png'));
    expect(changed.record?.settings).toEqual({ ...record?.settings, count: 1, prompt: 'a blue vase' });
    expect(changed.pixels).not.toEqual(repeated.pixels);

    // An image as the start of others.
    const varied = join(folder.path, 'varied');
    const start = ['--image', join(out, '5-0001.png'), '--strength', '0'];
    const kept = await gamut([...brief, '--model', flow, ...start, '--size', '32', '--count', '1', '--out', varied]);
    expect(kept.complaints[1]).toBe('The start image was scaled and cropped from 64x64 to 32x32.');
    expect((await recordAndPixels(join(varied, '5-0000.png'))).record).toMatchObject({ width: 32, height: 32 });
  });

  it('stops softly on an interrupt: 130, and what was finished is kept with its manifest', async () => {
    using folder = temporaryFolder();
    const out = join(folder.path, 'out');
    let told = 0;
    const { exitCode, complaints } = await gamut(
      [...brief, '--model', flow, '--count', '2000', '--batch-size', '2', '--out', out],
      {
        onComplaint: (text, signal) => {
          if (text.includes('.png') && told++ === 0) signal('SIGINT');
        },
      },
    );
    expect({ exitCode, last: complaints.at(-1) }).toEqual({ exitCode: 130, last: 'gamut: The work was stopped.' });
    const images = readdirSync(out).filter((name) => name.startsWith('5-'));
    const manifest = JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8')) as { images: unknown[] };
    expect(images.length).toBeGreaterThan(0);
    expect(manifest.images).toHaveLength(images.length);
    expect(readdirSync(out).filter((name) => name.startsWith('.'))).toEqual([]);
  });
});

describe('gamut generate with bad input says one line, exits with 2 and leaves nothing behind:', () => {
  /** Runs it and returns the last line; everything else that must hold is checked here. */
  async function refusal(args: readonly string[], out: string, model = flow): Promise<string> {
    const { exitCode, output, complaints } = await gamut([...brief, '--model', model, '--out', out, ...args]);
    expect({ exitCode, output, left: existsSync(out) }).toEqual({ exitCode: 2, output: '', left: false });
    expect(complaints).toHaveLength(1);
    return complaints[0] ?? '';
  }

  it.concurrent.each([
    ['a size of 0', ['--size', '0x0'], 'gamut: size: expected sides from 8 to 4096 pixels, got 0'],
    ['a size of 7', ['--size', '7x7'], 'gamut: size: expected sides from 8 to 4096 pixels, got 7'],
    ['a size of 100000', ['--size', '100000x64'], 'gamut: size: expected sides from 8 to 4096 pixels, got 100000'],
    ['a size that does not divide', ['--size', '100x64'], 'gamut: size: model flow expects multiples of 8, got 100x64'],
    [
      'an unknown sampler',
      ['--sampler', 'magic'],
      expect.stringMatching(
        /^error: option '--sampler <name>' argument 'magic' is invalid\. Allowed choices are ddpm, /,
      ),
    ],
    [
      'a prompt of ten thousand words',
      ['--prompt', 'vase '.repeat(10_000)],
      'gamut: prompt: expected at most 20000 characters, got 50000',
    ],
    [
      'a prompt of ten thousand short words',
      ['--prompt', new Array<string>(10_000).fill('a').join(' ')],
      'gamut: prompt: expected at most 2000 tokens, got 10000',
    ],
    [
      'a model that is not there',
      ['--model', 'stranger'],
      expect.stringMatching(/^gamut: model: expected a folder or one of .*, got "stranger"$/),
    ],
    [
      'a start image that is not there',
      ['--image', '/nowhere/a.png'],
      expect.stringMatching(/^gamut: image: expected an image file, got \/nowhere\/a\.png: /),
    ],
    [
      'a weight of 0',
      ['--density-weight', '0'],
      expect.stringMatching(/^error: option '--density-weight <number>' argument '0' is invalid\. Expected a number/),
    ],
    [
      'a percentile of 101',
      ['--density-threshold', '101'],
      expect.stringMatching(/Expected a number from 0 to 100, got "101"/),
    ],
    ['a dial of 2', ['--dial', '2'], expect.stringMatching(/Expected a number from -1 to 1, got "2"/)],
    ['a risk of 0.7', ['--prune-risk', '0.7'], expect.stringMatching(/Expected a number from 0\.000001 to 0\.5/)],
    [
      'an unknown provider',
      ['--provider', 'tpu'],
      'gamut: provider: expected one of dml, cuda, coreml, webgpu, cpu, got "tpu"',
    ],
  ])('%s', async (_, args, line) => {
    using folder = temporaryFolder();
    const env = args.includes('--provider') ? { GAMUT_PROVIDER: 'tpu' } : {};
    const out = join(folder.path, 'out');
    const { exitCode, output, complaints } = await gamut([...brief, '--model', flow, '--out', out, ...args], { env });
    expect({ exitCode, output, left: existsSync(out), complaints }).toEqual({
      exitCode: 2,
      output: '',
      left: false,
      complaints: [line],
    });
  });

  it.concurrent('a missing weight file', async () => {
    using folder = temporaryFolder();
    using copy = copiedPackage('optimum');
    rmSync(join(copy.path, 'vae_decoder/model.onnx'));
    expect(await refusal([], join(folder.path, 'out'), copy.path)).toBe(
      `gamut: model package ${copy.path}: expected the weight file vae_decoder/model.onnx, found none`,
    );
  });

  it.concurrent('a truncated weight file', async () => {
    using folder = temporaryFolder();
    using copy = copiedPackage('optimum');
    truncateSync(join(copy.path, 'unet/model.onnx_data'), 100);
    expect(await refusal([], join(folder.path, 'out'), copy.path)).toMatch(
      /^gamut: unet\/model\.onnx: weight "\w+": expected \d+ bytes in "model\.onnx_data", the file has 100 \(an unfinished download\?\)$/,
    );
  });

  it.concurrent('a package without a scheduler', async () => {
    using folder = temporaryFolder();
    using copy = copiedPackage('legacy');
    rmSync(join(copy.path, 'scheduler'), { recursive: true });
    expect(await refusal([], join(folder.path, 'out'), copy.path)).toBe(
      `gamut: model package ${copy.path}: expected scheduler/scheduler_config.json, found none`,
    );
  });

  it.concurrent('a file where the folder should be', async () => {
    using folder = temporaryFolder();
    const file = join(folder.path, 'file');
    writeFileSync(file, 'kept');
    const { exitCode, complaints } = await gamut([...brief, '--model', flow, '--out', join(file, 'out')]);
    expect({ exitCode, kept: readFileSync(file, 'utf8'), last: complaints.at(-1) }).toEqual({
      exitCode: 2,
      kept: 'kept',
      last: expect.stringMatching(/^gamut: expected a folder that can be written to at .*file\/out: /),
    });
    expect(complaints.filter((line) => line.startsWith('gamut:'))).toHaveLength(1);
  });

  /** A tmpfs and a read-only mount, seen by the one process only. */
  const canMount = spawnSync('unshare', ['-rm', 'true']).status === 0;

  it.runIf(canMount)('a full disk', async () => {
    using folder = temporaryFolder();
    const disk = join(folder.path, 'disk');
    mkdirSync(disk);
    const script = `mount -t tmpfs -o size=16k none ${disk} && "$@"; code=$?; ls -A ${disk} >&2; exit $code`;
    const { exitCode, complaints } = await gamut([...brief, '--model', flow, '--count', '40', '--out', disk], {
      wrapper: (command) => ['unshare', '-rm', 'sh', '-c', script, 'sh', ...command],
    });
    expect(exitCode).toBe(2);
    const at = complaints.findIndex((line) => line.startsWith('gamut:'));
    expect(complaints[at]).toMatch(/^gamut: The disk is full: ENOSPC/);
    // Whole images at most, nothing half written.
    for (const name of complaints.slice(at + 1)) expect(name).toMatch(/^5-\d{4}\.png$/);
  });

  it.runIf(canMount)('a read-only folder', async () => {
    using folder = temporaryFolder();
    const disk = join(folder.path, 'disk');
    mkdirSync(disk);
    const { exitCode, complaints } = await gamut([...brief, '--model', flow, '--out', disk], {
      wrapper: (command) => [
        'unshare',
        '-rm',
        'sh',
        '-c',
        `mount -t tmpfs -o ro none ${disk} && "$@"`,
        'sh',
        ...command,
      ],
    });
    expect({ exitCode, last: complaints.at(-1) }).toEqual({
      exitCode: 2,
      last: expect.stringMatching(/^gamut: No permission: EROFS/),
    });
  });
});
