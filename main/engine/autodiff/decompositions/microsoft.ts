import { Failure } from '../../../contract/failures.ts';
import { floatAttribute, intAttribute, intsAttribute, stringAttribute, type Node } from '../../graph/model.ts';
import type { Operators } from '../../graph/operators.ts';
import type { GivenAttributes } from '../../graph/builder.ts';
import type { Decomposition } from './decomposition.ts';

/** ½x(1 + erf(x/√2)) */
function gelu(make: Operators, x: string): string {
  return make.mul(x, make.scale(make.shift(make.erf(make.scale(x, Math.SQRT1_2)), 1), 0.5));
}

/** ½x(1 + tanh(√(2/π)(x + 0.044715x³))) */
function fastGelu(make: Operators, x: string): string {
  const c = Math.sqrt(2 / Math.PI);
  const inner = make.mul(x, make.shift(make.scale(make.square(x), 0.044715 * c), c));
  return make.mul(x, make.scale(make.shift(make.tanh(inner), 1), 0.5));
}

function silu(make: Operators, x: string): string {
  return make.mul(x, make.sigmoid(x));
}

/** The sum of those that are there. */
function sum(make: Operators, terms: readonly (string | undefined)[]): string {
  return terms.filter((term): term is string => term !== undefined && term !== '').reduce(make.add);
}

const skipLayerNorm: Decomposition = ({
  node,
  inputs: [x = '', skip = '', gamma = '', beta = '', bias = ''],
  make,
}) => {
  const total = sum(make, [x, skip, bias]);
  const epsilon = { float: floatAttribute(node, 'epsilon', 1e-12) };
  const normalized = make.one('LayerNormalization', [total, gamma, beta], { axis: -1, epsilon });
  return [normalized, '', '', total];
};

const skipRmsNorm: Decomposition = ({ node, inputs: [x = '', skip = '', gamma = '', bias = ''], make }) => {
  const total = sum(make, [x, skip, bias]);
  const mean = make.reduceMean(make.square(total), [-1]);
  const inverse = make.reciprocal(make.sqrt(make.shift(mean, floatAttribute(node, 'epsilon', 1e-12))));
  return [make.mul(make.mul(total, inverse), gamma), '', '', total];
};

/** Channels last, as the fused operator has them: groups over places and the channels of a group. */
function groupNorm(make: Operators, node: Node, x: string, gamma: string, beta: string): string {
  const groups = intAttribute(node, 'groups', 1);
  const channelsLast = intAttribute(node, 'channels_last', 1) === 1;
  const axes = make.dimsOf(x).map((_, axis) => axis);
  const toLast = [0, ...axes.slice(2), 1];
  const toFirst = [0, axes.length - 1, ...axes.slice(1, -1)];
  const last = channelsLast ? x : make.transpose(x, toLast);
  const rows = make.reshape(last, [
    make.extentOf(last, 0),
    -1,
    groups,
    make.div(make.extentOf(last, -1), make.ints([groups])),
  ]);
  const wide = make.cast(rows, 'float32');
  const centre = make.sub(wide, make.reduceMean(wide, [1, 3]));
  const variance = make.reduceMean(make.square(centre), [1, 3]);
  const inverse = make.reciprocal(make.sqrt(make.shift(variance, floatAttribute(node, 'epsilon', 1e-5))));
  const normalized = make.reshapeLike(make.mul(centre, inverse), last);
  const scaled = make.add(make.mul(normalized, make.cast(gamma, 'float32')), make.cast(beta, 'float32'));
  const result = make.cast(intAttribute(node, 'activation', 0) === 1 ? silu(make, scaled) : scaled, make.typeOf(x));
  return channelsLast ? result : make.transpose(result, toFirst);
}

const skipGroupNorm: Decomposition = ({
  node,
  inputs: [x = '', gamma = '', beta = '', skip = '', bias = ''],
  make,
}) => {
  const rank = make.rank(skip);
  // A skip may come per channel alone.
  const spread = rank === 2 ? make.unsqueeze(skip, [1, 2]) : skip;
  const total = sum(make, [x, spread, bias]);
  return [groupNorm(make, node, total, gamma, beta), total];
};

/** α·A′B′, where A′ and B′ have their first axis moved behind the rest of the stack (`transBatch`), then the last two swapped. */
const fusedMatMul: Decomposition = ({ node, inputs: [a = '', b = ''], make }) => {
  const turned = (x: string, side: 'A' | 'B'): string => {
    const rank = make.rank(x);
    if (rank < 2) return x;
    const stack = Array.from({ length: rank - 2 }, (_, axis) => axis);
    const isMoved = intAttribute(node, `transBatch${side}`, 0) !== 0;
    const order = isMoved ? [...stack.map((axis) => axis + 1), 0, rank - 1] : [...stack, rank - 2, rank - 1];
    const [rows = 0, columns = 0] = order.slice(-2);
    const isSwapped = intAttribute(node, `trans${side}`, 0) !== 0;
    return make.transpose(x, isSwapped ? [...order.slice(0, -2), columns, rows] : order);
  };
  return [make.scale(make.matMul(turned(a, 'A'), turned(b, 'B')), floatAttribute(node, 'alpha', 1))];
};

function activated(make: Operators, node: Node, x: string): string {
  const activation = stringAttribute(node, 'activation', '');
  const given = node.attributes['activation_params'];
  const parameters = given?.kind === 'floats' ? given.value : [];
  const alpha = { float: parameters[0] ?? floatAttribute(node, 'activation_alpha', 0.01) };
  switch (activation) {
    case '':
      return x;
    case 'Relu':
    case 'Sigmoid':
    case 'Tanh':
      return make.one(activation, [x]);
    case 'LeakyRelu':
      return make.one(activation, [x], { alpha });
    case 'HardSigmoid':
      return make.one(activation, [x], { alpha, beta: { float: parameters[1] ?? 0.5 } });
    case 'Clip':
      return make.one(activation, [
        x,
        make.scalar(parameters[0] ?? -Infinity, x),
        make.scalar(parameters[1] ?? Infinity, x),
      ]);
    default:
      throw new Failure('unsupported', `the fused activation "${activation}"`);
  }
}

function convAttributes(node: Node): GivenAttributes {
  const given: Record<string, number | readonly number[] | string> = { group: intAttribute(node, 'group', 1) };
  for (const name of ['kernel_shape', 'strides', 'pads', 'dilations']) {
    const value = intsAttribute(node, name);
    if (value !== undefined) given[name] = value;
  }
  if (node.attributes['auto_pad'] !== undefined) given['auto_pad'] = stringAttribute(node, 'auto_pad', 'NOTSET');
  return given;
}

const fusedConv: Decomposition = ({ node, inputs: [x = '', weight = '', bias = '', addend = ''], make }) => {
  const conv = make.one('Conv', [x, weight, bias], convAttributes(node));
  return [activated(make, node, sum(make, [conv, addend]))];
};

const fusedGemm: Decomposition = ({ node, inputs, make }) => {
  const gemm = make.one('Gemm', inputs, {
    alpha: { float: floatAttribute(node, 'alpha', 1) },
    beta: { float: floatAttribute(node, 'beta', 1) },
    transA: intAttribute(node, 'transA', 0),
    transB: intAttribute(node, 'transB', 0),
  });
  return [activated(make, node, gemm)];
};

/** Image and kernel with channels last. */
const nhwcConv: Decomposition = ({ node, inputs: [x = '', weight = '', bias = ''], make }) => {
  const first = (value: string): string => make.transpose(value, [0, 3, 1, 2]);
  return [make.transpose(make.one('Conv', [first(x), first(weight), bias], convAttributes(node)), [0, 2, 3, 1])];
};

const biasSplitGelu: Decomposition = ({ inputs: [x = '', bias = ''], make }) => {
  const [left = '', right = ''] = make.node('Split', [make.add(x, bias)], { axis: -1, num_outputs: 2 }, 2);
  return [make.mul(left, gelu(make, right))];
};

/** Embeddings of words, positions and segments, added and normalized; how many tokens are no padding; the sum itself. */
const embedLayerNorm: Decomposition = ({ node, inputs, make }) => {
  const [ids = '', segments = '', words = '', places = '', kinds = '', gamma = '', beta = '', mask = '', at = ''] =
    inputs;
  const place =
    at === ''
      ? make.unsqueeze(make.gather(places, make.range(make.extentOf(ids, 1)), 0), [0])
      : make.gather(places, at, 0);
  const kind = segments === '' || kinds === '' ? '' : make.gather(kinds, segments, 0);
  const total = sum(make, [make.gather(words, ids, 0), place, kind]);
  const epsilon = { float: floatAttribute(node, 'epsilon', 1e-12) };
  const normalized = make.one('LayerNormalization', [total, gamma, beta], { axis: -1, epsilon });
  return [normalized, mask === '' ? '' : make.reduceSum(make.cast(mask, 'int32'), [1], false), total];
};

/** The fused operators that ONNX Runtime's optimizer (Olive, Optimum) leaves in models. */
export const microsoft: Readonly<Record<string, Decomposition>> = {
  Gelu: ({ inputs: [x = ''], make }) => [gelu(make, x)],
  BiasGelu: ({ inputs: [x = '', bias = ''], make }) => [gelu(make, make.add(x, bias))],
  FastGelu: ({ inputs: [x = '', bias = ''], make }) => [fastGelu(make, sum(make, [x, bias]))],
  QuickGelu: ({ node, inputs: [x = ''], make }) => [
    make.mul(x, make.sigmoid(make.scale(x, floatAttribute(node, 'alpha', 1.702)))),
  ],
  BiasAdd: ({ inputs, make }) => [sum(make, inputs)],
  BiasSplitGelu: biasSplitGelu,
  GemmFastGelu: ({ inputs: [x = '', weight = '', bias = ''], make }) => [
    fastGelu(make, sum(make, [make.matMul(x, weight), bias])),
  ],
  EmbedLayerNormalization: embedLayerNorm,
  SkipLayerNormalization: skipLayerNorm,
  SkipSimplifiedLayerNormalization: skipRmsNorm,
  GroupNorm: ({ node, inputs: [x = '', gamma = '', beta = ''], make }) => [groupNorm(make, node, x, gamma, beta)],
  SkipGroupNorm: skipGroupNorm,
  FusedMatMul: fusedMatMul,
  TransposeMatMul: fusedMatMul,
  FusedConv: fusedConv,
  FusedGemm: fusedGemm,
  NhwcConv: nhwcConv,
};
