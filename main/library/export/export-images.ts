import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Failure, toFailure } from '../../contract/failures.ts';
import type { ExportEvent, ExportRequest, ImageSummary } from '../../contract/library.ts';
import { contactSheetPdf } from '../contact-sheet-pdf.ts';
import { contactSheetName, contactSheetPages, type ContactSheet } from '../contact-sheet.ts';
import { ensureWritableFolder, statOrNull, writeFileAtomically } from '../files.ts';
import { imageSummaries } from '../image-rows.ts';
import type { Library } from '../library.ts';
import { manifestCsv, manifestJson, type ManifestImage } from '../manifest.ts';
import { imageDetail, pictureBytes } from '../picture-files.ts';
import { convertedImage, extensionOf } from './converted-image.ts';
import { fileNames } from './file-names.ts';
import { zipFolder } from './zip-folder.ts';

/** Where an export goes: under a new name inside a folder, or to a path that is free. */
export type ExportTarget = { readonly inside: string } | { readonly at: string };

const unfinished = /^\..*\.gamut-unfinished$/;
const leftoverAge = 60 * 60 * 1000;

/**
 * Writes images with contact sheet and manifest as a folder or a ZIP. Everything is made beside the final name, which
 * appears only when all is there; nothing that exists is overwritten. An export that fails or is stopped leaves nothing.
 * @throws Failure not-found for an unknown image; bad-input for the template or a target that is taken; disk-full;
 *   not-writable; interrupted.
 */
export async function* exportImages(
  library: Library,
  request: ExportRequest,
  target: ExportTarget,
  signal?: AbortSignal,
): AsyncGenerator<ExportEvent, void, void> {
  const images = imageSummaries(library, request.images);
  const nameOf = fileNames(request.nameTemplate, ['manifest.json', 'manifest.csv', 'contact-sheet.pdf']);
  const final = await finalPath(library, request, target);
  const staging = join(dirname(final), `.gamut-export.${randomUUID()}.gamut-unfinished`);
  try {
    await ensureWritableFolder(dirname(final));
    await sweepLeftovers(dirname(final));
    await mkdir(staging);
    const written: { readonly image: ImageSummary; readonly file: string }[] = [];
    for (const [i, image] of images.entries()) {
      if (signal?.aborted === true) throw new Failure('interrupted', 'The export was stopped.');
      const file = nameOf(image, i + 1, extensionOf(request.format));
      await writeFileAtomically(
        join(staging, file),
        await convertedImage(await pictureBytes(library, image.id), request),
      );
      written.push({ image, file });
      yield { kind: 'progress', done: i + 1, total: images.length, file };
    }
    await writeSheets(library, request, written, staging, signal);
    if (request.manifest) await writeManifest(library, written, staging);
    const files = (await readdir(staging)).sort();
    await publish(request, staging, final, signal);
    yield { kind: 'done', path: final, files, bytes: await sizeOf(final, request.to === 'zip' ? [] : files) };
  } catch (error) {
    throw toFailure(error);
  } finally {
    await rm(staging, { recursive: true, force: true });
    await rm(`${staging}.zip`, { force: true });
  }
}

async function finalPath(library: Library, request: ExportRequest, target: ExportTarget): Promise<string> {
  const suffix = request.to === 'zip' ? '.zip' : '';
  if ('at' in target) {
    const path = request.to === 'zip' && !/\.zip$/i.test(target.at) ? `${target.at}.zip` : target.at;
    const there = await statOrNull(path);
    const isFree =
      there === null || (request.to === 'folder' && there.isDirectory() && (await readdir(path)).length === 0);
    if (!isFree)
      throw new Failure(
        'bad-input',
        `expected a new ${suffix === '' ? 'or empty folder' : 'file'}, ${path} is taken`,
        path,
      );
    return path;
  }
  const day = library.now().slice(0, 10);
  for (let number = 1; ; number += 1) {
    const path = join(target.inside, `Gamut ${day}${number === 1 ? '' : ` (${number})`}${suffix}`);
    if ((await statOrNull(path)) === null) return path;
  }
}

/** The one moment at which the export appears. */
async function publish(request: ExportRequest, staging: string, final: string, signal?: AbortSignal): Promise<void> {
  if (request.to === 'folder') {
    // Renaming over an empty folder works on Linux only.
    if ((await statOrNull(final)) !== null) await rmdir(final);
    await rename(staging, final);
    return;
  }
  const packed = `${staging}.zip`;
  await zipFolder(staging, packed, basename(final).replace(/\.zip$/i, ''), signal);
  if ((await statOrNull(final)) !== null)
    throw new Failure('bad-input', `expected a new file, ${final} is taken`, final);
  await rename(packed, final);
}

type Written = readonly { readonly image: ImageSummary; readonly file: string }[];

async function writeSheets(
  library: Library,
  request: ExportRequest,
  written: Written,
  staging: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { png, pdf, theme, title } = request.contactSheet;
  const prompts = new Set(written.map(({ image }) => image.prompt));
  const [onlyPrompt] = prompts.size === 1 ? prompts : [''];
  const sheet: ContactSheet = {
    title: title !== '' ? title : onlyPrompt !== undefined && onlyPrompt !== '' ? onlyPrompt : 'Picks',
    subtitle: `${written.length} images · ${library.now().slice(0, 10)}`,
    theme,
    images: written.map(({ image, file }) => ({
      load: () => pictureBytes(library, image.id),
      lines: linesOf(image, file),
    })),
  };
  let page = 0;
  if (png)
    for await (const bytes of contactSheetPages(sheet, signal)) {
      await writeFileAtomically(await freeName(staging, contactSheetName(page)), bytes);
      page += 1;
    }
  if (pdf)
    await writeFileAtomically(join(staging, 'contact-sheet.pdf'), await contactSheetPdf(sheet, library.now(), signal));
}

/** An image whose template gave it the sheet's name keeps it. */
async function freeName(folder: string, name: string): Promise<string> {
  for (let number = 1; ; number += 1) {
    const path = join(folder, number === 1 ? name : name.replace(/\.png$/, ` (${number}).png`));
    if ((await statOrNull(path)) === null) return path;
  }
}

function linesOf(image: ImageSummary, file: string): string[] {
  const stars = image.rating === 0 ? '' : `${'★'.repeat(image.rating)}${'☆'.repeat(5 - image.rating)}`;
  const { densityPercentile, textImageScore } = image.scores;
  return [
    file,
    [stars, image.seed === null ? '' : `seed ${image.seed} · ${image.index}`].filter((part) => part !== '').join('  '),
    [
      densityPercentile === null ? '' : `percentile ${densityPercentile.toFixed(0)}`,
      textImageScore === null ? '' : `text match ${textImageScore.toFixed(2)}`,
    ]
      .filter((part) => part !== '')
      .join(' · '),
  ];
}

async function writeManifest(library: Library, written: Written, staging: string): Promise<void> {
  const images = written.map(({ image, file }): ManifestImage => {
    const { record } = imageDetail(library, image.id);
    return { file, record, flag: image.flag, rating: image.rating, tags: image.tags };
  });
  const batches = new Set(written.map(({ image }) => image.batch));
  const manifest = { batch: [...batches].join(' '), images, measures: [], cost: null };
  await writeFileAtomically(join(staging, 'manifest.json'), manifestJson(manifest));
  await writeFileAtomically(join(staging, 'manifest.csv'), manifestCsv(manifest));
}

async function sizeOf(path: string, files: readonly string[]): Promise<number> {
  const paths = files.length === 0 ? [path] : files.map((file) => join(path, file));
  const sizes = await Promise.all(paths.map(async (each) => (await stat(each)).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Removes what killed exports left in this place. */
async function sweepLeftovers(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (!entry.name.startsWith('.gamut-export.') || !unfinished.test(entry.name.replace(/\.zip$/, ''))) continue;
    const path = join(folder, entry.name);
    const found = await statOrNull(path);
    if (found !== null && Date.now() - found.mtimeMs > leftoverAge) await rm(path, { recursive: true, force: true });
  }
}
