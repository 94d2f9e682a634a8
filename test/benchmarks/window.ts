import { execFileSync, fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ElectronApplication, Page } from 'playwright-core';
import sharp from 'sharp';
import { signalChannel } from '../../main/app/channels.ts';
import { vasePicture } from '../doubles/fake-pictures.ts';
import { launchChromium } from '../end-to-end/support/chromium.ts';
import { preparedHome } from '../end-to-end/support/home.ts';
import { electronHost, electronProgram } from '../end-to-end/support/hosts.ts';
import { generatedLibrary } from './generated-library.ts';

/**
 * The window over a library of 100,000 images, in Chromium and in Electron (where there is one): how soon it can be used,
 * how quickly it finds, how quickly the next image follows a key, and what a batch costs the main process. The targets are
 * for a machine that does nothing else. Where it does, `idle` tells how late timers are in a process that does nothing, and
 * `cpu` how much of the time was work of the thread in question.
 */
const count = Number(process.env['GAMUT_BENCHMARK_IMAGES'] ?? 100_000);
const root = fileURLToPath(new URL('../..', import.meta.url));
/** Newest images that have files: as many as are looked at. */
const pictured = 400;

const round = (value: number): number => Math.round(value * 100) / 100;
const at = (values: readonly number[], share: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(share * values.length))] ?? Number.NaN;

function line(host: string, figure: string, value: number, target: number | null, more: object = {}): void {
  const figures = {
    benchmark: 'window',
    host,
    figure,
    value: round(value),
    unit: 'ms',
    target,
    images: count,
    ...more,
  };
  process.stdout.write(`${JSON.stringify(figures)}\n`);
}

function lineOf(
  host: string,
  figure: string,
  share: number,
  values: readonly number[],
  target: number | null,
  others: object = {},
): void {
  const more = {
    ...others,
    median: round(at(values, 0.5)),
    largest: round(Math.max(...values)),
    samples: values.length,
  };
  line(host, figure, at(values, share), target, more);
}

/** How long timers were kept waiting, and the longest stretch of work between two of them, in milliseconds. */
interface Delay {
  readonly max: number;
  readonly p99: number;
  readonly cpu: number;
}

/** One of the hosts with a window open in it. */
interface Measured {
  readonly name: string;
  readonly page: Page;
  readonly resetDelay: () => Promise<void>;
  readonly delay: () => Promise<Delay>;
  /** Milliseconds from the host's sending of each of many previews to the page's script; with what sending cost. */
  readonly previews: (base64: string) => Promise<readonly number[]>;
  readonly close: () => Promise<void>;
}

/** Runs in the page before its own scripts: notes when the window can be used. */
function watchUsable(): void {
  const marks: { usable?: number } = {};
  Object.assign(window, { benchmarkMarks: marks });
  const look = (): void => {
    const button = document.querySelector('[data-primary]');
    if (button === null || marks.usable !== undefined) return;
    marks.usable = Number.NaN;
    requestAnimationFrame(() => {
      setTimeout(() => {
        marks.usable = performance.now();
      });
    });
  };
  new MutationObserver(look).observe(document, { childList: true, subtree: true });
}

const usable = (page: Page): Promise<number> =>
  page
    .waitForFunction(() => {
      const { benchmarkMarks } = window as unknown as { benchmarkMarks?: { usable?: number } };
      return Number.isFinite(benchmarkMarks?.usable) ? (benchmarkMarks?.usable ?? false) : false;
    })
    .then((handle) => handle.jsonValue() as Promise<number>);

async function measure(host: Measured): Promise<void> {
  const { name, page } = host;
  // The window opens over an old batch of 64; its sheet is there before the person is.
  await page.addInitScript(watchUsable);
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  const pageWork = async (): Promise<number> => {
    const { metrics } = await session.send('Performance.getMetrics');
    return 1000 * (metrics.find((metric) => metric.name === 'TaskDuration')?.value ?? Number.NaN);
  };
  const openings: number[] = [];
  const works: number[] = [];
  for (let round = 0; round < 7; round += 1) {
    const before = await pageWork();
    await page.reload();
    openings.push(await usable(page));
    const after = await pageWork();
    // A new process for the page counts from nothing.
    works.push(after >= before ? after - before : after);
  }
  lineOf(name, 'page opened to usable', 0.5, openings, 1500, { cpu: round(at(works, 0.5)) });

  const queries = [
    {},
    { words: 'terracotta' },
    { words: 'product' },
    { words: 'terr' },
    { words: 't' },
    { words: 'terracotta vase' },
    { words: 'vase', sort: 'typical' },
    { words: 'vase -terracotta' },
    { words: '花瓶' },
    { words: 'zeppelin' },
    { tags: ['tag 3'] },
    { flags: ['pick'], sort: 'rating' },
    { rating: { low: 4, high: null } },
    { sort: 'unusual' },
    { seed: 4711 },
  ];
  await host.resetDelay();
  const searches = await page.evaluate(askSearches, queries);
  const { cpu } = await host.delay();
  const medians = queries.map((query, q) => ({
    query: JSON.stringify(query),
    median: round(
      at(
        searches.filter((_, i) => i % queries.length === q),
        0.5,
      ),
    ),
  }));
  const [slowest] = medians.sort((a, b) => b.median - a.median);
  lineOf(name, 'search asked by the window and answered', 0.95, searches, 50, {
    longestCpuInMain: round(cpu),
    slowest,
  });

  await page.getByRole('button', { name: 'Gallery' }).click();
  await page.locator('[data-place="0"] img').waitFor();
  const typed: number[] = [];
  for (const words of ['lamp', 'lamp glass', 'terr', 'zeppelin', 'vase', 'oak clock', '花瓶', 'mug'])
    typed.push(await page.evaluate(typeAndWait, words));
  lineOf(name, 'words typed to count shown', 0.5, typed, null);
  await page.evaluate(typeAndWait, '');
  await cull(host, 'nothing running', null);

  await duringBatch(host, { prompt: 'a tall matte vase', model: 'Gamut Catalogue 128', target: 50 });
  await duringBatch(host, { prompt: 'red', model: 'Measured', target: null });

  const preview = Buffer.from(await vasePicture(7, 256)).toString('base64');
  lineOf(name, 'preview sent to preview heard', 0.5, await host.previews(preview), 2);
  await host.close();
}

/**
 * What a person notices while a batch runs: of the built-in model, as in use; and of the tiny one as a flood, whose steps
 * take less than a millisecond, so that images come as fast as they can be written.
 */
async function duringBatch(
  host: Measured,
  batch: { readonly prompt: string; readonly model: string; readonly target: number | null },
): Promise<void> {
  const { name, page } = host;
  const { target } = batch;
  const of = batch.target === null ? 'flood of the tiny model' : 'batch of the built-in model';
  await host.resetDelay();
  const own = monitorEventLoopDelay({ resolution: 1 });
  own.enable();
  const generate = page.getByRole('button', { name: 'Generate', exact: true }).first();
  await generate.click();
  await page.getByRole('combobox', { name: 'Model' }).selectOption({ label: batch.model });
  await page.getByRole('textbox', { name: 'Prompt' }).fill(batch.prompt);
  await page.getByRole('spinbutton', { name: 'Count' }).fill('5000');
  await page.locator('[data-primary]').click();
  await page.locator('[data-stop]').waitFor();
  await page.getByRole('button', { name: 'Gallery' }).click();
  await page.locator('[data-place="0"] img').waitFor();
  const shown = async (): Promise<number> =>
    Number((await page.locator('.count').textContent())?.replaceAll(/\D/g, '') ?? Number.NaN);
  const [before, from] = [await shown(), performance.now()];
  await cull(host, of, target);
  const imagesPerSecond = round((1000 * ((await shown()) - before)) / (performance.now() - from));
  const delay = await host.delay();
  own.disable();
  line(name, `longest block of the main process, ${of}`, delay.max, target, {
    p99: round(delay.p99),
    cpu: round(delay.cpu),
    imagesPerSecond,
    idle: { max: round(own.max / 1e6), p99: round(own.percentile(99) / 1e6) },
  });
  await generate.click();
  await page.locator('[data-stop]').click();
  await page.locator('[data-stop]').waitFor({ state: 'detached', timeout: 60_000 });
}

/** Ten keys a second in the open gallery: verdicts in the grid, then steps in the zoom. */
async function cull({ name, page }: Measured, of: string, target: number | null): Promise<void> {
  await page.evaluate(() => {
    document.querySelector<HTMLElement>('[data-place="0"]')?.click();
  });
  const verdicts = await page.evaluate(pressKeys, { key: 'p', presses: 100, zoom: false });
  lineOf(name, `verdict to next image in the grid, ${of}`, 0.95, verdicts, target);
  await page.keyboard.press('Space');
  await page.locator('.full-view .picture img').waitFor();
  await sleep(500);
  const zoomed = await page.evaluate(pressKeys, { key: 'ArrowRight', presses: 100, zoom: true });
  lineOf(name, `key to next image painted in the zoom, ${of}`, 0.95, zoomed, target);
  await page.keyboard.press('Escape');
}

interface Wire {
  readonly gamut?: Readonly<Record<string, (input: unknown, listener?: unknown) => Promise<unknown>>>;
}

/** In the page: milliseconds until each query's first page is there, asked as the window asks. */
async function askSearches(queries: readonly object[]): Promise<readonly number[]> {
  const bridge = (window as unknown as Wire).gamut;
  let ask: (input: unknown) => Promise<unknown>;
  if (bridge === undefined) {
    const socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/calls`);
    await new Promise((resolve) => {
      socket.onopen = resolve;
    });
    let id = 0;
    ask = (input) =>
      new Promise((resolve) => {
        socket.onmessage = ({ data }) => {
          resolve(JSON.parse(String(data)));
        };
        id += 1;
        socket.send(JSON.stringify({ id, call: 'images.page', input }));
      });
  } else ask = (input) => bridge['images.page']?.(input) ?? Promise.reject(new Error('no bridge'));
  const times: number[] = [];
  for (let pass = 0; pass < 4; pass += 1)
    for (const query of queries) {
      const from = performance.now();
      await ask({ query, limit: 200, offset: 0 });
      times.push(performance.now() - from);
    }
  return times;
}

/** In the page: milliseconds from the last letter typed to a frame that shows another count. */
async function typeAndWait(words: string): Promise<number> {
  const input = document.querySelector<HTMLInputElement>('[data-search]');
  const status = document.querySelector('.count');
  if (input === null || status === null) throw new Error('the gallery is not shown');
  const before = status.textContent;
  const from = performance.now();
  input.value = words;
  input.dispatchEvent(new InputEvent('input', { bubbles: true }));
  while (status.textContent === before || !/\d/.test(status.textContent)) {
    if (performance.now() - from > 10_000) throw new Error(`no other count for ${words}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  return performance.now() - from;
}

/** In the page: presses a key ten times a second; milliseconds from each press to a frame that shows the next image. */
async function pressKeys(asked: { key: string; presses: number; zoom: boolean }): Promise<readonly number[]> {
  const shown = (): HTMLImageElement | null =>
    asked.zoom
      ? document.querySelector('.full-view .picture img')
      : document.querySelector('[role=gridcell][aria-selected=true] img');
  const times: number[] = [];
  for (let press = 0; press < asked.presses; press += 1) {
    const before = shown()?.src;
    const from = performance.now();
    const event = new KeyboardEvent('keydown', { key: asked.key, bubbles: true, cancelable: true });
    (document.activeElement ?? document.body).dispatchEvent(event);
    for (;;) {
      const image = shown();
      if (image !== null && image.src !== before) {
        await image.decode().catch(() => undefined);
        if (image === shown()) break;
      }
      if (performance.now() - from > 5000) throw new Error(`no next image after press ${press} of ${asked.key}`);
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    times.push(performance.now() - from);
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, 100 - (performance.now() - from))));
  }
  return times;
}

/** In the page: hears previews and gives how old each was, in milliseconds, once `many` have come. */
function hearPreviews(many: number): Promise<readonly number[]> {
  return new Promise((resolve) => {
    const ages: number[] = [];
    const hear = (signal: { event?: { kind?: string; job?: string } }): void => {
      const { event } = signal;
      if (event?.kind !== 'preview' || !/^job-\d{16}$/.test(event.job ?? '')) return;
      ages.push(performance.timeOrigin + performance.now() - Number(event.job?.slice(4)) / 1000);
      if (ages.length === many) resolve(ages);
    };
    const bridge = (window as unknown as Wire).gamut;
    if (bridge !== undefined) {
      void bridge['activity.watch']?.({}, hear);
      return;
    }
    const socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/calls`);
    socket.onopen = () => {
      socket.send(JSON.stringify({ id: 1, call: 'activity.watch', input: {} }));
    };
    socket.onmessage = ({ data }) => {
      hear((JSON.parse(String(data)) as { signal: { event?: { kind?: string; job?: string } } }).signal);
    };
  });
}

async function browserMeasured(home: string): Promise<Measured> {
  const child: ChildProcess = fork(fileURLToPath(new URL('window-host.ts', import.meta.url)), {
    env: { ...process.env, GAMUT_HOME: home },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const [{ ready, seconds }] = (await once(child, 'message')) as [{ ready: string; seconds: number }];
  line('browser', 'host ready', seconds * 1000, null);
  const ask = async (what: string, more: object = {}): Promise<unknown> => {
    child.send({ ask: what, ...more });
    for (;;) {
      const [message] = (await once(child, 'message')) as [Record<string, unknown>];
      if (what in message) return message[what];
    }
  };
  const browser = await launchChromium();
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  await page.goto(ready);
  return {
    name: 'browser',
    page,
    resetDelay: async () => {
      await ask('reset');
    },
    delay: () => ask('delay') as Promise<Delay>,
    previews: async (base64) => {
      // Fewer than are sent: on a busy machine the first ones may be too early for the page.
      const heard = page.evaluate(hearPreviews, 50);
      await sleep(2000);
      await ask('previews', { base64 });
      return heard;
    },
    close: async () => {
      await browser.close();
      // It answers by ending.
      child.send({ ask: 'close' });
      await once(child, 'exit');
    },
  };
}

async function electronMeasured(home: string): Promise<Measured> {
  const from = performance.now();
  const { page, electron, close } = await electronHost().open(home);
  await page.locator('[data-primary]').waitFor();
  line('Electron', 'program started to usable', performance.now() - from, null);
  if (electron === null) throw new Error('the Electron host has no Electron');
  const inMain = <T>(work: Parameters<ElectronApplication['evaluate']>[0], input: unknown): Promise<T> =>
    electron.evaluate(work as never, input as never);
  return {
    name: 'Electron',
    page,
    resetDelay: () =>
      inMain(() => {
        const { monitorEventLoopDelay: monitor } = process.getBuiltinModule('node:perf_hooks');
        const delays = monitor({ resolution: 1 });
        delays.enable();
        const work = { longest: 0, last: Number.POSITIVE_INFINITY };
        const { existsSync, openSync, readSync } = process.getBuiltinModule('node:fs');
        // Older Electrons can tell only all of a process's threads together; Linux tells what its first one ran. Read into one
        // buffer: a new one every millisecond had the garbage collected twice a second, which was what was measured then.
        const own = existsSync('/proc/self/schedstat') ? openSync('/proc/self/schedstat', 'r') : null;
        const told = Buffer.alloc(128);
        const usage = (): NodeJS.CpuUsage => {
          if (typeof process.threadCpuUsage === 'function') return process.threadCpuUsage();
          if (own === null) return process.cpuUsage();
          const nanoseconds = told.toString('latin1', 0, readSync(own, told, 0, told.length, 0)).split(' ')[0];
          return { user: Number(nanoseconds) / 1000, system: 0 };
        };
        setInterval(() => {
          const { user, system } = usage();
          work.longest = Math.max(work.longest, user + system - work.last);
          work.last = user + system;
        }, 1);
        Object.assign(globalThis, { benchmarkDelays: delays, benchmarkWork: work });
      }, null),
    delay: () =>
      inMain(() => {
        const { benchmarkDelays: delays, benchmarkWork: work } = globalThis as unknown as {
          benchmarkDelays: ReturnType<typeof monitorEventLoopDelay>;
          benchmarkWork: { longest: number };
        };
        return { max: delays.max / 1e6, p99: delays.percentile(99) / 1e6, cpu: work.longest / 1000 };
      }, null),
    previews: async (base64) => {
      // Fewer than are sent: on a busy machine the first ones may be too early for the page.
      const heard = page.evaluate(hearPreviews, 50);
      await sleep(2000);
      const costs = await electron.evaluate(
        async ({ BrowserWindow }, { channel, content }) => {
          const [window] = BrowserWindow.getAllWindows();
          const spent: number[] = [];
          for (let step = 1; step <= 100; step += 1) {
            const begun = performance.now();
            const job = `job-${Math.round((performance.timeOrigin + begun) * 1000)}`;
            const event = {
              kind: 'preview',
              job,
              index: 0,
              step,
              stepCount: 100,
              mediaType: 'image/webp',
              base64: content,
            };
            // The page follows twice: the window itself, and this benchmark after it.
            window?.webContents.send(channel, 2, { event });
            spent.push(performance.now() - begun);
            await new Promise((resolve) => setTimeout(resolve, 20));
          }
          return spent;
        },
        { channel: signalChannel, content: base64 },
      );
      lineOf('Electron', 'preview sent, cost in the main process', 0.5, costs, 2);
      return heard;
    },
    close,
  };
}

/** Gives the newest images files and thumbnails; none has a record that could be shown. */
async function furnish(home: string): Promise<void> {
  const library = await generatedLibrary(home, count);
  const rows = library.database.all(
    `SELECT batch, file, pixel_hash FROM images WHERE deleted = 0 AND rejected = 0 ORDER BY key DESC LIMIT ${pictured}`,
  );
  library.database.run('UPDATE image_records SET record = NULL');
  const numbers = [0, 1, 2, 3, 4, 5, 6, 7];
  const pictures = await Promise.all(
    numbers.map(async (n) =>
      sharp(await vasePicture(n, 512))
        .png()
        .toBuffer(),
    ),
  );
  const small = await Promise.all(numbers.map((n) => vasePicture(n, 256)));
  rows.forEach((row, i) => {
    const folder = join(home, 'images', String(row['batch']));
    const hash = String(row['pixel_hash']);
    const thumbnails = join(home, 'cache', 'thumbnails', hash.slice(0, 2));
    mkdirSync(folder, { recursive: true });
    mkdirSync(thumbnails, { recursive: true });
    writeFileSync(join(folder, String(row['file'])), pictures[i % pictures.length] ?? '');
    writeFileSync(join(thumbnails, `${hash}-384.webp`), small[i % small.length] ?? '');
  });
  await library.close();
}

const home = await preparedHome();
try {
  execFileSync(process.execPath, ['node_modules/electron-vite/bin/electron-vite.js', 'build', '--logLevel', 'error'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await furnish(home.path);
  await measure(await browserMeasured(home.path));
  if (electronProgram !== undefined && (process.env['DISPLAY'] ?? '') !== '')
    await measure(await electronMeasured(home.path));
  else console.error('SKIPPED: Electron; it needs ELECTRON_OVERRIDE_DIST_PATH and a display.');
} finally {
  home.remove();
}
