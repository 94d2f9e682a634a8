import { randomUUID } from 'node:crypto';
import { Failure } from '../contract/failures.ts';
import type { Collection } from '../contract/library.ts';
import type { Library } from './library.ts';

const columns = `collections.id, name, created_at, (SELECT count(*) FROM collection_images
  JOIN images ON key = image WHERE collection = collections.id AND deleted = 0) AS count`;

/** Collections by name. */
export function listCollections(library: Library): Collection[] {
  return library.database.all(`SELECT ${columns} FROM collections ORDER BY name COLLATE NOCASE`).map(collectionOf);
}

/** @throws Failure bad-input when the name is taken (capitals make no difference). */
export function createCollection(library: Library, name: string): Collection {
  refuseTaken(library, name, null);
  const id = `collection-${randomUUID().slice(0, 13)}`;
  library.database.run('INSERT INTO collections (id, name, created_at) VALUES (?, ?, ?)', id, name, library.now());
  return collection(library, id);
}

/** @throws Failure not-found; bad-input when the name is taken. */
export function renameCollection(library: Library, id: string, name: string): Collection {
  refuseTaken(library, name, id);
  library.database.transaction(() => {
    library.database.run('UPDATE collections SET name = ? WHERE id = ?', name, id);
    noteMembers(library, id);
  });
  library.sidecars.catchUp();
  return collection(library, id);
}

/** Removes a collection; its images stay. */
export function removeCollection(library: Library, id: string): void {
  collection(library, id);
  library.database.transaction(() => {
    noteMembers(library, id);
    library.database.run('DELETE FROM collections WHERE id = ?', id);
  });
  library.sidecars.catchUp();
}

/** @throws Failure not-found */
export function collection(library: Library, id: string): Collection {
  const row = library.database.get(`SELECT ${columns} FROM collections WHERE id = ?`, id);
  if (row === undefined) throw new Failure('not-found', `there is no collection '${id}'`, id);
  return collectionOf(row);
}

function collectionOf(row: Readonly<Record<string, unknown>>): Collection {
  return {
    id: String(row['id']),
    name: String(row['name']),
    createdAt: String(row['created_at']),
    count: Number(row['count']),
  };
}

function refuseTaken(library: Library, name: string, except: string | null): void {
  const row = library.database.get('SELECT id FROM collections WHERE name = ?', name);
  if (row !== undefined && row['id'] !== except)
    throw new Failure('bad-input', `expected a new name for the collection, '${name}' is taken`, 'name');
}

/** The files beside the images name collections: those of every member change. */
function noteMembers(library: Library, id: string): void {
  const rows = library.database.all(
    'SELECT DISTINCT batch FROM collection_images JOIN images ON key = image WHERE collection = ?',
    id,
  );
  library.sidecars.behind(rows.map((row) => String(row['batch'])));
}
