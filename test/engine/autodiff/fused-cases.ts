import type { GivenAttributes } from '../../../main/engine/graph/builder.ts';
import type { Model, Node, ValueDeclaration } from '../../../main/engine/graph/model.ts';
import type { RawTensor } from '../../doubles/raw-session.ts';
import { modelOf, op, value } from '../../doubles/small-models.ts';

/** A fused operator with inputs, and, where the CPU has no kernel of it, what it is defined to be, in plain operators. */
export interface FusedCase {
  readonly name: string;
  readonly operator: string;
  readonly model: Model;
  readonly definition?: Model;
  readonly inputs: Readonly<Record<string, RawTensor>>;
}

/** An input: its dims alone for floats; with whole numbers, those. */
type Given =
  readonly number[] | { readonly dims: readonly number[]; readonly whole: readonly number[]; readonly type?: 'int64' };

/** Numbers like a normal sample: the sum of three waves that do not meet. */
function wave(size: number, seed: number): Float32Array {
  const at = (index: number): number =>
    Math.sin(1.3 * index + seed) + 0.7 * Math.cos(2.9 * index * seed) + 0.5 * Math.sin(0.37 * index * index + 2 * seed);
  return Float32Array.from({ length: size }, (_, index) => at(index));
}

function tensor(given: Given, seed: number): RawTensor {
  if ('whole' in given)
    return given.type === 'int64'
      ? { type: 'int64', dims: given.dims, data: BigInt64Array.from(given.whole, BigInt) }
      : { type: 'int32', dims: given.dims, data: Int32Array.from(given.whole) };
  const size = given.reduce((count, dim) => count * dim, 1);
  return { type: 'float32', dims: given, data: wave(size, seed) };
}

function model(nodes: readonly Node[], inputs: Readonly<Record<string, RawTensor>>, rank: number, opset = 21): Model {
  const declared = Object.entries(inputs).map(([name, { type, dims }]): ValueDeclaration =>
    value(name, dims, type === 'int32' || type === 'int64' ? type : 'float32'),
  );
  const y = value(
    'y',
    Array.from({ length: rank }, () => undefined),
  );
  const plain = modelOf(nodes, declared, [y], {}, opset);
  return { ...plain, irVersion: 10, opsets: { '': opset, 'com.microsoft': 1 } };
}

/**
 * One node of com.microsoft over inputs in order ('' is omitted by naming it `_…`).
 *
 * @param definition the same in plain operators, from the same inputs to `y`
 */
function fused(
  name: string,
  operator: string,
  given: Readonly<Record<string, Given>>,
  rank: number,
  attributes: GivenAttributes = {},
  definition?: readonly Node[],
  outputs: readonly string[] = ['y'],
): FusedCase {
  const there = Object.entries(given).filter(([key]) => !key.startsWith('_'));
  const inputs = Object.fromEntries(there.map(([key, each], index) => [key, tensor(each, index + 1)]));
  const names = Object.keys(given).map((key) => (key.startsWith('_') ? '' : key));
  const node: Node = { ...op(operator, names, outputs, attributes), domain: 'com.microsoft' };
  return {
    name,
    operator,
    inputs,
    model: model([node], inputs, rank),
    ...(definition === undefined ? {} : { definition: model(definition, inputs, rank) }),
  };
}

/** An operator of ai.onnx whose cases are not among the stored ones. */
function plain(
  operator: string,
  given: Readonly<Record<string, Given>>,
  nodes: readonly Node[],
  rank: number,
  definition?: readonly Node[],
  opset = 21,
): FusedCase {
  const inputs = Object.fromEntries(Object.entries(given).map(([key, each], index) => [key, tensor(each, index + 1)]));
  const shown = definition === undefined ? {} : { definition: model(definition, inputs, rank) };
  return { name: operator, operator, inputs, model: model(nodes, inputs, rank, opset), ...shown };
}

const none: Given = [];
const toFirst = { perm: [0, 3, 1, 2] };
const toLast = { perm: [0, 2, 3, 1] };
const gelu = (x: string, y: string): Node => op('Gelu', [x], y);
const int = (name: string, numbers: readonly number[]): Node => op('Constant', [], name, { value_ints: numbers });
const head = (count: number) => ({ num_heads: count });

/** Group normalization of images with channels last, by the standard operator of images with channels first. */
const groupNorm = (x: string, y: string, activation: boolean): readonly Node[] => [
  op('Transpose', [x], 'first', toFirst),
  op('GroupNormalization', ['first', 'gamma', 'beta'], 'normal', { num_groups: 2, epsilon: { float: 1e-5 } }),
  op('Transpose', ['normal'], activation ? 'last' : y, toLast),
  ...(activation ? [op('Sigmoid', ['last'], 'gate'), op('Mul', ['last', 'gate'], y)] : []),
];

const ids: Given = { dims: [2, 3], whole: [1, 0, 4, 2, 2, 3] };
const mask: Given = { dims: [2, 3], whole: [1, 1, 0, 1, 1, 1] };

/** Fused operators in the forms that optimizers leave behind, and operators that have no stored case. */
export const fusedCases: readonly FusedCase[] = [
  fused('Gelu', 'Gelu', { x: [3, 4] }, 2),
  fused('BiasGelu', 'BiasGelu', { x: [3, 4], bias: [4] }, 2),
  fused('FastGelu', 'FastGelu', { x: [3, 4], bias: [4] }, 2),
  fused('QuickGelu', 'QuickGelu', { x: [3, 4] }, 2, { alpha: { float: 1.702 } }),
  fused('GemmFastGelu', 'GemmFastGelu', { x: [3, 4], w: [4, 5], bias: [5] }, 2, {}, [
    op('MatMul', ['x', 'w'], 'product'),
    op('Add', ['product', 'bias'], 'moved'),
    op('Gelu', ['moved'], 'y', { approximate: 'tanh' }),
  ]),
  fused('BiasAdd', 'BiasAdd', { x: [2, 3, 4], bias: [4], skip: [2, 3, 4] }, 3, {}, [
    op('Add', ['x', 'bias'], 'moved'),
    op('Add', ['moved', 'skip'], 'y'),
  ]),
  fused('BiasSplitGelu', 'BiasSplitGelu', { x: [2, 3, 8], bias: [8] }, 3, {}, [
    op('Add', ['x', 'bias'], 'moved'),
    op('Split', ['moved'], ['left', 'right'], { axis: -1, num_outputs: 2 }),
    gelu('right', 'gate'),
    op('Mul', ['left', 'gate'], 'y'),
  ]),
  fused(
    'SkipLayerNormalization',
    'SkipLayerNormalization',
    { x: [2, 3, 4], skip: [2, 3, 4], gamma: [4], beta: [4], bias: [4] },
    3,
  ),
  fused(
    'SkipSimplifiedLayerNormalization',
    'SkipSimplifiedLayerNormalization',
    { x: [2, 3, 4], skip: [2, 3, 4], gamma: [4] },
    3,
  ),
  fused(
    'EmbedLayerNormalization',
    'EmbedLayerNormalization',
    {
      ids,
      kinds: { dims: [2, 3], whole: [0, 0, 1, 1, 0, 0] },
      words: [5, 4],
      places: [3, 4],
      segments: [2, 4],
      gamma: [4],
      beta: [4],
    },
    3,
    {},
    undefined,
    ['y', 'count'],
  ),
  fused(
    'GroupNorm',
    'GroupNorm',
    { x: [2, 3, 2, 4], gamma: [4], beta: [4] },
    4,
    { groups: 2, activation: 0 },
    groupNorm('x', 'y', false),
  ),
  fused(
    'GroupNorm with SiLU',
    'GroupNorm',
    { x: [2, 3, 2, 4], gamma: [4], beta: [4] },
    4,
    { groups: 2, activation: 1 },
    groupNorm('x', 'y', true),
  ),
  fused(
    'SkipGroupNorm, a skip and a bias',
    'SkipGroupNorm',
    { x: [2, 3, 2, 4], gamma: [4], beta: [4], skip: [2, 3, 2, 4], bias: [4] },
    4,
    { groups: 2, activation: 1 },
    [op('Add', ['x', 'skip'], 'both'), op('Add', ['both', 'bias'], 'sum'), ...groupNorm('sum', 'y', true)],
  ),
  fused(
    'SkipGroupNorm, a skip per channel',
    'SkipGroupNorm',
    { x: [2, 3, 2, 4], gamma: [4], beta: [4], skip: [2, 4] },
    4,
    { groups: 2, activation: 1 },
    [
      int('axes', [1, 2]),
      op('Unsqueeze', ['skip', 'axes'], 'spread'),
      op('Add', ['x', 'spread'], 'sum'),
      ...groupNorm('sum', 'y', true),
    ],
  ),
  fused(
    'NhwcConv',
    'NhwcConv',
    { x: [2, 5, 6, 4], w: [3, 3, 3, 4], bias: [3] },
    4,
    { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [2, 2] },
    [
      op('Transpose', ['x'], 'image', toFirst),
      op('Transpose', ['w'], 'kernel', toFirst),
      op('Conv', ['image', 'kernel', 'bias'], 'out', { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [2, 2] }),
      op('Transpose', ['out'], 'y', toLast),
    ],
  ),
  fused('FusedConv', 'FusedConv', { x: [1, 2, 5, 4], w: [3, 2, 3, 3], bias: [3] }, 4, {
    kernel_shape: [3, 3],
    pads: [1, 1, 1, 1],
    activation: 'Tanh',
  }),
  fused('FusedGemm', 'FusedGemm', { a: [4, 3], b: [4, 5], c: [5] }, 2, {
    transA: 1,
    alpha: { float: 0.5 },
    activation: 'Tanh',
  }),
  fused('FusedMatMul', 'FusedMatMul', { a: [2, 4, 3], b: [2, 5, 4] }, 3, {
    transA: 1,
    transB: 1,
    alpha: { float: 0.7 },
  }),
  fused('FusedMatMul, a transposed stack', 'FusedMatMul', { a: [4, 2, 3, 5], b: [6, 2, 3, 5] }, 4, {
    transBatchA: 1,
    transBatchB: 1,
    transB: 1,
  }),
  fused('FusedMatMul, everything transposed', 'FusedMatMul', { a: [5, 2, 4], b: [2, 3, 5] }, 3, {
    transBatchA: 1,
    transA: 1,
    transB: 1,
  }),
  fused('TransposeMatMul', 'TransposeMatMul', { a: [2, 4, 3], b: [2, 4, 5] }, 3, { transA: 1, alpha: { float: 0.7 } }),
  fused('Attention', 'Attention', { x: [2, 3, 4], w: [4, 12], bias: [12] }, 3, head(2)),
  fused('Attention, causal', 'Attention', { x: [2, 3, 4], w: [4, 12], bias: [12] }, 3, {
    ...head(2),
    unidirectional: 1,
  }),
  fused('Attention, a mask', 'Attention', { x: [2, 3, 4], w: [4, 12], bias: [12], mask }, 3, head(2)),
  fused(
    'Attention, lengths',
    'Attention',
    { x: [2, 3, 4], w: [4, 12], bias: [12], mask: { dims: [2], whole: [2, 3] } },
    3,
    head(2),
  ),
  fused('Attention, sizes of its own', 'Attention', { x: [2, 3, 4], w: [4, 14], bias: [14] }, 3, {
    ...head(2),
    qkv_hidden_sizes: [4, 4, 6],
  }),
  fused('MultiHeadAttention', 'MultiHeadAttention', { q: [2, 3, 4], k: [2, 5, 4], v: [2, 5, 4] }, 3, head(2)),
  fused(
    'MultiHeadAttention, a bias, wider values',
    'MultiHeadAttention',
    { q: [2, 3, 4], k: [2, 5, 4], v: [2, 5, 6], bias: [14] },
    3,
    head(2),
  ),
  fused(
    'MultiHeadAttention, a mask',
    'MultiHeadAttention',
    { q: [2, 3, 4], k: [2, 3, 4], v: [2, 3, 4], _bias: none, mask },
    3,
    head(2),
  ),
  fused(
    'MultiHeadAttention, scores moved',
    'MultiHeadAttention',
    { q: [2, 3, 4], k: [2, 5, 4], v: [2, 5, 4], _bias: none, _mask: none, moved: [1, 2, 3, 5] },
    3,
    head(2),
  ),
  fused(
    'MultiHeadAttention, heads apart',
    'MultiHeadAttention',
    { q: [2, 3, 4], k: [2, 2, 5, 2], v: [2, 2, 5, 2] },
    3,
    head(2),
  ),
  fused(
    'MultiHeadAttention, packed',
    'MultiHeadAttention',
    { qkv: [2, 3, 2, 3, 2] },
    3,
    head(2),
    packedDefinition('qkv'),
  ),
  fused(
    'MultiHeadAttention, packed keys and values',
    'MultiHeadAttention',
    { q: [2, 3, 4], kv: [2, 5, 2, 2, 2] },
    3,
    head(2),
    packedDefinition('kv'),
  ),
  fused('RotaryEmbedding', 'RotaryEmbedding', { x: [2, 2, 3, 4], ...rotary() }, 4, {}),
  fused('RotaryEmbedding, interleaved, joined', 'RotaryEmbedding', { x: [2, 3, 8], ...rotary() }, 3, {
    interleaved: 1,
  }),
  plain('CastLike', { x: [3, 4], like: [2] }, [op('CastLike', ['x', 'like'], 'z'), op('Mul', ['z', 'z'], 'y')], 2),
  plain(
    'Swish',
    { x: [3, 4] },
    [op('Swish', ['x'], 'y', { alpha: { float: 1.5 } })],
    2,
    [
      op('Constant', [], 'alpha', { value_float: { float: 1.5 } }),
      op('Mul', ['x', 'alpha'], 'scaled'),
      op('Sigmoid', ['scaled'], 'gate'),
      op('Mul', ['x', 'gate'], 'y'),
    ],
    24,
  ),
  plain(
    'Col2Im',
    { x: [2, 12, 6] },
    [
      int('image', [4, 6]),
      int('block', [2, 3]),
      op('Col2Im', ['x', 'image', 'block'], 'y', { strides: [2, 2], pads: [0, 1, 0, 0] }),
    ],
    4,
  ),
  plain(
    'MeanVarianceNormalization',
    { x: [2, 3, 2, 2] },
    [op('MeanVarianceNormalization', ['x'], 'y', { axes: [0, 2, 3] })],
    4,
  ),
  plain(
    'ReverseSequence',
    { x: [4, 3, 2] },
    [int('lengths', [2, 4, 1]), op('ReverseSequence', ['x', 'lengths'], 'y', { batch_axis: 1, time_axis: 0 })],
    3,
  ),
];

function rotary(): Readonly<Record<string, Given>> {
  return { positions: { dims: [2, 3], whole: [0, 1, 2, 2, 1, 0], type: 'int64' }, cos: [3, 2], sin: [3, 2] };
}

/** Attention whose heads lie in one tensor [B, L, H, 3 or 2, D], taken apart by Gather. */
function packedDefinition(packed: 'qkv' | 'kv'): readonly Node[] {
  const part = (name: string, at: number): readonly Node[] => [
    op('Constant', [], `${name} at`, { value_int: at }),
    op('Gather', [packed, `${name} at`], `${name} rows`, { axis: 3 }),
    op('Transpose', [`${name} rows`], name, { perm: [0, 2, 1, 3] }),
  ];
  const query: readonly Node[] =
    packed === 'qkv'
      ? part('Q', 0)
      : [
          int('apart', [2, 3, 2, 2]),
          op('Reshape', ['q', 'apart'], 'rows'),
          op('Transpose', ['rows'], 'Q', { perm: [0, 2, 1, 3] }),
        ];
  const first = packed === 'qkv' ? 1 : 0;
  return [
    ...query,
    ...part('K', first),
    ...part('V', first + 1),
    op('Transpose', ['K'], 'KT', { perm: [0, 1, 3, 2] }),
    op('MatMul', ['Q', 'KT'], 'scores'),
    op('Constant', [], 'factor', { value_float: { float: Math.SQRT1_2 } }),
    op('Mul', ['scores', 'factor'], 'scaled'),
    op('Softmax', ['scaled'], 'shares', { axis: -1 }),
    op('MatMul', ['shares', 'V'], 'heads'),
    op('Transpose', ['heads'], 'turned', { perm: [0, 2, 1, 3] }),
    int('joined', [2, 3, 4]),
    op('Reshape', ['turned', 'joined'], 'y'),
  ];
}
