import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { openDatabase } from '../../../main/library/database.ts';

/** Commits from the window until the library's log has to be written back, and waits until its database alone tells most of them. */
export async function expectLogWrittenBack(page: Page, home: string): Promise<void> {
  await page.evaluate(async (count) => {
    for (let n = 0; n < count; n += 1) await window.gamut?.['collections.create']?.({ name: `collection ${n}` });
  }, 600);
  await expect.poll(() => collectionsWithoutLog(home), { timeout: 10_000 }).toBeGreaterThan(200);
}

function collectionsWithoutLog(home: string): number {
  const copy = join(home, 'copy.sqlite');
  copyFileSync(join(home, 'library.sqlite'), copy);
  const database = openDatabase(copy);
  const count = Number(database.get('SELECT count(*) AS count FROM collections')?.['count']);
  database.close();
  return count;
}
