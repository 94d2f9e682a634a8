import { Failure } from '../../../contract/failures.ts';
import { same } from '../../graph/dimension.ts';
import { floatAttribute, intAttribute, intsAttribute, type Node } from '../../graph/model.ts';
import type { Operators } from '../../graph/operators.ts';
import type { Decomposition } from './decomposition.ts';

interface Heads {
  readonly q: string;
  readonly k: string;
  readonly v: string;
}

interface Scoring {
  /** undefined: 1/√(head size) */
  readonly scale: number | undefined;
  readonly bias?: string | undefined;
  readonly causal?: boolean;
  readonly softcap?: number;
}

/** softmax(q·kᵀ·scale + bias)·v for heads [B, H, L, D]. */
function attend(make: Operators, { q, k, v }: Heads, { scale, bias, causal, softcap = 0 }: Scoring): string {
  const headSize = make.cast(make.extentOf(q, -1), make.typeOf(q));
  const factor = scale === undefined ? make.reciprocal(make.sqrt(headSize)) : make.scalar(scale, q);
  let scores = make.mul(make.matMul(q, make.transpose(k, [0, 1, 3, 2])), factor);
  if (softcap > 0) scores = make.scale(make.tanh(make.scale(scores, 1 / softcap)), softcap);
  const low = make.scalar(make.typeOf(q) === 'float16' ? -65504 : -3.4e38, q);
  if (causal === true) {
    const row = make.unsqueeze(make.range(make.extentOf(q, 2)), [1]);
    const column = make.unsqueeze(make.range(make.extentOf(k, 2)), [0]);
    scores = make.where(make.lessOrEqual(column, row), scores, low);
  }
  if (bias !== undefined && bias !== '')
    scores = make.typeOf(bias) === 'bool' ? make.where(bias, scores, low) : make.add(scores, bias);
  return make.matMul(make.softmax(scores, -1), v);
}

/** [B, L, H·D] → [B, H, L, D] */
function splitHeads(make: Operators, x: string, heads: number): string {
  return make.transpose(make.reshape(x, [make.extentOf(x, 0), make.extentOf(x, 1), heads, -1]), [0, 2, 1, 3]);
}

/** [B, H, L, D] → [B, L, H·D] */
function joinHeads(make: Operators, x: string): string {
  const turned = make.transpose(x, [0, 2, 1, 3]);
  return make.reshape(turned, [make.extentOf(turned, 0), make.extentOf(turned, 1), -1]);
}

function refuse(node: Node, from: number, allowed: readonly number[]): void {
  const extra = node.inputs.findIndex((name, index) => name !== '' && index >= from && !allowed.includes(index));
  if (extra >= 0) throw new Failure('unsupported', `${node.operator} with input ${extra} ("${node.inputs[extra]}")`);
}

/** A scale of 0 in the fused operators means the default. */
function scaleOf(node: Node): number | undefined {
  const scale = floatAttribute(node, 'scale', 0);
  return scale === 0 ? undefined : scale;
}

/** Attributes that change what the operator does, at values that leave it as it is. */
function refuseAttributes(node: Node, neutral: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(neutral))
    if (floatAttribute(node, name, value) !== value)
      throw new Failure('unsupported', `${node.operator} with ${name} = ${floatAttribute(node, name, value)}`);
}

/**
 * What the fused operators add to scores for a mask: their filter value where it hides a key.
 * Masks are 1 for keys that are seen, [B, M] or [B, L, M], or the number of such keys, [B].
 */
function maskBias(make: Operators, node: Node, mask: string, like: string, k: string): string {
  const hidden = make.scalar(floatAttribute(node, 'mask_filter_value', -10000), like);
  const rank = make.rank(mask);
  if (rank > 3) throw new Failure('unsupported', `${node.operator} with a mask of ${rank} dims`);
  if (rank > 1) {
    const seen = make.unsqueeze(make.cast(mask, make.typeOf(like)), rank === 2 ? [1, 2] : [1]);
    return make.mul(make.sub(make.scalar(1, like), seen), hidden);
  }
  const [batch, length] = [make.dimsOf(k)[0], make.dimsOf(mask)[0]];
  if (batch === undefined || length === undefined || !same(batch, length))
    throw new Failure('unsupported', `${node.operator} with a mask of starts and ends`);
  const place = make.cast(make.range(make.extentOf(k, 2)), make.typeOf(mask));
  const isSeen = make.less(make.unsqueeze(place, [0, 1, 2]), make.unsqueeze(mask, [1, 2, 3]));
  return make.where(isSeen, make.scalar(0, like), hidden);
}

/** The sum of the biases that are there. */
function biases(make: Operators, ...given: readonly (string | undefined)[]): string | undefined {
  const there = given.filter((each): each is string => each !== undefined && each !== '');
  return there.length === 0 ? undefined : there.reduce(make.add);
}

const multiHead: Decomposition = ({ node, inputs, make }) => {
  refuse(node, 6, []);
  const heads = intAttribute(node, 'num_heads', 1);
  const [query = '', key = '', value = '', bias = '', mask = '', attentionBias = ''] = inputs;
  const rank = make.rank(query);
  // The bias is that of queries, keys and values, one after the other; keys are as wide as queries.
  const wide = rank === 5 ? make.mul(make.extentOf(query, 2), make.extentOf(query, 4)) : make.extentOf(query, -1);
  const part = (index: number): string => {
    const end = index === 2 ? make.extentOf(bias, 0) : make.mul(wide, make.ints([index + 1]));
    return make.slice(bias, make.mul(wide, make.ints([index])), end, [0]);
  };
  const packed = (x: string, index: number, which: number): string => {
    const own = make.squeeze(make.slice(x, make.ints([index]), make.ints([index + 1]), [3]), [3]);
    const moved = bias === '' ? own : make.add(own, make.reshape(part(which), [heads, -1]));
    return make.transpose(moved, [0, 2, 1, 3]);
  };
  const projected = (x: string, index: number): string => {
    if (make.rank(x) === 4) return x;
    return splitHeads(make, bias === '' ? x : make.add(x, part(index)), heads);
  };
  const all: Heads =
    rank === 5
      ? { q: packed(query, 0, 0), k: packed(query, 1, 1), v: packed(query, 2, 2) }
      : make.rank(key) === 5
        ? { q: projected(query, 0), k: packed(key, 0, 1), v: packed(key, 1, 2) }
        : { q: projected(query, 0), k: projected(key, 1), v: projected(value, 2) };
  const masked = mask === '' ? undefined : maskBias(make, node, mask, all.q, all.k);
  const causal = intAttribute(node, 'unidirectional', 0) === 1;
  const scoring = { scale: scaleOf(node), bias: biases(make, masked, attentionBias), causal };
  return [joinHeads(make, attend(make, all, scoring))];
};

/** Projection and attention in one: weights [C, hidden sizes of queries, keys and values]. */
const fusedAttention: Decomposition = ({ node, inputs, make }) => {
  refuse(node, 4, [5]);
  refuseAttributes(node, { do_rotary: 0 });
  const heads = intAttribute(node, 'num_heads', 1);
  const [x = '', weights = '', bias = '', mask = '', , attentionBias = ''] = inputs;
  const product = make.matMul(x, weights);
  const projected = bias === '' ? product : make.add(product, bias);
  const sizes = intsAttribute(node, 'qkv_hidden_sizes');
  const [q = '', k = '', v = ''] =
    sizes === undefined
      ? make.node('Split', [projected], { axis: -1, num_outputs: 3 }, 3)
      : make.node('Split', [projected, make.ints(sizes)], { axis: -1 }, 3);
  const all = { q: splitHeads(make, q, heads), k: splitHeads(make, k, heads), v: splitHeads(make, v, heads) };
  const masked = mask === '' ? undefined : maskBias(make, node, mask, all.q, all.k);
  const causal = intAttribute(node, 'unidirectional', 0) === 1;
  const scoring = { scale: scaleOf(node), bias: biases(make, masked, attentionBias), causal };
  return [joinHeads(make, attend(make, all, scoring))];
};

/** The standard operator (version 23): heads apart or joined, fewer key heads than query heads, a mask. */
const standard: Decomposition = ({ node, inputs, make }) => {
  refuse(node, 4, []);
  refuseAttributes(node, { left_window_size: -1, right_window_size: -1 });
  const [query = '', key = '', value = '', mask = ''] = inputs;
  const joined = make.rank(query) === 3;
  const apart = (x: string, attribute: string): string =>
    joined ? splitHeads(make, x, intAttribute(node, attribute, 1)) : x;
  const q = apart(query, 'q_num_heads');
  const repeated = (x: string): string => repeatHeads(make, apart(x, 'kv_num_heads'), q);
  const scale = node.attributes['scale'] === undefined ? undefined : floatAttribute(node, 'scale', 1);
  const causal = intAttribute(node, 'is_causal', 0) === 1;
  const softcap = floatAttribute(node, 'softcap', 0);
  const y = attend(make, { q, k: repeated(key), v: repeated(value) }, { scale, bias: mask, causal, softcap });
  return [joined ? joinHeads(make, y) : y];
};

/** Each key head serves as many query heads as there are to one of it. */
function repeatHeads(make: Operators, x: string, q: string): string {
  const [own, wanted] = [make.dimsOf(x)[1], make.dimsOf(q)[1]];
  if (typeof own !== 'number' || typeof wanted !== 'number')
    throw new Failure('unsupported', 'Attention with a number of heads only known at run time');
  if (own === wanted) return x;
  const each = wanted / own;
  const target = make.vector([make.extentOf(x, 0), own, each, make.extentOf(x, 2), make.extentOf(x, 3)]);
  return make.reshape(make.expandTo(make.unsqueeze(x, [2]), target), [
    make.extentOf(x, 0),
    wanted,
    make.extentOf(x, 2),
    make.extentOf(x, 3),
  ]);
}

/** Attention, fused in three dialects. */
export const attention: Readonly<Record<'onnx' | 'microsoft', Readonly<Record<string, Decomposition>>>> = {
  onnx: { Attention: standard },
  microsoft: { MultiHeadAttention: multiHead, Attention: fusedAttention },
};
