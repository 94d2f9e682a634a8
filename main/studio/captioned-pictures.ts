import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { Failure, toFailure } from '../contract/failures.ts';
import type { Picture } from '../engine/generation/generation-request.ts';
import { readImageFile } from '../library/image-file/read-image-file.ts';
import type { ModelPackage } from '../model-packages/package.ts';
import { readOptionalJson } from '../model-packages/read-json.ts';
import { picturesIn } from './encode-pictures.ts';
import { readPictureFile } from './workshop.ts';

/** A picture and the caption that belongs to it. */
export interface CaptionedPicture {
  readonly name: string;
  readonly caption: string;
  readonly read: () => Promise<Picture>;
}

/** The pictures that a model ships: one sheet of squares, row by row, and a caption a line. */
const cardSchema = z.looseObject({
  referenceSet: z.looseObject({
    captions: z.string(),
    pictures: z.looseObject({
      file: z.string(),
      count: z.int().positive(),
      columns: z.int().positive(),
      size: z.int().positive(),
    }),
  }),
});

/**
 * Pictures with captions: `reference` for those that the model ships, else a folder. A folder's captions are the lines of
 * its `captions.txt` (by file name), or else for each picture `<name>.txt` beside it, or the prompt of its own record.
 *
 * @throws Failure `bad-input` or `not-found`, naming the first picture without a caption
 */
export async function captionedPictures(
  from: string,
  modelPackage: ModelPackage,
  count: number,
): Promise<readonly CaptionedPicture[]> {
  if (from !== 'reference') return folderPictures(from, count);
  const shipped = await shippedPictures(modelPackage, count);
  if (shipped.length === 0)
    throw new Failure(
      'not-found',
      `images: model ${modelPackage.id} ships no pictures with captions; name a folder`,
      'images',
    );
  return shipped;
}

/** The first references' pictures that a model ships; none where it ships none. */
export async function shippedPictures({ folder }: ModelPackage, count: number): Promise<CaptionedPicture[]> {
  const parsed = cardSchema.safeParse(readOptionalJson(folder, 'gamut.json', z.looseObject({})) ?? {});
  if (!parsed.success) return [];
  const { captions, pictures } = parsed.data.referenceSet;
  const lines = await captionLines(join(folder, captions));
  const sheet = await readPictureFile(join(folder, pictures.file));
  return Array.from({ length: Math.min(count, pictures.count, lines.length) }, (_, at) => ({
    name: `reference ${at}`,
    caption: lines[at] ?? '',
    read: () => Promise.resolve(squareOf(sheet, at, pictures.columns, pictures.size)),
  }));
}

function squareOf({ width, pixels }: Picture, at: number, columns: number, size: number): Picture {
  const left = (at % columns) * size;
  const top = Math.floor(at / columns) * size;
  const square = new Uint8Array(3 * size * size);
  for (let y = 0; y < size; y++) {
    const from = 3 * ((top + y) * width + left);
    square.set(pixels.subarray(from, from + 3 * size), 3 * y * size);
  }
  return { width: size, height: size, pixels: square };
}

async function folderPictures(folder: string, count: number): Promise<CaptionedPicture[]> {
  const files = await picturesIn(folder).catch((error: unknown) => {
    throw new Failure('bad-input', `images: expected a folder of pictures: ${toFailure(error).message}`, 'images');
  });
  const list = join(folder, 'captions.txt');
  const lines = existsSync(list) ? await captionLines(list) : null;
  if (lines !== null && lines.length !== files.length)
    throw new Failure('bad-input', `${list}: expected ${files.length} lines, one a picture, got ${lines.length}`, list);
  const found: CaptionedPicture[] = [];
  for (const [at, file] of files.slice(0, count).entries()) {
    const caption = lines?.[at] ?? (await captionOf(file));
    found.push({ name: basename(file), caption, read: () => readPictureFile(file) });
  }
  return found;
}

async function captionLines(path: string): Promise<string[]> {
  return (await readFile(path, 'utf8')).split('\n').flatMap((line) => (line.trim() === '' ? [] : [line.trim()]));
}

async function captionOf(file: string): Promise<string> {
  const text = file.replace(/\.\w+$/, '.txt');
  if (existsSync(text)) return (await readFile(text, 'utf8')).trim();
  const { record } = await readImageFile(await readFile(file)).catch((error: unknown) => {
    throw new Failure('bad-input', `${file}: ${toFailure(error).message}`, file);
  });
  if (record === null)
    throw new Failure(
      'bad-input',
      `${file}: expected a caption in captions.txt, in ${basename(text)} or in the picture's own record, found none`,
      file,
    );
  return record.settings.prompt;
}
