import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import type { Features } from './features.ts';

/**
 * Inner products of two blocks of vectors, [rowCount, columnCount] = rows · columnsᵀ, in float32.
 * Injected: ONNX Runtime multiplies matrices far faster than plain TypeScript.
 */
export type BlockProduct = (
  rows: Float32Array,
  rowCount: number,
  columns: Float32Array,
  columnCount: number,
  width: number,
) => Promise<Float32Array>;

/** A block of squared distances: `squared` is [rowEnd − rowStart, columnEnd − columnStart]. */
export interface DistanceBlock {
  readonly rowStart: number;
  readonly rowEnd: number;
  readonly columnStart: number;
  readonly columnEnd: number;
  readonly squared: Float32Array | Float64Array;
  /** Largest possible error of any entry; 0 where the distances were taken directly. */
  readonly slack: number;
}

/** Rows and columns of one block: with 512 features about 12 MB of operands and 32 MB of products. */
const rowsPerBlock = 2048;
const columnsPerBlock = 4096;
/** Half the distance between 1 and the next float32. */
const roundoff = 2 ** -24;

/** Squared Euclidean distance between a row of `a` and a row of `b`, summed in float64 from direct differences. */
export function squaredDistance(a: Features, i: number, b: Features, j: number): number {
  const { width } = a;
  const x = a.values;
  const y = b.values;
  let sum = 0;
  for (let at = i * width, to = j * width, end = at + width; at < end; at++, to++) {
    const difference = (x[at] as number) - (y[to] as number);
    sum += difference * difference;
  }
  return sum;
}

/**
 * Every squared distance between rows of `a` and rows of `b`, a block at a time, rows outermost.
 *
 * Without `product` each is taken directly. With it, |a|² + |b|² − 2ab after both sets are centred (the expansion loses
 * digits when the points lie far from the origin), and `slack` bounds what is still lost, so that the caller can take
 * the entries that matter again with `squaredDistance`.
 */
export async function* distanceBlocks(
  a: Features,
  b: Features,
  product: BlockProduct | null = null,
  signal?: AbortSignal,
): AsyncGenerator<DistanceBlock> {
  const expanded = product === null ? null : expand(a, b, product);
  for (let rowStart = 0; rowStart < a.count; rowStart += rowsPerBlock) {
    const rowEnd = Math.min(a.count, rowStart + rowsPerBlock);
    for (let columnStart = 0; columnStart < b.count; columnStart += columnsPerBlock) {
      // Lets a stop through, and the process's signs of life.
      await turnOfTheLoop();
      signal?.throwIfAborted();
      const range = { rowStart, rowEnd, columnStart, columnEnd: Math.min(b.count, columnStart + columnsPerBlock) };
      yield expanded === null ? { ...range, squared: direct(a, b, range), slack: 0 } : await expanded(range);
    }
  }
}

type Range = Pick<DistanceBlock, 'rowStart' | 'rowEnd' | 'columnStart' | 'columnEnd'>;

function direct(a: Features, b: Features, { rowStart, rowEnd, columnStart, columnEnd }: Range): Float64Array {
  const columns = columnEnd - columnStart;
  const squared = new Float64Array((rowEnd - rowStart) * columns);
  // Columns in groups small enough to stay in the cache while every row passes over them.
  const group = Math.max(8, Math.floor(16_384 / a.width));
  for (let from = columnStart; from < columnEnd; from += group)
    for (let i = rowStart; i < rowEnd; i++)
      for (let j = from; j < Math.min(columnEnd, from + group); j++)
        squared[(i - rowStart) * columns + j - columnStart] = squaredDistance(a, i, b, j);
  return squared;
}

function expand(a: Features, b: Features, product: BlockProduct): (range: Range) => Promise<DistanceBlock> {
  const { width } = a;
  const centre = meanOf(b);
  const aNorms = centredNorms(a, centre);
  const bNorms = a === b ? aNorms : centredNorms(b, centre);
  let columnsAt = -1;
  let columns = new Float32Array(0);
  return async (range) => {
    const { rowStart, rowEnd, columnStart, columnEnd } = range;
    const rows = centredBlock(a, centre, rowStart, rowEnd);
    if (columnsAt !== columnStart) columns = centredBlock(b, centre, columnStart, columnEnd);
    columnsAt = columnStart;
    const columnCount = columnEnd - columnStart;
    const squared = await product(rows, rowEnd - rowStart, columns, columnCount, width);
    let largestA = 0;
    let largestB = 0;
    for (let j = columnStart; j < columnEnd; j++) largestB = Math.max(largestB, bNorms[j] as number);
    for (let i = rowStart; i < rowEnd; i++) {
      const norm = aNorms[i] as number;
      largestA = Math.max(largestA, norm);
      for (let at = (i - rowStart) * columnCount, j = columnStart; j < columnEnd; j++, at++)
        squared[at] = norm + (bNorms[j] as number) - 2 * (squared[at] as number);
    }
    // A sum of `width` products errs by at most width · roundoff · |a||b| (Higham 2002, section 3.1); the rest is rounding
    // of the centred coordinates and of the final sum.
    const slack =
      roundoff * (2 * (width + 4) * Math.sqrt(largestA * largestB) + 8 * (largestA + largestB)) + Number.MIN_VALUE;
    return { ...range, squared, slack };
  };
}

/** Mean vector of a set. */
export function meanOf(set: Features): Float64Array {
  const mean = new Float64Array(set.width);
  for (let i = 0, at = 0; i < set.count; i++)
    for (let j = 0; j < set.width; j++, at++) mean[j] = (mean[j] as number) + (set.values[at] as number);
  return mean.map((sum) => sum / set.count);
}

function centredBlock(set: Features, centre: Float64Array, start: number, end: number): Float32Array<ArrayBuffer> {
  const { width, values } = set;
  const block = new Float32Array((end - start) * width);
  for (let i = start, at = 0; i < end; i++)
    for (let j = 0; j < width; j++, at++) block[at] = (values[i * width + j] as number) - (centre[j] as number);
  return block;
}

function centredNorms(set: Features, centre: Float64Array): Float64Array {
  const { width, values } = set;
  const norms = new Float64Array(set.count);
  for (let i = 0, at = 0; i < set.count; i++) {
    let sum = 0;
    for (let j = 0; j < width; j++, at++) {
      // Rounded as the block is, so that a point's distance to itself comes out near 0.
      const value = Math.fround((values[at] as number) - (centre[j] as number));
      sum += value * value;
    }
    norms[i] = sum;
  }
  return norms;
}
