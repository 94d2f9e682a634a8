import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeImageFile } from '../../main/library/image-file/encode-image-file.ts';
import { openLibrary } from '../../main/library/library.ts';
import { flagImages, rateImages } from '../../main/library/marks.ts';
import { gamut, type CommandOutcome } from '../doubles/command-line.ts';
import { examplePixels, exampleRecord } from '../library/record.ts';
import { addExample } from '../library/temporary-library.ts';

let home: string;
let work: string;
beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), 'gamut-cli-library-'));
  home = join(work, 'home');
  mkdirSync(home);
  const library = await openLibrary(home);
  for (let i = 0; i < 3; i += 1) await addExample(library, i, { prompt: i === 0 ? 'oak chair' : 'tall vase' });
  await flagImages(library, ['batch-1-00001'], 'pick');
  await rateImages(library, ['batch-1-00001'], 4);
  await library.close();
});
afterAll(() => {
  rmSync(work, { recursive: true, force: true });
});

const run = (...args: readonly string[]): Promise<CommandOutcome> =>
  gamut(['library', ...args], { env: { GAMUT_HOME: home } });

describe('gamut library', () => {
  it('lists what a query finds', async () => {
    const plain = await run('list', '--words', 'vase');
    expect(plain).toMatchObject({ exitCode: 0, complaints: [] });
    expect(plain.output).toBe('batch-1-00002          tall vase\nbatch-1-00001  P ****  tall vase\n');
    const dated = await Promise.all([
      run('list', '--after', '2026-11', '--before', '2026-12', '--json'),
      run('list', '--before', '2026-11', '--json'),
    ]);
    const found = dated.map(({ output }) => (JSON.parse(output) as { images: unknown[] }).images.length);
    expect(found).toEqual([3, 0]);
    const { output } = await run('list', '--rating', '3', '--json');
    expect(JSON.parse(output)).toMatchObject({ images: [{ id: 'batch-1-00001', rating: 4, flag: 'pick' }] });
  });

  it('exports the picks unless asked otherwise, and overwrites nothing', async () => {
    const out = join(work, 'picks');
    const first = await run('export', '--out', out, '--json', '--format', 'webp', '--name', '{number}');
    expect(first.exitCode).toBe(0);
    expect(JSON.parse(first.output)).toMatchObject({
      path: out,
      files: ['0001.webp', 'contact-sheet.png', 'manifest.csv', 'manifest.json'],
    });
    const second = await run('export', '--out', out);
    expect(second).toMatchObject({ exitCode: 2, output: '', complaints: [expect.stringContaining('is taken')] });
    const zip = await run('export', '--out', join(work, 'chairs.zip'), '--zip', '--words', 'chair', '--no-manifest');
    expect(zip).toMatchObject({ exitCode: 0, output: `${join(work, 'chairs.zip')}\n` });
  });

  it('says in one line what is wrong, and leaves nothing behind', async () => {
    const out = join(work, 'nothing');
    for (const [args, complaint] of [
      [['export', '--out', out, '--words', 'zeppelin'], /expected images to export/],
      [['export', '--out', out, '--name', '../{seed}'], /without \/ or/],
      [['export', '--out', out, '--collection', 'none'], /expected one of the collections/],
      [['list', '--rating', '9'], /0 to 5/],
      [['list', '--after', '2026-02-30'], /Expected a year, a month or a day such as 2026-01-31, got "2026-02-30"/],
      [['list', '--before', 'May'], /Expected a year/],
      [['import', join(work, 'no such file')], /there is none/],
    ] as const) {
      const outcome = await run(...args);
      expect(outcome.exitCode).toBe(2);
      expect(outcome.complaints.at(-1)).toMatch(complaint);
    }
    expect(readdirSync(work).filter((name) => name.includes('nothing') || name.includes('unfinished'))).toEqual([]);
  });

  it('imports files and folders, tells known and unreadable ones apart', async () => {
    const folder = join(work, 'to import');
    mkdirSync(join(folder, 'deep'), { recursive: true });
    writeFileSync(join(folder, 'deep', 'new.png'), await encodeImageFile(examplePixels(77), exampleRecord()));
    writeFileSync(join(folder, 'known.png'), readFileSync(join(home, 'images', 'batch-1', '00001.png')));
    writeFileSync(join(folder, 'text.png'), 'no picture');
    const { exitCode, output } = await run('import', folder, '--json');
    expect(exitCode).toBe(0);
    expect(JSON.parse(output)).toMatchObject({
      imported: [{ file: join(folder, 'deep', 'new.png'), image: { origin: 'imported', prompt: 'tall matte vase' } }],
      known: [{ file: join(folder, 'known.png'), image: 'batch-1-00001' }],
      refused: [{ file: join(folder, 'text.png') }],
    });
  });

  it('verifies, and repairs with --repair', async () => {
    expect((await run('verify')).output).toMatch(/\d images, whole\n$/);
    truncateSync(join(home, 'library.sqlite'), 5000);
    const broken = await run('verify', '--json');
    expect(broken).toMatchObject({ exitCode: 1, complaints: [expect.stringContaining('--repair mends it')] });
    expect(JSON.parse(broken.output)).toMatchObject({ whole: false });
    expect((await run('list')).complaints.join()).toContain('library verify --repair');
    expect((await run('verify', '--repair')).output).toMatch(/4 images, whole, repaired\n$/);
    const { output } = await run('list', '--flag', 'pick', '--json');
    expect(JSON.parse(output)).toMatchObject({ images: [{ id: 'batch-1-00001', rating: 4 }] });
  });
});
