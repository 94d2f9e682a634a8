import { Failure } from '../../../contract/failures.ts';
import { floatAttribute, intAttribute, type Node } from '../../graph/model.ts';
import type { Extents, Operators } from '../../graph/operators.ts';
import type { Decomposition } from './decomposition.ts';

/** Turns pairs of channels of x [B, H, L, D] by angles whose cosines and sines are [.., L, R/2]. */
function rotate(make: Operators, node: Node, x: string, cos: string, sin: string): string {
  const size = intAttribute(node, 'rotary_embedding_dim', 0);
  const full = make.extentOf(x, -1);
  const rotated = size === 0 ? full : make.ints([size]);
  const zero = make.ints([0]);
  const turning = size === 0 ? x : make.slice(x, zero, rotated, [-1]);
  const half = make.div(rotated, make.ints([2]));
  const interleaved = intAttribute(node, 'interleaved', 0) === 1;
  const [a, b] = interleaved
    ? [make.slice(turning, zero, rotated, [-1], [2]), make.slice(turning, make.ints([1]), rotated, [-1], [2])]
    : [make.slice(turning, zero, half, [-1]), make.slice(turning, half, rotated, [-1])];
  const real = make.sub(make.mul(a, cos), make.mul(b, sin));
  const imaginary = make.add(make.mul(a, sin), make.mul(b, cos));
  const joined = interleaved
    ? make.reshapeLike(make.concat([make.unsqueeze(real, [-1]), make.unsqueeze(imaginary, [-1])], -1), turning)
    : make.concat([real, imaginary], -1);
  return size === 0 ? joined : make.concat([joined, make.slice(x, rotated, full, [-1])], -1);
}

/** Runs a function of [B, H, L, D] on [B, L, H·D] too; `layout` is H and D, one of them -1. */
function byHeads(make: Operators, x: string, layout: Extents, turn: (x: string) => string): string {
  if (make.rank(x) === 4) return turn(x);
  const apart = make.reshape(x, [make.extentOf(x, 0), make.extentOf(x, 1), ...layout]);
  return make.reshapeLike(make.transpose(turn(make.transpose(apart, [0, 2, 1, 3])), [0, 2, 1, 3]), x);
}

/** Rows of the cache for the positions, with an axis for the heads. */
function rows(make: Operators, cache: string, positions: string): string {
  const taken = positions === '' ? cache : make.gather(cache, positions, 0);
  return make.unsqueeze(taken, make.rank(taken) === 3 ? [1] : [0, 1]);
}

const standard: Decomposition = ({ node, inputs: [x = '', cos = '', sin = '', positions = ''], make }) => [
  byHeads(make, x, [intAttribute(node, 'num_heads', 1), -1], (heads) =>
    rotate(make, node, heads, rows(make, cos, positions), rows(make, sin, positions)),
  ),
];

/** Positions are given per token, or as the first one's alone. */
const fused: Decomposition = ({ node, inputs: [x = '', positions = '', cos = '', sin = ''], make }) => {
  if (floatAttribute(node, 'scale', 1) !== 1 || intAttribute(node, 'is_packed_batching', 0) !== 0)
    throw new Failure('unsupported', 'RotaryEmbedding that is scaled or of packed batches');
  const heads = intAttribute(node, 'num_heads', 0);
  // The cache is half as wide as a head, unless only a part of each head turns.
  const isWhole = heads === 0 && intAttribute(node, 'rotary_embedding_dim', 0) === 0;
  const layout = isWhole ? [-1, make.mul(make.extentOf(cos, -1), make.ints([2]))] : [Math.max(heads, 1), -1];
  const length = make.extentOf(x, make.rank(x) === 4 ? 2 : 1);
  const all = make.rank(positions) === 1 ? make.unsqueeze(make.add(positions, make.range(length)), [0]) : positions;
  return [byHeads(make, x, layout, (each) => rotate(make, node, each, rows(make, cos, all), rows(make, sin, all)))];
};

/** Rotary position embedding, in two dialects. */
export const rotary: Readonly<Record<'onnx' | 'microsoft', Readonly<Record<string, Decomposition>>>> = {
  onnx: { RotaryEmbedding: standard },
  microsoft: { RotaryEmbedding: fused },
};
