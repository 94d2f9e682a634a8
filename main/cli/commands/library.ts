import { resolve } from 'node:path';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { beginningOf, momentBefore } from '../../contract/days.ts';
import { Failure } from '../../contract/failures.ts';
import {
  librarySorts,
  type ExportRequestInput,
  type ImageSummary,
  type ImportEvent,
  type LibraryQuery,
  type VerifyReport,
} from '../../contract/library.ts';
import {
  encodeWholeLibrary,
  exportLibrary,
  importIntoLibrary,
  listLibrary,
  verifyWholeLibrary,
  type NamedQuery,
} from '../../studio/library-actions.ts';
import { defaultModel } from '../../studio/models.ts';
import { openWorkshop } from '../../studio/workshop.ts';
import { interruptible } from '../interruption.ts';
import { counted, nonEmptyPath, wholeNumber } from '../numbers.ts';
import { ProgressLine, withTimeLeft } from '../progress.ts';
import type { Register } from './register.ts';

interface QueryOptions {
  readonly words?: string;
  readonly after?: string;
  readonly before?: string;
  readonly tag?: string[];
  readonly collection?: string;
  readonly flag?: 'pick' | 'reject' | 'none';
  readonly rating?: number;
  readonly batch?: string;
  readonly rejected?: boolean;
  readonly trash?: boolean;
  readonly sort?: LibraryQuery['sort'];
  readonly json?: boolean;
}

export const library: Register = (program) => {
  const command = program.command('library').description('the gallery: list, export, import, encode, verify');
  registerList(command);
  registerExport(command);
  registerImport(command);
  registerEncode(command);
  registerVerify(command);
};

/** The beginning of a day, month or year. */
function dayOf(text: string): string {
  const moment = beginningOf(text);
  if (moment === null)
    throw new InvalidArgumentError(`Expected a year, a month or a day such as 2026-01-31, got "${text}".`);
  return moment;
}

/** What both listing and exporting narrow by. */
function withQuery(command: Command): Command {
  return command
    .option('--words <text>', 'words of prompt, tags and model; -word excludes')
    .option('--after <date>', 'made on this day or later: a year, a month or a day, e.g. 2026-01-31', dayOf)
    .option('--before <date>', 'made before this day', dayOf)
    .option('--tag <tag...>', 'all of these tags')
    .option('--collection <name>', 'images of this collection')
    .addOption(new Option('--flag <flag>', 'how they were judged').choices(['pick', 'reject', 'none']))
    .option('--rating <stars>', 'this many stars or more', wholeNumber(0, 5))
    .option('--batch <id>', 'images of one batch')
    .option('--rejected', 'candidates that reweighting rejected, instead of kept ones')
    .option('--trash', 'images in the trash')
    .addOption(new Option('--sort <order>', 'newest first unless given').choices(librarySorts))
    .option('--json', 'one JSON document');
}

function queryOf(options: QueryOptions): NamedQuery {
  return {
    words: options.words ?? '',
    createdFrom: options.after ?? null,
    createdTo: options.before === undefined ? null : momentBefore(options.before),
    tags: options.tag ?? [],
    flags: options.flag === undefined ? [] : [options.flag],
    rating: options.rating === undefined ? null : { low: options.rating, high: null },
    batch: options.batch ?? null,
    candidates: options.rejected === true ? 'rejected' : 'kept',
    deleted: options.trash ?? false,
    sort: options.sort ?? 'newest',
    ...(options.collection !== undefined && { collectionName: options.collection }),
  };
}

function registerList(command: Command): void {
  withQuery(command.command('list').description('images of the library'))
    .option('--limit <number>', 'at most this many', wholeNumber(1, 1_000_000), 100)
    .action(async (options: QueryOptions & { readonly limit: number }) => {
      const images = await listLibrary(queryOf(options), options.limit);
      if (options.json === true) process.stdout.write(`${JSON.stringify({ images })}\n`);
      else for (const image of images) process.stdout.write(`${lineOf(image)}\n`);
    });
}

function lineOf({ id, flag, rating, prompt }: ImageSummary): string {
  const mark = flag === 'pick' ? 'P' : flag === 'reject' ? 'X' : ' ';
  return `${id}  ${mark} ${'*'.repeat(rating).padEnd(5)} ${prompt.replaceAll(/\s+/g, ' ').slice(0, 80)}`.trimEnd();
}

interface ExportOptions extends QueryOptions {
  readonly out: string;
  readonly zip?: boolean;
  readonly format?: ExportRequestInput['format'];
  readonly quality?: number;
  readonly name?: string;
  readonly contactSheet: boolean;
  readonly pdf?: boolean;
  readonly theme?: 'dark' | 'light';
  readonly manifest: boolean;
}

function registerExport(command: Command): void {
  withQuery(
    command.command('export').description('write images with contact sheet and manifest; picks unless asked otherwise'),
  )
    .requiredOption('--out <path>', 'a folder that is new or empty, or a new file with --zip', nonEmptyPath)
    .option('--zip', 'one ZIP instead of a folder')
    .addOption(new Option('--format <name>', 'png unless given').choices(['png', 'jpeg', 'webp']))
    .option('--quality <number>', 'of JPEG and WebP', wholeNumber(1, 100))
    .option('--name <template>', 'e.g. "{prompt} {seed}-{index}"; also {number} {date} {model} {rating} {batch} {flag}')
    .option('--no-contact-sheet', 'leave out contact-sheet.png')
    .option('--pdf', 'a contact sheet as PDF too')
    .addOption(new Option('--theme <name>', 'of the contact sheet').choices(['dark', 'light']))
    .option('--no-manifest', 'leave out manifest.json and manifest.csv')
    .action(async (options: ExportOptions) => {
      const request = {
        to: options.zip === true ? 'zip' : 'folder',
        contactSheet: { png: options.contactSheet, pdf: options.pdf ?? false, theme: options.theme ?? 'light' },
        manifest: options.manifest,
        ...(options.format !== undefined && { format: options.format }),
        ...(options.quality !== undefined && { quality: options.quality }),
        ...(options.name !== undefined && { nameTemplate: options.name }),
      } as const;
      const progress = new ProgressLine();
      for await (const event of exportLibrary(exportedQuery(options), request, resolve(options.out), interruptible())) {
        if (event.kind === 'progress') {
          progress.update(`${event.done} of ${event.total}: ${event.file}`);
          continue;
        }
        progress.line(`${event.files.length} files, ${(event.bytes / 2 ** 20).toFixed(1)} MB`);
        const { path, files, bytes } = event;
        process.stdout.write(options.json === true ? `${JSON.stringify({ path, files, bytes })}\n` : `${path}\n`);
      }
    });
}

/** Without any choice the picks are meant: a whole library is not exported by a slip. */
function exportedQuery(options: QueryOptions): NamedQuery {
  const { words, after, before, tag, collection, flag, rating, batch } = options;
  const chosen = [words, after, before, tag, collection, flag, rating, batch].some((choice) => choice !== undefined);
  return queryOf(chosen ? options : { ...options, flag: 'pick' });
}

function registerImport(command: Command): void {
  command
    .command('import')
    .description('take PNG, JPEG and WebP files, and those in folders, into the library')
    .argument('<path...>', 'files and folders')
    .option('--json', 'one JSON document')
    .action(async (paths: string[], { json }: { readonly json?: boolean }) => {
      const events: ImportEvent[] = [];
      const absolute = paths.map((path) => resolve(path));
      for await (const event of importIntoLibrary(absolute, interruptible())) {
        events.push(event);
        if (json !== true) tellImport(event);
      }
      if (json === true) process.stdout.write(`${JSON.stringify(importDocument(events))}\n`);
      const done = events.at(-1);
      if (done?.kind === 'done' && done.imported + done.known === 0)
        throw new Failure('bad-input', `expected pictures, none of ${done.refused} files is one`);
    });
}

function tellImport(event: ImportEvent): void {
  switch (event.kind) {
    case 'imported':
      process.stdout.write(`${event.image.id}  ${event.file}\n`);
      break;
    case 'known':
      process.stderr.write(`${event.file}: in the library already, as ${event.image}\n`);
      break;
    case 'refused':
      process.stderr.write(`${event.file}: ${event.reason}\n`);
      break;
    case 'done':
      process.stderr.write(`${event.imported} imported, ${event.known} known, ${event.refused} refused\n`);
      break;
  }
}

function importDocument(events: readonly ImportEvent[]): unknown {
  return {
    imported: events.filter((event) => event.kind === 'imported').map(({ file, image }) => ({ file, image })),
    known: events.filter((event) => event.kind === 'known').map(({ file, image }) => ({ file, image })),
    refused: events.filter((event) => event.kind === 'refused').map(({ file, reason }) => ({ file, reason })),
  };
}

function registerEncode(command: Command): void {
  command
    .command('encode')
    .description("compute the features that likeness goes by, of images that have none of the model's encoder")
    .option('--model <id|dir>', 'the built-in one when absent')
    .option('--json', 'one JSON document')
    .action(async ({ model, json }: { readonly model?: string; readonly json?: boolean }) => {
      using workshop = openWorkshop();
      const chosen = model ?? defaultModel(workshop.folders);
      const progress = new ProgressLine();
      const skipped: { readonly image: string; readonly reason: string }[] = [];
      let done = 0;
      try {
        for await (const event of encodeWholeLibrary(chosen, workshop, interruptible())) {
          if (event.kind === 'progress') {
            done = event.done;
            progress.update(withTimeLeft(`${done} of ${counted(event.all, 'image')}`, event.secondsLeft));
          } else if (event.kind === 'skipped') {
            skipped.push({ image: event.image, reason: event.reason });
            progress.line(`${event.image}: ${event.reason}`);
          } else {
            progress.clear();
            const { features, encoded } = event;
            process.stdout.write(
              json === true
                ? `${JSON.stringify({ model: chosen, features, encoded, skipped })}\n`
                : `${counted(encoded, 'image')} encoded (${features}), ${skipped.length} skipped\n`,
            );
          }
        }
      } catch (error) {
        progress.clear();
        if (done > 0) progress.line(`ended after ${counted(done, 'image')}; the same command goes on with the rest`);
        throw error;
      }
    });
}

function registerVerify(command: Command): void {
  command
    .command('verify')
    .description('compare the database with the images, reading every file')
    .option('--repair', 'mend what can be mended; a damaged database is set aside and rebuilt from the images')
    .option('--json', 'one JSON document')
    .action(async ({ repair, json }: { readonly repair?: boolean; readonly json?: boolean }) => {
      const progress = new ProgressLine();
      const report = await verifyWholeLibrary({
        repair: repair ?? false,
        signal: interruptible(),
        onProgress: (done, total) => {
          progress.update(`${done} of ${total} images`);
        },
      });
      if (json === true) process.stdout.write(`${JSON.stringify(report)}\n`);
      else for (const line of reportLines(report)) process.stdout.write(`${line}\n`);
      if (!report.whole)
        throw new Failure(
          'internal',
          report.repaired
            ? 'the library holds files that cannot be mended'
            : 'the library is not whole; --repair mends it',
        );
    });
}

function reportLines(report: VerifyReport): string[] {
  return [
    ...report.databaseComplaints.map((line) => `database: ${line}`),
    ...report.missingFiles.map((file) => `no file: ${file}`),
    ...report.missingRows.map((file) => `no row: ${file}`),
    ...report.brokenFiles.map(({ file, reason }) => `broken: ${file}: ${reason}`),
    `${report.images} images, ${report.whole ? 'whole' : 'not whole'}${report.repaired ? ', repaired' : ''}`,
  ];
}
