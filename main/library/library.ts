import { homedir } from 'node:os';
import { join } from 'node:path';
import { openDatabase, type Database } from './database.ts';
import { ensureWritableFolder, sweepUnfinished } from './files.ts';
import { createSidecars, type Sidecars } from './sidecars.ts';
import { adoptArrivals } from './adopt.ts';
import { settleMoves } from './trash.ts';

/** Where a library keeps its parts. */
export interface LibraryFolders {
  readonly home: string;
  readonly images: string;
  readonly trash: string;
  readonly cache: string;
  readonly exports: string;
  readonly presets: string;
  readonly database: string;
}

/** An open library: files, tables, and the second copy of what people said about the images. */
export interface Library {
  readonly folders: LibraryFolders;
  readonly database: Database;
  readonly sidecars: Sidecars;
  /** The moment, as ISO 8601; passed in so that tests decide. */
  readonly now: () => string;
  readonly close: () => Promise<void>;
}

/** GAMUT_HOME, or the platform's place for an application's data. */
export function defaultHome(environment: NodeJS.ProcessEnv = process.env, platform: string = process.platform): string {
  const own = environment['GAMUT_HOME'];
  if (own !== undefined && own !== '') return own;
  if (platform === 'win32') return join(environment['LOCALAPPDATA'] ?? join(homedir(), 'AppData', 'Local'), 'Gamut');
  if (platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'Gamut');
  return join(environment['XDG_DATA_HOME'] ?? join(homedir(), '.local', 'share'), 'gamut');
}

export function libraryFolders(home: string): LibraryFolders {
  return {
    home,
    images: join(home, 'images'),
    trash: join(home, 'trash'),
    cache: join(home, 'cache'),
    exports: join(home, 'exports'),
    presets: join(home, 'presets'),
    database: join(home, 'library.sqlite'),
  };
}

/** Older than this, an unfinished file is from a process that is gone. */
const sweepAge = 60 * 60 * 1000;

/**
 * Opens the library in `home`, making it where there is none, and settles what a kill left open: files that had arrived
 * without a row, files between two folders, marks not yet written beside the images.
 * @param checkpoint see `openDatabase`
 * @throws Failure not-writable, disk-full, or internal with the way out when the database is damaged.
 */
export async function openLibrary(
  home: string,
  now: () => string = () => new Date().toISOString(),
  checkpoint?: string,
): Promise<Library> {
  const folders = libraryFolders(home);
  for (const folder of [folders.images, folders.trash, folders.cache, folders.presets])
    await ensureWritableFolder(folder);
  const database = openDatabase(folders.database, checkpoint);
  const sidecars = createSidecars(folders, database);
  const library: Library = {
    folders,
    database,
    sidecars,
    now,
    close: async () => {
      await sidecars.settle();
      database.close();
    },
  };
  try {
    // That it was not closed yet is what a power cut must not take.
    await database.durable();
    await settleMoves(library);
    await adoptArrivals(library);
    sidecars.catchUp();
    await sweepUnfinished(folders.presets, Date.now() - sweepAge);
    return library;
  } catch (error) {
    database.close();
    throw error;
  }
}
