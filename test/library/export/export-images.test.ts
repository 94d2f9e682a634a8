import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  exportRequestSchema,
  type ExportEvent,
  type ExportRequestInput,
  type ImageSummary,
} from '../../../main/contract/library.ts';
import { exportImages, type ExportTarget } from '../../../main/library/export/export-images.ts';
import { fileNames, safeName } from '../../../main/library/export/file-names.ts';
import { importPicture } from '../../../main/library/import-files.ts';
import { readImageFile } from '../../../main/library/image-file/read-image-file.ts';
import { textChunk, readPngChunks, writePngChunks } from '../../../main/library/image-file/png-chunks.ts';
import type { Library } from '../../../main/library/library.ts';
import { rateImages } from '../../../main/library/marks.ts';
import { pictureBytes } from '../../../main/library/picture-files.ts';
import { addExample, temporaryLibrary } from '../temporary-library.ts';

let library: Library;
let remove: () => Promise<void>;
let place: string;
const images: ImageSummary[] = [];
beforeEach(async () => {
  ({ library, remove } = await temporaryLibrary());
  place = mkdtempSync(join(tmpdir(), 'gamut-export-'));
  images.length = 0;
  for (let i = 0; i < 3; i += 1) images.push(await addExample(library, i, { prompt: 'tall vase' }));
});
afterEach(async () => {
  await remove();
  rmSync(place, { recursive: true, force: true });
});

const ids = (): string[] => images.map(({ id }) => id);

async function run(
  request: Omit<ExportRequestInput, 'images'> & { images?: string[] },
  target: ExportTarget = { inside: place },
  signal?: AbortSignal,
): Promise<ExportEvent[]> {
  return Array.fromAsync(
    exportImages(library, exportRequestSchema.parse({ images: ids(), ...request }), target, signal),
  );
}

function doneOf(events: readonly ExportEvent[]): Extract<ExportEvent, { kind: 'done' }> {
  const last = events.at(-1);
  if (last?.kind !== 'done') throw new Error('the export did not end');
  return last;
}

describe('an export', () => {
  it('is a folder of the pictures as they are, with sheet and manifest', async () => {
    await rateImages(library, ids().slice(0, 1), 4);
    const events = await run({ contactSheet: { png: true, pdf: true } });
    expect(events.slice(0, -1)).toEqual(
      ids().map((_, i) => ({ kind: 'progress', done: i + 1, total: 3, file: `tall vase 7-000${i}.png` })),
    );
    const { path, files, bytes } = doneOf(events);
    expect(readdirSync(place)).toEqual(['Gamut 2026-11-23']);
    expect(readdirSync(path).sort()).toEqual(files);
    expect(files).toEqual([
      'contact-sheet.pdf',
      'contact-sheet.png',
      'manifest.csv',
      'manifest.json',
      'tall vase 7-0000.png',
      'tall vase 7-0001.png',
      'tall vase 7-0002.png',
    ]);
    expect(bytes).toBe(files.reduce((sum, file) => sum + readFileSync(join(path, file)).length, 0));
    expect(readFileSync(join(path, 'tall vase 7-0001.png')).equals(await pictureBytes(library, ids()[1] ?? ''))).toBe(
      true,
    );
    const manifest: unknown = JSON.parse(readFileSync(join(path, 'manifest.json'), 'utf8'));
    expect(manifest).toMatchObject({
      gamutManifest: 1,
      images: [{ file: 'tall vase 7-0000.png', rating: 4, record: { settings: { seed: 7 } } }, {}, {}],
    });
  });

  it.each(['jpeg', 'webp'] as const)('as %s keeps the settings inside', async (format) => {
    const { path } = doneOf(await run({ format, manifest: false, contactSheet: { png: false } }));
    const [file = ''] = readdirSync(path);
    expect(file).toBe(`tall vase 7-0000.${format === 'jpeg' ? 'jpg' : 'webp'}`);
    const back = await readImageFile(readFileSync(join(path, file)));
    expect(back).toMatchObject({ format, record: { settings: { seed: 7 } } });
  });

  it('keeps another program’s settings too', async () => {
    const plain = await sharp({ create: { width: 8, height: 8, channels: 3, background: '#345' } })
      .png()
      .toBuffer();
    const [header, ...rest] = readPngChunks(plain);
    if (header === undefined) throw new Error('no header');
    const parameters = textChunk('parameters', 'oak chair 花\nSteps: 9, CFG scale: 2, Seed: 3');
    const imported = await importPicture(library, writePngChunks([header, parameters, ...rest]));
    const { path } = doneOf(
      await run({ images: [imported.id], format: 'jpeg', manifest: false, contactSheet: { png: false } }),
    );
    const back = await readImageFile(readFileSync(join(path, 'oak chair 花 3-0000.jpg')));
    expect(back.foreign?.settings).toMatchObject({ prompt: 'oak chair 花', stepCount: 9 });
  });

  it('as ZIP unpacks to the same files under one folder', async () => {
    const { path } = doneOf(await run({ to: 'zip' }));
    expect(readdirSync(place)).toEqual(['Gamut 2026-11-23.zip']);
    const unpacked = join(place, 'unpacked');
    // Python's own reader of ZIP, where there is one, is not ours.
    const hasPython = trial(() => execFileSync('python3', ['-c', 'import zipfile']));
    if (hasPython) {
      execFileSync('python3', ['-m', 'zipfile', '-e', path, unpacked]);
      const folder = join(unpacked, 'Gamut 2026-11-23');
      expect(
        readFileSync(join(folder, 'tall vase 7-0002.png')).equals(await pictureBytes(library, ids()[2] ?? '')),
      ).toBe(true);
    }
    const bytes = readFileSync(path);
    expect(bytes.toString('latin1', 0, 2)).toBe('PK');
    expect(bytes.toString('latin1')).toContain('Gamut 2026-11-23/manifest.json');
  });

  it('never overwrites: a second one gets a number, a taken path is refused', async () => {
    await run({ contactSheet: { png: false } });
    await run({ contactSheet: { png: false } });
    expect(readdirSync(place)).toEqual(['Gamut 2026-11-23', 'Gamut 2026-11-23 (2)']);
    const own = join(place, 'own');
    mkdirSync(own);
    expect(doneOf(await run({}, { at: own })).path).toBe(own);
    await expect(run({}, { at: own })).rejects.toMatchObject({ code: 'bad-input' });
    writeFileSync(join(place, 'own.zip'), 'mine');
    await expect(run({ to: 'zip' }, { at: join(place, 'own') })).rejects.toMatchObject({ code: 'bad-input' });
    expect(readFileSync(join(place, 'own.zip'), 'utf8')).toBe('mine');
  });

  it('that is stopped or fails leaves nothing', async () => {
    const stop = new AbortController();
    const request = exportRequestSchema.parse({ images: ids() });
    const events = exportImages(library, request, { inside: place }, stop.signal);
    await events.next();
    expect(readdirSync(place).every((name) => name.endsWith('.gamut-unfinished'))).toBe(true);
    stop.abort();
    await expect(Array.fromAsync(events)).rejects.toMatchObject({ code: 'interrupted' });
    expect(readdirSync(place)).toEqual([]);
    await expect(run({ images: [...ids(), 'nothing-1'] })).rejects.toMatchObject({ code: 'not-found' });
    rmSync(join(library.folders.images, 'batch-1', '00002.png'));
    await expect(run({})).rejects.toMatchObject({ code: 'not-found' });
    expect(readdirSync(place)).toEqual([]);
  });

  it('whose reader goes away cleans up', async () => {
    const request = exportRequestSchema.parse({ images: ids() });
    for await (const _ of exportImages(library, request, { inside: place })) break;
    expect(readdirSync(place)).toEqual([]);
  });
});

function trial(work: () => unknown): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}

describe('names of exported files', () => {
  const [image] = [
    {
      id: 'batch-1-00000',
      batch: 'batch-1',
      index: 5,
      createdAt: '2026-11-23T00:00:00Z',
      prompt: 'a/b: "c" <d>\n|?*\\ ..',
      model: 'own/../model',
      seed: 7,
      rating: 3,
      flag: 'pick',
    } as ImageSummary,
  ];

  it('come from the template', () => {
    const name = fileNames('{number} {date} {rating} {flag} {seed} {index} {batch}');
    expect(name(image, 12, 'png')).toBe('0012 2026-11-23 3 pick 7 0005 batch-1.png');
  });

  it('are numbered where they meet, capitals apart or not', () => {
    const name = fileNames('{model}', ['A.png']);
    expect([name({ ...image, model: 'a' }, 1, 'png'), name({ ...image, model: 'A' }, 2, 'png')]).toEqual([
      'a (2).png',
      'A (3).png',
    ]);
  });

  it('refuse templates with paths or unknown words', () => {
    for (const template of ['../{seed}', 'a\\b', '{secret}', '{constructor}', '{prompt'.repeat(1) + '/x}'])
      expect(() => fileNames(template)).toThrow(expect.objectContaining({ code: 'bad-input' }));
  });

  it.each([
    ['CON', '_CON'],
    ['lpt1.txt', '_lpt1.txt'],
    ['...', 'image'],
    ['.hidden', 'hidden'],
    ['ends. ', 'ends'],
    ['a/../b', 'a-..-b'],
    ['\u202egnp.exe', '-gnp.exe'],
  ])('makes %j %j', (text, name) => {
    expect(safeName(text)).toBe(name);
  });

  it('cut long prompts at a word, and anything at what disks allow', () => {
    const long = fileNames('{prompt}')({ ...image, prompt: 'tall vase '.repeat(40) }, 1, 'png');
    expect(long).toMatch(/^(tall vase )+tall( vase)?\.png$/);
    expect(long.length).toBeLessThan(70);
    expect(Buffer.byteLength(safeName('花'.repeat(500)))).toBeLessThanOrEqual(200);
  });

  it('stay inside the folder for any prompt (property)', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (prompt) => {
        const name = fileNames('{prompt}')({ ...image, prompt }, 1, 'png');
        const inside = join(place, name);
        writeFileSync(inside, 'x');
        expect(readdirSync(place)).toHaveLength(1);
        expect(existsSync(inside)).toBe(true);
        rmSync(inside);
      }),
    );
  });
});
