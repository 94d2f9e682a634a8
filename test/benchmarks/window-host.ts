import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { StudioHandlers } from '../../main/contract/calls/index.ts';
import { openBrowserHost } from '../../main/serve/browser-host.ts';
import { browserServices } from '../../main/serve/browser-services.ts';
import { openStudio } from '../../main/studio/open-studio.ts';
import { EventQueue } from '../../main/studio/event-queue.ts';
import type { Studio } from '../../main/studio/studio.ts';

/**
 * The browser host in a process of its own, as `gamut serve` runs it, with a watch on its event loop: what `window.ts`
 * measures. Told `reset`, `delay`, `previews` or `close` by its parent; answers with `{ [told]: value }`.
 */
const started = performance.now();
const delays = monitorEventLoopDelay({ resolution: 1 });
/** Microseconds of this thread's own work: the longest stretch between two turns of its loop. */
const work = { longest: 0, last: Number.POSITIVE_INFINITY };
setInterval(() => {
  const { user, system } = process.threadCpuUsage();
  work.longest = Math.max(work.longest, user + system - work.last);
  work.last = user + system;
}, 1);
const studio = await openStudio({
  services: browserServices,
  version: '0',
});
type Told = ReturnType<StudioHandlers['activity']['watch']> extends AsyncIterable<infer Event> ? Event : never;
const windows = new Set<EventQueue<Told>>();
const host = await openBrowserHost({
  studio: withPreviews(studio),
  windowFolder: fileURLToPath(new URL('../../out/renderer', import.meta.url)),
  port: 0,
  host: '127.0.0.1',
  // One window stands for many here.
  requestLimit: () => true,
});
process.send?.({ ready: host.invite(), seconds: (performance.now() - started) / 1000 });

process.on('disconnect', () => process.exit(0));
process.on('message', (told: { readonly ask: string; readonly base64?: string }) => {
  void answer(told).then((value) => process.send?.({ [told.ask]: value }));
});

async function answer({ ask, base64 = '' }: { readonly ask: string; readonly base64?: string }): Promise<unknown> {
  switch (ask) {
    case 'reset':
      delays.enable();
      delays.reset();
      work.longest = 0;
      return null;
    case 'delay':
      return { max: delays.max / 1e6, p99: delays.percentile(99) / 1e6, cpu: work.longest / 1000 };
    case 'invite':
      return host.invite();
    case 'previews': {
      for (let step = 1; step <= 100; step += 1) {
        // The moment of sending travels as the job's name, in microseconds of the machine's clock.
        const job = `job-${Math.round((performance.timeOrigin + performance.now()) * 1000)}`;
        const preview = { kind: 'preview', index: 0, step, stepCount: 100, mediaType: 'image/webp', base64 } as const;
        for (const window of windows) window.push({ ...preview, job });
        await sleep(20);
      }
      return null;
    }
    case 'close':
      await host.close();
      await studio.close();
      process.disconnect();
      return null;
    default:
      throw new Error(`window-host: nothing is called ${ask}`);
  }
}

/** The same studio, whose windows can be sent previews from here. */
function withPreviews(of: Studio): Studio {
  return {
    ...of,
    handlers: {
      ...of.handlers,
      activity: {
        async *watch(input, signal) {
          const queue = new EventQueue<Told>(() => windows.delete(queue));
          windows.add(queue);
          void (async () => {
            for await (const event of of.handlers.activity.watch(input, signal)) queue.push(event);
            queue.end();
          })();
          yield* queue.drain();
        },
      },
    },
  };
}
