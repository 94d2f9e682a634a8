import { Failure } from '../../contract/failures.ts';
import { distanceBlocks, squaredDistance, type BlockProduct, type DistanceBlock } from './distances.ts';
import { checkSameWidth, type Features } from './features.ts';

/** The k nearest references of each query, nearest first: both arrays are [count, k]. */
export interface Neighbours {
  readonly count: number;
  readonly k: number;
  readonly indices: Int32Array;
  /** Euclidean distances. */
  readonly distances: Float64Array;
}

export interface NeighbourOptions {
  /** Matrix products from outside; null takes every distance directly, in float64. */
  readonly product?: BlockProduct | null;
  readonly signal?: AbortSignal;
  /** Told the share of the work that is done, 0–1. */
  readonly onProgress?: (done: number) => void;
}

/** More candidates than asked for are kept from rounded distances, so that the true k are almost surely among them. */
const spare = (k: number): number => k + Math.max(8, Math.ceil(k / 2));

/**
 * Exact k nearest neighbours of each row of `queries` among `references`. A query that is also a reference finds itself.
 *
 * Working memory: the blocks of `distances.ts` plus [2048, k] candidates; not the full table of distances.
 *
 * @throws bad-input when the widths differ or k is not within 1 … references
 */
export async function nearestNeighbours(
  queries: Features,
  references: Features,
  k: number,
  options: NeighbourOptions = {},
): Promise<Neighbours> {
  checkSameWidth(references, queries, 'reference', 'query');
  checkNeighbourCount(k, references.count, 'references');
  return search(queries, references, k, false, options);
}

/**
 * Exact k nearest neighbours of each reference among the others: a point is not its own neighbour (its duplicates are).
 *
 * @throws bad-input when k is not within 1 … references − 1
 */
export async function neighboursAmong(
  references: Features,
  k: number,
  options: NeighbourOptions = {},
): Promise<Neighbours> {
  checkNeighbourCount(k, references.count - 1, 'other references');
  return search(references, references, k, true, options);
}

function checkNeighbourCount(k: number, available: number, what: string): void {
  if (!Number.isInteger(k) || k < 1) throw new Failure('bad-input', `k: expected a whole number from 1, got ${k}`, 'k');
  if (k > available)
    throw new Failure('bad-input', `k: expected at most ${available}, the number of ${what}, got ${k}`, 'k');
}

async function search(
  queries: Features,
  references: Features,
  k: number,
  excludeSelf: boolean,
  { product = null, signal, onProgress }: NeighbourOptions,
): Promise<Neighbours> {
  const found: Neighbours = {
    count: queries.count,
    k,
    indices: new Int32Array(queries.count * k),
    distances: new Float64Array(queries.count * k),
  };
  const kept = product === null ? k : Math.min(references.count - (excludeSelf ? 1 : 0), spare(k));
  let candidates: Candidates[] = [];
  let slack = 0;
  for await (const block of distanceBlocks(queries, references, product, signal)) {
    if (block.columnStart === 0) {
      candidates = Array.from({ length: block.rowEnd - block.rowStart }, () => emptyCandidates(kept));
      slack = 0;
    }
    slack = Math.max(slack, block.slack);
    for (let row = 0; row < candidates.length; row++)
      collect(candidates[row] as Candidates, block, row, excludeSelf ? block.rowStart + row : -1);
    if (block.columnEnd === references.count) {
      for (let row = 0; row < candidates.length; row++)
        settle(found, block.rowStart + row, candidates[row] as Candidates, slack, queries, references, excludeSelf);
      onProgress?.(block.rowEnd / queries.count);
    }
  }
  return found;
}

/** The smallest squared distances so far as a max-heap: the worst stands first. */
interface Candidates {
  readonly squared: Float64Array;
  readonly indices: Int32Array;
}

function emptyCandidates(size: number): Candidates {
  return { squared: new Float64Array(size).fill(Infinity), indices: new Int32Array(size).fill(-1) };
}

function collect(heap: Candidates, block: DistanceBlock, row: number, self: number): void {
  const columns = block.columnEnd - block.columnStart;
  const { squared } = block;
  let worst = heap.squared[0] as number;
  for (let column = 0, at = row * columns; column < columns; column++, at++) {
    const distance = squared[at] as number;
    if (distance < worst && block.columnStart + column !== self) {
      replaceWorst(heap, distance, block.columnStart + column);
      worst = heap.squared[0] as number;
    }
  }
}

/** Puts a better candidate in the place of the worst and lets it sink to where it belongs. */
function replaceWorst({ squared, indices }: Candidates, distance: number, index: number): void {
  const size = squared.length;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= size) break;
    if (child + 1 < size && (squared[child + 1] as number) > (squared[child] as number)) child++;
    if ((squared[child] as number) <= distance) break;
    squared[at] = squared[child] as number;
    indices[at] = indices[child] as number;
    at = child;
  }
  squared[at] = distance;
  indices[at] = index;
}

/** Takes the winners' distances again directly; scans the whole set where rounding may have hidden one. */
function settle(
  found: Neighbours,
  query: number,
  candidates: Candidates,
  slack: number,
  queries: Features,
  references: Features,
  excludeSelf: boolean,
): void {
  let ranked = rank([...candidates.indices], queries, query, references);
  const complete = candidates.indices.length >= references.count - (excludeSelf ? 1 : 0);
  // Whatever was left out is at least this far away.
  const outside = (candidates.squared[0] as number) - slack;
  const kth = ranked[found.k - 1]?.squared ?? Infinity;
  if (slack > 0 && !complete && outside < kth) ranked = scan(queries, query, references, found.k, excludeSelf);
  for (let i = 0; i < found.k; i++) {
    const neighbour = ranked[i] as Ranked;
    found.indices[query * found.k + i] = neighbour.index;
    found.distances[query * found.k + i] = Math.sqrt(neighbour.squared);
  }
}

interface Ranked {
  readonly index: number;
  readonly squared: number;
}

function rank(indices: readonly number[], queries: Features, query: number, references: Features): Ranked[] {
  return indices
    .map((index) => ({ index, squared: squaredDistance(queries, query, references, index) }))
    .sort((a, b) => a.squared - b.squared || a.index - b.index);
}

function scan(queries: Features, query: number, references: Features, k: number, excludeSelf: boolean): Ranked[] {
  const heap = emptyCandidates(k);
  for (let index = 0; index < references.count; index++) {
    const distance = squaredDistance(queries, query, references, index);
    if (distance < (heap.squared[0] as number) && !(excludeSelf && index === query))
      replaceWorst(heap, distance, index);
  }
  return rank([...heap.indices], queries, query, references);
}
