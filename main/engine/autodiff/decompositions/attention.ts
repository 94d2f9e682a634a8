import { Failure } from '../../../contract/failures.ts';
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
  readonly bias?: string;
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

const multiHead: Decomposition = ({ node, inputs, make }) => {
  refuse(node, 4, [5]);
  const heads = intAttribute(node, 'num_heads', 1);
  const [query = '', key = '', value = '', bias = '', , attentionBias = ''] = inputs;
  const packed = (x: string, index: number): string =>
    make.transpose(make.squeeze(make.slice(x, make.ints([index]), make.ints([index + 1]), [3]), [3]), [0, 2, 1, 3]);
  const part = (index: number, like: string): string => {
    const at = make.mul(make.extentOf(like, -1), make.ints([index]));
    return make.slice(bias, at, make.add(at, make.extentOf(like, -1)), [0]);
  };
  const projected = (x: string, index: number): string => {
    if (make.rank(x) === 4) return x;
    return splitHeads(make, bias === '' ? x : make.add(x, part(index, query)), heads);
  };
  if (bias !== '' && make.rank(query) !== 3)
    throw new Failure('unsupported', 'MultiHeadAttention with a bias on packed inputs');
  const all: Heads =
    make.rank(query) === 5
      ? { q: packed(query, 0), k: packed(query, 1), v: packed(query, 2) }
      : make.rank(key) === 5
        ? { q: projected(query, 0), k: packed(key, 0), v: packed(key, 1) }
        : { q: projected(query, 0), k: projected(key, 1), v: projected(value, 2) };
  const causal = intAttribute(node, 'unidirectional', 0) === 1;
  return [joinHeads(make, attend(make, all, { scale: scaleOf(node), bias: attentionBias, causal }))];
};

/** Projection and attention in one: weights [C, 3·hidden]. */
const fusedAttention: Decomposition = ({ node, inputs, make }) => {
  refuse(node, 3, [5]);
  if (intsAttribute(node, 'qkv_hidden_sizes') !== undefined)
    throw new Failure('unsupported', 'Attention with hidden sizes of its own');
  const heads = intAttribute(node, 'num_heads', 1);
  const [x = '', weights = '', bias = '', , , attentionBias = ''] = inputs;
  const product = make.matMul(x, weights);
  const projected = bias === '' ? product : make.add(product, bias);
  const [q = '', k = '', v = ''] = make.node('Split', [projected], { axis: -1, num_outputs: 3 }, 3);
  const all = { q: splitHeads(make, q, heads), k: splitHeads(make, k, heads), v: splitHeads(make, v, heads) };
  const causal = intAttribute(node, 'unidirectional', 0) === 1;
  return [joinHeads(make, attend(make, all, { scale: scaleOf(node), bias: attentionBias, causal }))];
};

/** The standard operator (version 23): heads apart or joined, fewer key heads than query heads, a mask. */
const standard: Decomposition = ({ node, inputs, make }) => {
  refuse(node, 4, []);
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
