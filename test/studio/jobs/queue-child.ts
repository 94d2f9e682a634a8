import { generationSettingsSchema } from '../../../main/contract/settings.ts';
import { openLibrary } from '../../../main/library/library.ts';
import { JobQueue } from '../../../main/studio/jobs/job-queue.ts';
import { fakeMake } from './fake-make.ts';

/** Works on a library's queue until it is empty or the process is killed; the first run puts a job of many images in. */
const [home = '', count = '40'] = process.argv.slice(2);
const library = await openLibrary(home);
const queue = new JobQueue({ library, make: fakeMake({ pause: 1 }).make });
queue.subscribe((event) => {
  if (event.kind === 'image') process.stdout.write(`${event.image.id}\n`);
});
if (queue.list().jobs.length === 0)
  queue.enqueue(generationSettingsSchema.parse({ model: 'm', prompt: 'vase', seed: 7, count: Number(count) }));
queue.start();
await queue.idle();
await library.close();
