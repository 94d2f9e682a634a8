import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { clientOf } from '../../main/contract/calls/client.ts';
import { calls } from '../../main/contract/calls/index.ts';
import type { Outcome, Outgoing } from '../../main/contract/calls/wire.ts';
import { toFailure } from '../../main/contract/failures.ts';
import type { Job } from '../../main/contract/jobs.ts';
import { openBrowserHost } from '../../main/serve/browser-host.ts';
import { browserServices } from '../../main/serve/browser-services.ts';
import { forkEngine } from '../../main/studio/engine-child.ts';
import { openStudio } from '../../main/studio/open-studio.ts';
import { verifyLibrary } from '../../main/library/verify.ts';
import { packagesFolder } from '../doubles/packages.ts';

/** A studio on a small disk, worked from a window: fills the disk under it, tells how that is told, frees it, goes on. */
const [disk = ''] = process.argv.slice(2);
const home = join(disk, 'home');
const windowFolder = join(disk, 'window');
const engine = fileURLToPath(new URL('../doubles/engines/quick.ts', import.meta.url));

const studio = await openStudio({
  services: browserServices,
  version: '0',
  home,
  builtInModels: packagesFolder,
  startEngine: forkEngine({ file: engine }),
});
const host = await openBrowserHost({ studio, windowFolder, port: 0, host: '127.0.0.1' });

const invitation = await fetch(host.invite(), { redirect: 'manual' });
const cookie = invitation.headers.get('set-cookie')?.split(';')[0] ?? '';
const socket = new WebSocket(`ws://127.0.0.1:${host.port}/calls`, {
  headers: { cookie, origin: `http://127.0.0.1:${host.port}` },
});
await new Promise((resolve) => socket.once('open', resolve));
const waiting = new Map<number, (outcome: Outcome) => void>();
let nextId = 1;
socket.on('message', (data: Buffer) => {
  const message = JSON.parse(data.toString()) as Outgoing;
  if (message.id !== null && 'outcome' in message) waiting.get(message.id)?.(message.outcome);
});
const client = clientOf(calls, {
  request: (call, input) =>
    new Promise((resolve) => {
      const id = nextId++;
      waiting.set(id, resolve);
      socket.send(JSON.stringify({ id, call, input }));
    }),
  open: () => () => undefined,
});

const settings = { model: 'flow', prompt: 'red', seed: 1, stepCount: 2 };

/** The job once nothing more happens to it. */
async function ended(id: string): Promise<Job> {
  for (;;) {
    const { jobs } = await client.jobs.list({});
    const job = jobs.find((known) => known.id === id);
    if (job !== undefined && ['done', 'failed', 'stopped', 'interrupted'].includes(job.state)) return job;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const first = await ended((await client.jobs.enqueue({ ...settings, count: 3 })).id);
const long = await client.jobs.enqueue({ ...settings, count: 120 });
const behind = await client.jobs.enqueue({ ...settings, count: 2 });
while ((await client.images.page({ query: { batch: long.batch } })).total < 3)
  await new Promise((resolve) => setTimeout(resolve, 5));

const ballast = join(disk, 'ballast');
for (let size = 1 << 20; size >= 512;)
  try {
    writeFileSync(ballast, Buffer.alloc(size), { flag: 'a' });
  } catch (error) {
    if (toFailure(error).code !== 'disk-full') throw error;
    size >>= 1;
  }

const cut = await ended(long.id);
const full = await client.jobs.list({});
const seen = await client.images.page({ query: {} });
rmSync(ballast);

await client.jobs.retry({ job: long.id }).catch(() => undefined);
await client.jobs.resume({});
const [again, last] = [await ended(long.id), await ended(behind.id)];
const [image] = seen.images;
await client.images.rate({ images: [image?.id ?? ''], rating: 4 });
const all = await client.images.page({ query: {} });
socket.close();
await host.close();
await studio.close();
const report = await verifyLibrary(home, { repair: false });
process.stdout.write(
  `${JSON.stringify({
    first: first.state,
    cut: [cut.state, cut.failure?.code],
    // Jobs behind it would meet the same disk: they wait for a person.
    paused: full.paused,
    behindWaits: full.jobs.find(({ id }) => id === behind.id)?.state,
    answersMeanwhile: seen.total >= 6,
    lost: seen.images.filter(({ id }) => !all.images.some((other) => other.id === id)).length,
    again: again.state,
    last: last.state,
    images: all.total,
    whole: report.whole,
  })}\n`,
);
