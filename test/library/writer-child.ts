import { addExample } from './temporary-library.ts';
import { openLibrary } from '../../main/library/library.ts';
import { deleteImages, rateImages, restoreImages, tagImages } from '../../main/library/marks.ts';

/**
 * Writes into a library as fast as it can until it is killed, and says what it was told is done: one line each on
 * standard output, only after the call has returned.
 */
const [home = '', first = '0'] = process.argv.slice(2);
const library = await openLibrary(home);
process.stdout.write('ready\n');
for (let i = Number(first); ; i += 1) {
  const image = await addExample(library, i, { prompt: `vase number ${i}` });
  process.stdout.write(`stored ${image.id}\n`);
  await rateImages(library, [image.id], 1 + (i % 5));
  process.stdout.write(`rated ${image.id} ${1 + (i % 5)}\n`);
  await tagImages(library, [image.id], `tag ${i % 3}`);
  await deleteImages(library, [image.id]);
  if (i % 2 === 0) await restoreImages(library, [image.id]);
  process.stdout.write(`settled ${image.id} ${i % 2 === 0 ? 'kept' : 'deleted'}\n`);
}
