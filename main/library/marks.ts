import { Failure } from '../contract/failures.ts';
import type { Flag, UndoEntry } from '../contract/library.ts';
import { keysOf } from './image-rows.ts';
import type { Library } from './library.ts';
import { settleMoves } from './trash.ts';
import { indexWords } from './words.ts';

type SetVerb = 'tag' | 'untag' | 'collect' | 'uncollect';

/**
 * One thing done to images, kept with what it takes to undo it. Verbs that set a value carry each image's value before;
 * verbs that add or take away carry the images that really changed.
 */
type Change =
  | { readonly verb: 'flag'; readonly value: Flag; readonly before: readonly (readonly [number, Flag])[] }
  | { readonly verb: 'rate'; readonly value: number; readonly before: readonly (readonly [number, number])[] }
  | { readonly verb: SetVerb; readonly value: string; readonly keys: readonly number[] }
  | { readonly verb: 'delete' | 'restore' | 'rescue'; readonly keys: readonly number[] };

/** Actions that can be taken back; older ones are forgotten. */
const longestHistory = 500;

export async function flagImages(library: Library, ids: readonly string[], flag: Flag): Promise<void> {
  const before = valuesBefore<Flag>(library, keysOf(library, ids), 'flag').filter(([, old]) => old !== flag);
  await act(library, { verb: 'flag', value: flag, before });
}

export async function rateImages(library: Library, ids: readonly string[], rating: number): Promise<void> {
  const before = valuesBefore<number>(library, keysOf(library, ids), 'rating').filter(([, old]) => old !== rating);
  await act(library, { verb: 'rate', value: rating, before });
}

export async function tagImages(library: Library, ids: readonly string[], tag: string): Promise<void> {
  const keys = withMember(library, keysOf(library, ids), 'image_tags', 'tag', tag, false);
  await act(library, { verb: 'tag', value: tag, keys });
}

export async function untagImages(library: Library, ids: readonly string[], tag: string): Promise<void> {
  const keys = withMember(library, keysOf(library, ids), 'image_tags', 'tag', tag, true);
  await act(library, { verb: 'untag', value: tag, keys });
}

/** @throws Failure not-found for a collection that is not there. */
export async function collectImages(library: Library, ids: readonly string[], collection: string): Promise<void> {
  requireCollection(library, collection);
  const keys = withMember(library, keysOf(library, ids), 'collection_images', 'collection', collection, false);
  await act(library, { verb: 'collect', value: collection, keys });
}

export async function uncollectImages(library: Library, ids: readonly string[], collection: string): Promise<void> {
  requireCollection(library, collection);
  const keys = withMember(library, keysOf(library, ids), 'collection_images', 'collection', collection, true);
  await act(library, { verb: 'uncollect', value: collection, keys });
}

/** Moves images into the library's trash, from which they can be restored. */
export async function deleteImages(library: Library, ids: readonly string[]): Promise<void> {
  await act(library, { verb: 'delete', keys: withValue(library, keysOf(library, ids), 'deleted', 0) });
}

export async function restoreImages(library: Library, ids: readonly string[]): Promise<void> {
  await act(library, { verb: 'restore', keys: withValue(library, keysOf(library, ids), 'deleted', 1) });
}

/** Keeps candidates that reweighting had rejected. */
export async function rescueImages(library: Library, ids: readonly string[]): Promise<void> {
  await act(library, { verb: 'rescue', keys: withValue(library, keysOf(library, ids), 'rejected', 1) });
}

/** Takes back the last action that is not taken back; null when there is none. */
export async function undo(library: Library): Promise<UndoEntry | null> {
  return replay(library, 'SELECT * FROM actions WHERE undone = 0 ORDER BY number DESC LIMIT 1', true);
}

/** Does again what was taken back last; null when there is nothing, or something else was done since. */
export async function redo(library: Library): Promise<UndoEntry | null> {
  return replay(library, 'SELECT * FROM actions WHERE undone = 1 ORDER BY number ASC LIMIT 1', false);
}

async function act(library: Library, change: Change): Promise<void> {
  if (keysIn(change).length === 0) return;
  const { database } = library;
  database.transaction(() => {
    apply(library, change, true);
    // What was taken back is gone once something new is done.
    database.run('DELETE FROM actions WHERE undone = 1');
    const { key } = database.run(
      'INSERT INTO actions (verb, at, change) VALUES (?, ?, ?)',
      change.verb,
      library.now(),
      JSON.stringify(change),
    );
    database.run('DELETE FROM actions WHERE number <= ?', key - longestHistory);
  });
  await settle(library, change);
}

async function replay(library: Library, sql: string, back: boolean): Promise<UndoEntry | null> {
  const row = library.database.get(sql);
  if (row === undefined) return null;
  const change = JSON.parse(String(row['change'])) as Change; // written by act, in this form
  const images = idsOf(library, keysIn(change));
  library.database.transaction(() => {
    apply(library, change, !back);
    library.database.run('UPDATE actions SET undone = ? WHERE number = ?', back ? 1 : 0, Number(row['number']));
  });
  await settle(library, change);
  return { verb: change.verb, images, at: String(row['at']) };
}

async function settle(library: Library, change: Change): Promise<void> {
  library.sidecars.catchUp();
  if (change.verb === 'delete' || change.verb === 'restore') await settleMoves(library);
}

/** Does a change, or its opposite. Images that were discarded since are passed over. */
function apply(library: Library, change: Change, forward: boolean): void {
  const { database } = library;
  const keys = keysIn(change);
  switch (change.verb) {
    case 'flag':
      for (const [key, old] of change.before)
        database.run('UPDATE images SET flag = ? WHERE key = ?', forward ? change.value : old, key);
      break;
    case 'rate':
      for (const [key, old] of change.before)
        database.run('UPDATE images SET rating = ? WHERE key = ?', forward ? change.value : old, key);
      break;
    case 'tag':
    case 'untag':
      setMember(library, keys, 'image_tags', 'tag', change.value, (change.verb === 'tag') === forward);
      for (const key of keys) indexWords(library, key);
      break;
    case 'collect':
    case 'uncollect':
      // The collection itself may have been removed since.
      if (database.get('SELECT 1 AS one FROM collections WHERE id = ?', change.value) === undefined) break;
      setMember(
        library,
        keys,
        'collection_images',
        'collection',
        change.value,
        (change.verb === 'collect') === forward,
      );
      break;
    case 'delete':
    case 'restore': {
      const deleted = (change.verb === 'delete') === forward ? 1 : 0;
      for (const key of keys) database.run('UPDATE images SET deleted = ?, moving = 1 WHERE key = ?', deleted, key);
      for (const key of keys) indexWords(library, key);
      break;
    }
    case 'rescue':
      for (const key of keys)
        database.run(
          'UPDATE images SET rejected = ?, rescued = ? WHERE key = ?',
          forward ? 0 : 1,
          forward ? 1 : 0,
          key,
        );
      for (const key of keys) indexWords(library, key);
      break;
  }
  library.sidecars.behind(batchesOf(library, keys));
}

function keysIn(change: Change): readonly number[] {
  return 'before' in change ? change.before.map(([key]) => key) : change.keys;
}

function valuesBefore<T>(
  library: Library,
  keys: readonly number[],
  column: 'flag' | 'rating',
): (readonly [number, T])[] {
  return keys.map(
    (key) => [key, library.database.get(`SELECT ${column} FROM images WHERE key = ?`, key)?.[column] as T] as const,
  );
}

function withValue(library: Library, keys: readonly number[], column: 'deleted' | 'rejected', value: 0 | 1): number[] {
  return keys.filter(
    (key) => library.database.get(`SELECT ${column} FROM images WHERE key = ?`, key)?.[column] === value,
  );
}

type MemberTable = 'image_tags' | 'collection_images';
type MemberColumn = 'tag' | 'collection';

/** Of the images those that are (or are not) tagged or collected so already. */
function withMember(
  library: Library,
  keys: readonly number[],
  table: MemberTable,
  column: MemberColumn,
  value: string,
  present: boolean,
): number[] {
  const sql = `SELECT 1 AS one FROM ${table} WHERE image = ? AND ${column} = ?`;
  return keys.filter((key) => (library.database.get(sql, key, value) !== undefined) === present);
}

function setMember(
  library: Library,
  keys: readonly number[],
  table: MemberTable,
  column: MemberColumn,
  value: string,
  present: boolean,
): void {
  const sql = present
    ? `INSERT OR IGNORE INTO ${table} (image, ${column}) SELECT key, ? FROM images WHERE key = ?`
    : `DELETE FROM ${table} WHERE ${column} = ? AND image = ?`;
  for (const key of keys) library.database.run(sql, value, key);
}

function requireCollection(library: Library, id: string): void {
  if (library.database.get('SELECT 1 AS one FROM collections WHERE id = ?', id) === undefined)
    throw new Failure('not-found', `there is no collection '${id}'`, id);
}

function batchesOf(library: Library, keys: readonly number[]): Set<string> {
  const batches = keys.map((key) => library.database.get('SELECT batch FROM images WHERE key = ?', key)?.['batch']);
  return new Set(batches.filter((batch) => batch !== undefined).map(String));
}

function idsOf(library: Library, keys: readonly number[]): string[] {
  const ids = keys.map((key) => library.database.get('SELECT id FROM images WHERE key = ?', key)?.['id']);
  return ids.filter((id) => id !== undefined).map(String);
}
