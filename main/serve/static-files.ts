import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { mediaTypeOf } from '../contract/page-policy.ts';

export interface StaticFile {
  readonly bytes: Buffer<ArrayBuffer>;
  readonly mediaType: string;
}

/**
 * The built window, read once, by the path it is asked for with. Only what is in this table exists: a request's path is
 * never joined to a folder, so no trick in it can lead out.
 */
export function readWindowFiles(folder: string): ReadonlyMap<string, StaticFile> {
  const files = readdirSync(folder, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile());
  const table = new Map<string, StaticFile>();
  for (const { parentPath, name } of files) {
    const file = join(parentPath, name);
    const path = file.slice(folder.length).replaceAll('\\', '/');
    table.set(path.startsWith('/') ? path : `/${path}`, { bytes: readFileSync(file), mediaType: mediaTypeOf(name) });
  }
  const index = table.get('/index.html');
  if (index !== undefined) table.set('/', index);
  return table;
}
