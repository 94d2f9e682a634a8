import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { pageRequestSchema, type LibraryQueryInput, type PageRequestInput } from '../../main/contract/library.ts';
import { recentBatches } from '../../main/library/batches.ts';
import { duplicateGroups } from '../../main/library/duplicates.ts';
import { LikenessOrder } from '../../main/library/likeness-order.ts';
import { openLibrary } from '../../main/library/library.ts';
import { rateImages } from '../../main/library/marks.ts';
import { searchAll, searchPage } from '../../main/library/search.ts';
import { generatedLibrary } from './generated-library.ts';

const count = Number(process.env['GAMUT_BENCHMARK_IMAGES'] ?? 100_000);
const home = await mkdtemp(join(tmpdir(), 'gamut-library-benchmark-'));

function line(figure: string, value: number, unit: string, more: Readonly<Record<string, unknown>> = {}): void {
  process.stdout.write(
    `${JSON.stringify({ benchmark: 'library', figure, value: round(value), unit, images: count, ...more })}\n`,
  );
}

/** Watches how long timers are kept waiting; the returned function ends it and gives the longest wait. */
function longestBlock(): () => Promise<number> {
  const histogram = monitorEventLoopDelay({ resolution: 1 });
  histogram.enable();
  return async () => {
    await sleep(5);
    histogram.disable();
    return histogram.max / 1e6;
  };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/**
 * Median and 95th percentile of repeated runs, in milliseconds; `cpu` is the median of the processor's time, which says
 * the same on a machine that is busy with something else.
 */
function timed(figure: string, times: number, work: (i: number) => unknown): void {
  const spans: number[] = [];
  const cpus: number[] = [];
  for (let i = 0; i < times; i += 1) {
    const cpu = process.cpuUsage();
    const start = performance.now();
    work(i);
    spans.push(performance.now() - start);
    const { user, system } = process.cpuUsage(cpu);
    cpus.push((user + system) / 1000);
  }
  const first = spans[0] ?? 0;
  const at = (values: number[], share: number): number =>
    values.sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(share * values.length))] ?? 0;
  line(figure, at(spans, 0.5), 'ms', { p95: round(at(spans, 0.95)), first: round(first), cpu: round(at(cpus, 0.5)) });
}

let start = performance.now();
let library = await generatedLibrary(home, count);
line('generate', (performance.now() - start) / 1000, 's');
// Before SQLite has statistics of what it holds.
timed('recent batches of a library never closed', 15, () => recentBatches(library, 30));
await library.close();

start = performance.now();
library = await openLibrary(home);
line('open', performance.now() - start, 'ms');

const queries: Readonly<Record<string, LibraryQueryInput>> = {
  newest: {},
  oldest: { sort: 'oldest' },
  rating: { sort: 'rating' },
  typical: { sort: 'typical' },
  unusual: { sort: 'unusual' },
  'text-match': { sort: 'text-match' },
  'picks only': { flags: ['pick'] },
  'picks by rating': { flags: ['pick'], sort: 'rating' },
  'rated 4 or more': { rating: { low: 4, high: null } },
  'one word': { words: 'terracotta' },
  'word of every image': { words: 'product' },
  'unfinished word': { words: 'terr' },
  'one letter': { words: 't' },
  'two words': { words: 'terracotta vase' },
  'word and sort': { words: 'vase', sort: 'typical' },
  'excluded word': { words: 'vase -terracotta' },
  'Japanese word': { words: '花瓶' },
  'nothing found': { words: 'zeppelin' },
  tag: { tags: ['tag 3'] },
  'one batch': { batch: 'batch-000100', candidates: 'all' },
  'settings ranges': { guidanceScale: { low: 3, high: 5 }, samplers: ['euler'], stepCount: { low: 20, high: 30 } },
  seed: { seed: 4711 },
  trash: { deleted: true },
};

function page(input: PageRequestInput): ReturnType<typeof searchPage> {
  return searchPage(library, pageRequestSchema.parse(input));
}

for (const [name, query] of Object.entries(queries)) timed(`search: ${name}`, 15, () => page({ query }));

for (const sort of ['newest', 'rating', 'typical'] as const) {
  let cursor: string | null = null;
  for (let i = 0; i < 60; i += 1) cursor = page({ query: { sort }, limit: 1000, cursor }).next;
  timed(`page after 60,000: ${sort}`, 15, () => page({ query: { sort }, cursor }));
  timed(`jump to 60,000: ${sort}`, 15, () => page({ query: { sort }, offset: 60_000 }));
}
timed('jump to 8,000 of a word', 15, () => page({ query: { words: 'product' }, offset: 8_000 }));

const likeness = new LikenessOrder(library);
const similar = pageRequestSchema.parse({ query: { sort: 'similar', similarTo: 'batch-000100-00001' }, limit: 50 });
const longestOfSimilar = longestBlock();
start = performance.now();
await likeness.page(similar);
line('order by similarity', performance.now() - start, 'ms', { longestBlock: round(await longestOfSimilar()) });

const compared = [...searchAll(library, { sort: 'oldest' })].slice(0, 5000).map(({ id }) => id);
const longest = longestBlock();
start = performance.now();
await duplicateGroups(library, compared);
line('duplicates among 5,000', performance.now() - start, 'ms', { longestBlock: round(await longest()) });

const spans: number[] = [];
for (let i = 0; i < 100; i += 1) {
  start = performance.now();
  await rateImages(library, [`batch-000${String(100 + i)}-00001`], 1 + (i % 5));
  spans.push(performance.now() - start);
}
spans.sort((a, b) => a - b);
line('rate one image', spans[50] ?? 0, 'ms', { p95: round(spans[95] ?? 0) });
library.database.close();
await rm(home, { recursive: true, force: true });
