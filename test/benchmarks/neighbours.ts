import { cpus } from 'node:os';
import { matrixProduct } from '../../main/engine/features/matrix-product.ts';
import { nearestNeighbours } from '../../main/engine/features/neighbours.ts';
import { Sessions } from '../../main/engine/runtime/sessions.ts';
import { philoxStream } from '../../main/engine/tensor/philox.ts';

// Exact 20 nearest neighbours of 2,048 queries among 100,000 references × 512, against a plain loop on a part of it.
// Compare on the same machine with `python3 test/reference/metrics/brute_force.py` (numpy's matrix product and partition).
// Arguments: references, queries, width.

const [referenceCount = 100_000, queryCount = 2048, width = 512] = process.argv.slice(2).map(Number);
const k = 20;
const set = (seed: number, count: number) => ({
  count,
  width,
  values: philoxStream(seed, 0, 'start').normal(new Float32Array(count * width)),
});
const references = set(1, referenceCount);
const queries = set(2, queryCount);
const product = await matrixProduct(new Sessions());
// The first product plans and allocates; it is not what a long search is about.
const small = queries.values.subarray(0, 64 * width);
await product(small, 64, small, 64, width);

const before = process.memoryUsage.rss();
let started = performance.now();
const found = await nearestNeighbours(queries, references, k, { product });
const seconds = (performance.now() - started) / 1000;
const peak = process.resourceUsage().maxRSS * 1024;
const operations = 2 * queryCount * referenceCount * width;

// A plain loop over a few queries, scaled up.
const few = 16;
started = performance.now();
const part = { count: few, width, values: queries.values.subarray(0, few * width) };
const direct = await nearestNeighbours(part, references, k);
const plainSeconds = ((performance.now() - started) / 1000) * (queryCount / few);

let differing = 0;
for (let i = 0; i < few * k; i++) if (direct.indices[i] !== found.indices[i]) differing++;
console.log(
  JSON.stringify({
    benchmark: 'neighbours',
    cpu: cpus()[0]?.model,
    references: referenceCount,
    queries: queryCount,
    width,
    k,
    seconds,
    gflops: operations / seconds / 1e9,
    plainLoopSeconds: plainSeconds,
    timesFasterThanPlainLoop: plainSeconds / seconds,
    workingMegabytes: (peak - before) / 2 ** 20,
    neighboursThatDiffer: differing,
  }),
);
