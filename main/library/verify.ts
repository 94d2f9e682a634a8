import { readdir, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { toFailure } from '../contract/failures.ts';
import { libraryIdSchema, type VerifyReport } from '../contract/library.ts';
import { adoptFiles, type Adoption } from './adopt.ts';
import { positionOfFile } from './add-image.ts';
import { openDatabase } from './database.ts';
import { statOrNull, sweepUnfinished } from './files.ts';
import { readImageFile } from './image-file/read-image-file.ts';
import { libraryFolders, openLibrary, type Library, type LibraryFolders } from './library.ts';
import { adoptBatch, adoptMarks } from './read-sidecars.ts';
import { imagePath, settleMoves } from './trash.ts';

/** An unfinished file older than this is from a process that is gone. */
const leftoverAge = 60 * 60 * 1000;

export interface VerifyOptions {
  readonly repair: boolean;
  readonly now?: () => string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Compares a library's tables with its files, reading every file's checksums. With `repair`, a damaged database is set
 * aside and made anew from the folders, files without a row get one, rows without a file go, and files that cannot be read
 * are listed and left where they are.
 */
export async function verifyLibrary(home: string, options: VerifyOptions): Promise<VerifyReport> {
  const folders = libraryFolders(home);
  const complaints = databaseComplaints(folders);
  if (complaints.length > 0) {
    if (!options.repair) return emptyReport(complaints);
    await setAside(folders);
  }
  const library = await openLibrary(home, options.now);
  try {
    const report = await compare(library, options);
    return {
      ...report,
      databaseComplaints: complaints,
      whole: report.whole && (complaints.length === 0 || options.repair),
    };
  } finally {
    await library.close();
  }
}

/** What is wrong with the database file itself; a missing one is not wrong, it is empty. */
function databaseComplaints(folders: LibraryFolders): string[] {
  try {
    const database = openDatabase(folders.database);
    try {
      return database.complaints('full');
    } finally {
      database.close();
    }
  } catch (error) {
    const failure = toFailure(error);
    if (failure.code !== 'internal') throw failure;
    return [failure.message];
  }
}

function emptyReport(databaseComplaints: string[]): VerifyReport {
  return {
    images: 0,
    missingFiles: [],
    missingRows: [],
    brokenFiles: [],
    databaseComplaints,
    repaired: false,
    whole: false,
  };
}

/** The damaged database keeps its bytes under another name: somebody may want to look. */
async function setAside(folders: LibraryFolders): Promise<void> {
  const stamp = new Date()
    .toISOString()
    .replaceAll(/[^0-9]/g, '')
    .slice(0, 14);
  for (const suffix of ['', '-wal', '-shm']) {
    const path = `${folders.database}${suffix}`;
    if ((await statOrNull(path)) !== null)
      await rename(path, join(dirname(path), `library.damaged-${stamp}.sqlite${suffix}`));
  }
}

async function compare(library: Library, options: VerifyOptions): Promise<VerifyReport> {
  const batches = await batchesOnDisk(library);
  const missingRows: string[] = [];
  const brokenFiles: { file: string; reason: string }[] = [];
  const pairs: (() => void)[] = [];
  for (const batch of batches) {
    options.signal?.throwIfAborted();
    missingRows.push(...(await filesWithoutRow(library, batch)));
    if (!options.repair) continue;
    await adoptBatch(library, batch);
    const adoptions: Adoption[] = [];
    for (const trashed of [false, true])
      if ((await statOrNull(imagePath(library, batch, '', trashed))) !== null)
        adoptions.push(await adoptFiles(library, batch, trashed));
    pairs.push(
      await adoptMarks(
        library,
        batch,
        adoptions.flatMap(({ adopted }) => adopted),
      ),
    );
  }
  // Pairs may join two batches: only when all are there.
  for (const adoptPairs of pairs) adoptPairs();
  const missingFiles = await checkFiles(library, options, brokenFiles);
  if (options.repair) {
    await sweepUnfinished(library.folders.home, Date.now() - leftoverAge);
    await settleMoves(library);
    library.sidecars.behind(batches);
    library.sidecars.catchUp();
  }
  // Files without a row were not among the rows' files.
  for (const file of options.repair ? [] : missingRows) {
    const reason = await reasonBroken(file);
    if (reason !== null) brokenFiles.push({ file, reason });
  }
  const whole = options.repair || missingFiles.length + missingRows.length + brokenFiles.length === 0;
  return {
    images: Number(library.database.get('SELECT count(*) AS total FROM images')?.['total'] ?? 0),
    missingFiles,
    missingRows,
    brokenFiles,
    databaseComplaints: [],
    repaired: options.repair,
    whole: whole && brokenFiles.length === 0,
  };
}

async function batchesOnDisk(library: Library): Promise<string[]> {
  const found = new Set<string>();
  for (const folder of [library.folders.images, library.folders.trash])
    for (const entry of await readdir(folder, { withFileTypes: true }))
      if (entry.isDirectory() && libraryIdSchema.safeParse(entry.name).success) found.add(entry.name);
  // Names begin with the moment they were made, so rows come to be in the order of the work.
  return [...found].sort();
}

async function filesWithoutRow(library: Library, batch: string): Promise<string[]> {
  const known = new Set(
    library.database.all('SELECT file FROM images WHERE batch = ?', batch).map((row) => String(row['file'])),
  );
  const missing: string[] = [];
  for (const trashed of [false, true]) {
    const folder = imagePath(library, batch, '', trashed);
    if ((await statOrNull(folder)) === null) continue;
    for (const file of await readdir(folder))
      if (positionOfFile(file) !== null && !known.has(file)) missing.push(join(folder, file));
  }
  return missing;
}

/** Every row's file: is it where it should be, and whole? Gives those that are nowhere; with repair their rows go. */
async function checkFiles(
  library: Library,
  options: VerifyOptions,
  brokenFiles: { file: string; reason: string }[],
): Promise<string[]> {
  const missing: string[] = [];
  const rows = library.database.all('SELECT key, batch, file, deleted FROM images ORDER BY key');
  for (const [i, row] of rows.entries()) {
    options.signal?.throwIfAborted();
    options.onProgress?.(i, rows.length);
    const [batch, file, deleted] = [String(row['batch']), String(row['file']), row['deleted'] === 1];
    const path = imagePath(library, batch, file, deleted);
    if ((await statOrNull(path)) !== null) {
      const reason = await reasonBroken(path);
      if (reason !== null) brokenFiles.push({ file: path, reason });
      continue;
    }
    const elsewhere = (await statOrNull(imagePath(library, batch, file, !deleted))) !== null;
    if (!elsewhere) missing.push(path);
    if (options.repair) repairRow(library, Number(row['key']), elsewhere);
    else if (elsewhere) missing.push(path);
  }
  return missing;
}

function repairRow(library: Library, key: number, elsewhere: boolean): void {
  if (elsewhere) {
    library.database.run('UPDATE images SET moving = 1 WHERE key = ?', key);
    return;
  }
  library.database.transaction(() => {
    library.database.run('DELETE FROM image_words WHERE rowid = ?', key);
    library.database.run('DELETE FROM images WHERE key = ?', key);
  });
}

async function reasonBroken(path: string): Promise<string | null> {
  try {
    await readImageFile(await readFile(path));
    return null;
  } catch (error) {
    const failure = toFailure(error);
    if (failure.code !== 'bad-input') throw failure;
    return failure.message;
  }
}
