import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openDatabase, type Database } from '../../main/library/database.ts';
import { checkpointProgram, WriteAheadLog } from '../../main/library/write-ahead-log.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gamut-log-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A log whose waits for the disk end when the test says so. */
function heldLog(): { log: WriteAheadLog; waits: { resolve: () => void; reject: (error: Error) => void }[] } {
  const waits: { resolve: () => void; reject: (error: Error) => void }[] = [];
  writeFileSync(join(folder, 'a.sqlite-wal'), '');
  const log = new WriteAheadLog(join(folder, 'a.sqlite'), checkpointProgram, () => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    waits.push({ resolve, reject });
    return promise;
  });
  return { log, waits };
}

/** Whether a promise has resolved by the time everything that can go on has. */
async function settled(promise: Promise<void>): Promise<boolean> {
  const open = Symbol('open');
  const later = new Promise<symbol>((resolve) => {
    setTimeout(resolve, 5, open);
  });
  return (await Promise.race([promise, later])) !== open;
}

describe('waiting for the disk', () => {
  it('is needed only after a commit', async () => {
    const { log, waits } = heldLog();
    await log.durable();
    expect(waits).toHaveLength(0);
    log.committed();
    const durable = log.durable();
    expect(await settled(durable)).toBe(false);
    waits[0]?.resolve();
    await durable;
    await log.durable();
    expect(waits).toHaveLength(1);
    log.close();
  });

  it('that began before a commit does not count for it; all who come later share the next', async () => {
    const { log, waits } = heldLog();
    log.committed();
    const first = log.durable();
    expect(await settled(first)).toBe(false);
    log.committed();
    const [second, third] = [log.durable(), log.durable()];
    waits[0]?.resolve();
    await first;
    expect(await settled(second)).toBe(false);
    expect(waits).toHaveLength(2);
    waits[1]?.resolve();
    await Promise.all([second, third]);
    expect(waits).toHaveLength(2);
    log.close();
  });

  it('that fails is told to who waited, as what it is, and tried again for the next', async () => {
    const { log, waits } = heldLog();
    log.committed();
    const first = log.durable();
    const second = settled(first).then(() => {
      log.committed();
      return log.durable();
    });
    const told = expect(first).rejects.toMatchObject({ code: 'disk-full' });
    await vi.waitFor(() => {
      expect(waits).toHaveLength(1);
    });
    await settled(new Promise(() => undefined));
    waits[0]?.reject(Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' }));
    await told;
    await vi.waitFor(() => {
      expect(waits).toHaveLength(2);
    });
    waits[1]?.resolve();
    await second;
    log.close();
  });

  it('ends with the log: closing leaves the file to a wait under way', async () => {
    const { log, waits } = heldLog();
    log.committed();
    const durable = log.durable();
    await settled(durable);
    log.close();
    waits[0]?.resolve();
    await durable;
  });
});

describe('the thread that writes the log back', () => {
  const commit = (database: Database, n: number): void => {
    database.run("INSERT OR REPLACE INTO facts (name, value) VALUES ('number', ?)", String(n));
  };

  /** The fact as the database's file alone tells it, without its log. */
  function withoutLog(path: string): string | undefined {
    const copy = join(folder, 'copy.sqlite');
    copyFileSync(path, copy);
    for (const end of ['-wal', '-shm']) rmSync(`${copy}${end}`, { force: true });
    const database = openDatabase(copy);
    const fact = database.get("SELECT value FROM facts WHERE name = 'number'")?.['value'];
    database.close();
    return fact === undefined ? undefined : String(fact);
  }

  it('brings it into the database while the connection is used', async () => {
    const path = join(folder, 'library.sqlite');
    const database = openDatabase(path);
    for (let n = 0; n < 200; n += 1) commit(database, n);
    expect(withoutLog(path)).toBeUndefined();
    for (let n = 200; n < 600; n += 1) commit(database, n);
    await vi.waitFor(
      () => {
        expect(Number(withoutLog(path))).toBeGreaterThan(200);
      },
      { timeout: 10_000 },
    );
    commit(database, 600);
    await database.durable();
    expect(database.complaints('full')).toEqual([]);
    database.close();
    expect(withoutLog(path)).toBe('600');
  });

  it('that cannot be started is said in a line; the log keeps everything', async () => {
    const warned = vi.fn();
    process.on('warning', warned);
    const path = join(folder, 'library.sqlite');
    const database = openDatabase(path, join(folder, 'nothing-here.js'));
    for (let n = 0; n < 300; n += 1) commit(database, n);
    await vi.waitFor(() => {
      expect(warned).toHaveBeenCalledWith(
        expect.objectContaining({ message: expect.stringMatching(/log.*not.*back/) }),
      );
    });
    process.off('warning', warned);
    database.close();
    expect(withoutLog(path)).toBe('299');
  });
});
