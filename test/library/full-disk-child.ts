import { writeFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { toFailure } from '../../main/contract/failures.ts';
import { openLibrary } from '../../main/library/library.ts';
import { rateImages } from '../../main/library/marks.ts';
import { searchAll } from '../../main/library/search.ts';
import { verifyLibrary } from '../../main/library/verify.ts';
import { addExample } from './temporary-library.ts';

/** On a small disk: fills it, says how that is told, frees it, goes on; one JSON line. */
const [disk = ''] = process.argv.slice(2);
const home = join(disk, 'home');
let library = await openLibrary(home);
await addExample(library, 0);
const ballast = join(disk, 'ballast');
for (let size = 16; size > 0;) {
  try {
    writeFileSync(ballast, Buffer.alloc(size << 16), { flag: 'a' });
  } catch (error) {
    if (toFailure(error).code !== 'disk-full') throw error;
    size >>= 1;
  }
}
const told: string[] = [];
for (let i = 1; i < 400 && told.length === 0; i += 1)
  await addExample(library, i).catch((error: unknown) => told.push(toFailure(error).code));
const kept = [...searchAll(library, {})].length;
await rateImages(library, ['batch-1-00000'], 5).catch((error: unknown) => told.push(toFailure(error).code));
rmSync(ballast);
await rateImages(library, ['batch-1-00000'], 4);
await library.sidecars.settle();
await addExample(library, 1000);
await library.close();
const report = await verifyLibrary(home, { repair: false });
library = await openLibrary(home);
const [first] = [...searchAll(library, { sort: 'oldest' })];
process.stdout.write(
  `${JSON.stringify({ told: [...new Set(told)], lost: kept + 1 - report.images, whole: report.whole, rating: first?.rating })}\n`,
);
await library.close();
