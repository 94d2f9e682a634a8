import LibsqlDatabase from 'libsql';
import { Failure } from '../contract/failures.ts';
import { migrations } from './migrations.ts';
import { checkpointProgram, WriteAheadLog } from './write-ahead-log.ts';

export type SqlValue = string | number | Uint8Array | null;
type Row = Readonly<Record<string, unknown>>;

/**
 * One connection to the library's SQLite file. Synchronous: every statement here is meant to take milliseconds.
 * Rows come back as plain objects whose shape the asking module checks or knows from its own schema.
 */
export interface Database {
  readonly run: (sql: string, ...values: readonly SqlValue[]) => { readonly changes: number; readonly key: number };
  readonly get: (sql: string, ...values: readonly SqlValue[]) => Row | undefined;
  readonly all: (sql: string, ...values: readonly SqlValue[]) => Row[];
  /** All or nothing: the work is rolled back when it throws. A transaction inside another joins it. */
  readonly transaction: <T>(work: () => T) => T;
  /**
   * Resolves once everything committed before is on the disk, also if the power fails then; the end of the process takes
   * nothing in any case. To be awaited before a person is answered and before files are touched that rows speak of.
   * @throws Failure of the disk
   */
  readonly durable: () => Promise<void>;
  /** SQLite's own check of the file; empty when all is well. `quick` leaves out the indexes. */
  readonly complaints: (how: 'quick' | 'full') => string[];
  readonly close: () => void;
}

type Statement = LibsqlDatabase.Statement<SqlValue[][]>;

/** Milliseconds to wait for another process (the command line beside the window) to finish its write. */
const busyTimeout = 10_000;

/**
 * Opens the database and brings it to the newest form. Its commits go into the write-ahead log and do not wait for the disk
 * (synchronous NORMAL); `durable` does, elsewhere. The file is checked when the last owner did not close it.
 * @param checkpoint program of the thread that writes the log back, where the application is a bundle
 * @throws Failure internal when the file is damaged or of a newer version; both name the way out.
 */
export function openDatabase(path: string, checkpoint: string = checkpointProgram): Database {
  let connection: LibsqlDatabase.Database | undefined;
  try {
    connection = new LibsqlDatabase(path, { timeout: busyTimeout });
    connection.exec(
      'PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -65536',
    );
    connection.exec(`PRAGMA busy_timeout = ${busyTimeout}`);
    const database = wrap(connection, logOf(connection, path, checkpoint));
    migrate(database, path);
    checkAfterCrash(database, path);
    // What the word index holds, for searches by a word's beginning; keeps nothing of its own.
    database.run("CREATE VIRTUAL TABLE temp.word_terms USING fts5vocab('main', 'image_words', 'row')");
    return database;
  } catch (error) {
    connection?.close();
    throw fromSqlite(error, path);
  }
}

/**
 * Copies what is committed from the write-ahead log into the database, and waits for the disk, while others go on writing.
 * A kill at any moment leaves both whole.
 */
export function writeLogBack(path: string): void {
  const connection = new LibsqlDatabase(path, { timeout: busyTimeout });
  try {
    connection.exec('PRAGMA wal_checkpoint(PASSIVE)');
  } finally {
    connection.close();
  }
}

/** null on file systems that bear no write-ahead log: there every commit waits for the disk itself. */
function logOf(connection: LibsqlDatabase.Database, path: string, checkpoint: string): WriteAheadLog | null {
  const { journal_mode: mode } = connection.prepare('PRAGMA journal_mode').get() as Row;
  if (mode === 'wal') return new WriteAheadLog(path, checkpoint);
  connection.exec('PRAGMA synchronous = FULL');
  return null;
}

function wrap(connection: LibsqlDatabase.Database, log: WriteAheadLog | null): Database {
  const statements = new Map<string, Statement>();
  const prepare = (sql: string): Statement => {
    const known = statements.get(sql);
    if (known !== undefined) return known;
    const statement = connection.prepare<SqlValue[][]>(sql);
    // Queries are put together from parts: keep the usual ones, not every one ever asked.
    if (statements.size >= 400) statements.clear();
    statements.set(sql, statement);
    return statement;
  };
  let depth = 0;
  const database: Database = {
    run: (sql, ...values) => {
      const { changes, lastInsertRowid } = guard(() => prepare(sql).run([...values]));
      if (depth === 0) log?.committed();
      return { changes, key: Number(lastInsertRowid) };
    },
    get: (sql, ...values) => guard(() => prepare(sql).get([...values])) as Row | undefined,
    all: (sql, ...values) => (guard(() => prepare(sql).all([...values])) as Record<string, unknown>[]).map(withBlobs),
    transaction: (work) => {
      if (depth > 0) return work();
      guard(() => connection.exec('BEGIN IMMEDIATE'));
      depth += 1;
      try {
        const result = work();
        guard(() => connection.exec('COMMIT'));
        log?.committed();
        return result;
      } catch (error) {
        if (connection.inTransaction) connection.exec('ROLLBACK');
        throw error;
      } finally {
        depth -= 1;
      }
    },
    durable: () => log?.durable() ?? Promise.resolve(),
    complaints: (how) => {
      const rows = database.all(`PRAGMA ${how === 'quick' ? 'quick_check' : 'integrity_check'}(20)`);
      const found = rows.map((row) => String(Object.entries(row).find(([name]) => name !== '_metadata')?.[1]));
      return found.filter((line) => line !== 'ok');
    },
    close: () => {
      if (!connection.open) return;
      statements.clear();
      connection.exec("INSERT OR REPLACE INTO facts (name, value) VALUES ('closed', 'yes'); PRAGMA optimize");
      // The driver ends a connection only when its statements are collected; until then the log would keep everything.
      connection.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      log?.close();
      connection.close();
    },
  };
  return database;
}

/** The driver gives blobs as bytes from `get` but as bare buffers from `all`: make them bytes everywhere. */
function withBlobs(row: Record<string, unknown>): Row {
  for (const name in row) if (row[name] instanceof ArrayBuffer) row[name] = new Uint8Array(row[name]);
  return row;
}

function guard<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw fromSqlite(error, 'the library');
  }
}

/** Runs what is missing of the numbered migrations, each in a transaction of its own with its number. */
function migrate(database: Database, path: string): void {
  const version = Number(database.get('PRAGMA user_version')?.['user_version'] ?? 0);
  if (version > migrations.length)
    throw new Failure(
      'internal',
      `expected a library of version ${migrations.length} or older at ${path}, got ${version}: a newer Gamut made it`,
    );
  migrations.slice(version).forEach((statements, i) => {
    database.transaction(() => {
      for (const statement of statements) database.run(statement);
      database.run(`PRAGMA user_version = ${version + i + 1}`);
    });
  });
}

function checkAfterCrash(database: Database, path: string): void {
  const closed = database.get("SELECT value FROM facts WHERE name = 'closed'")?.['value'] === 'yes';
  const complaints = closed ? [] : database.complaints('quick');
  if (complaints.length > 0) throw damaged(path, complaints[0] ?? '');
  database.run("INSERT OR REPLACE INTO facts (name, value) VALUES ('closed', 'no')");
}

function damaged(path: string, reason: string, cause?: unknown): Failure {
  return new Failure(
    'internal',
    `the library's database at ${path} is damaged (${reason}); 'gamut library verify --repair' rebuilds it from the images`,
    path,
    { cause },
  );
}

/** SQLite's errors as failures: full disks, missing permissions, damage and locks keep their meaning. */
function fromSqlite(error: unknown, path: string): Error {
  if (error instanceof Failure || !(error instanceof Error))
    return error instanceof Error ? error : new Error(String(error));
  const code = 'code' in error ? String(error.code) : '';
  const failed = (kind: 'disk-full' | 'not-writable' | 'busy', message: string): Failure =>
    new Failure(kind, `${message}: ${error.message}`, path, { cause: error });
  if (code.startsWith('SQLITE_FULL')) return failed('disk-full', 'the disk is full');
  if (/^SQLITE_(READONLY|CANTOPEN|PERM|AUTH)/.test(code) || /unable to open/i.test(error.message))
    return failed('not-writable', `expected a database that can be written to at ${path}`);
  if (/^SQLITE_(BUSY|LOCKED)/.test(code)) return failed('busy', 'another process holds the library');
  if (/^SQLITE_(CORRUPT|NOTADB|IOERR)/.test(code) || /malformed|not a database/i.test(error.message))
    return damaged(path, error.message, error);
  return error;
}
