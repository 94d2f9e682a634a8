import { Failure } from '../../../contract/failures.ts';
import {
  add,
  ceilDivide,
  divideExactly,
  floorDivide,
  multiply,
  product,
  subtract,
  textOf,
  type Dim,
} from '../dimension.ts';
import { intAttribute, intsAttribute, stringAttribute, type Node } from '../model.ts';
import { axisWithin, broadcast, dimsText, shaped, type Inference, type InferenceRule } from './fact.ts';
import { parseEquation } from './einsum-equation.ts';
import { dimsFrom } from './known-elements.ts';
import { checkConvolution, checkWindow, mayEqual } from './window-checks.ts';

/** Stride, dilation, kernel and padding of a convolution or pooling along each of its axes. */
export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** All the befores, then all the afters; undefined under auto_pad, which asks for the input's extent. */
  readonly pads: readonly number[] | undefined;
  readonly autoPad: 'NOTSET' | 'VALID' | 'SAME_UPPER' | 'SAME_LOWER';
}

/** The window of a node over `kernel` extents. */
export function windowOf(node: Node, kernel: readonly number[]): Window {
  const ones = kernel.map(() => 1);
  const autoPad = stringAttribute(node, 'auto_pad', 'NOTSET') as Window['autoPad'];
  const zeros = [...kernel, ...kernel].map(() => 0);
  return {
    kernel,
    strides: intsAttribute(node, 'strides') ?? ones,
    dilations: intsAttribute(node, 'dilations') ?? ones,
    pads: autoPad === 'NOTSET' ? (intsAttribute(node, 'pads') ?? zeros) : autoPad === 'VALID' ? zeros : undefined,
    autoPad,
  };
}

/** How far a kernel reaches along one axis, from its first to its last tap, both counted. */
export function reach(window: Window, axis: number): number {
  return ((window.kernel[axis] ?? 1) - 1) * (window.dilations[axis] ?? 1) + 1;
}

/** Output extents of a window sliding over `spatial` extents. */
export function slide(spatial: readonly Dim[], window: Window, ceil: boolean, fresh: Inference['fresh']): Dim[] {
  return spatial.map((extent, axis) => {
    const stride = window.strides[axis] ?? 1;
    if (window.pads === undefined) return ceilDivide(extent, stride);
    const before = window.pads[axis] ?? 0;
    const padded = add(extent, before + (window.pads[axis + spatial.length] ?? 0));
    const span = subtract(padded, reach(window, axis));
    // Rounding up, one window stands even where it reaches beyond all padding.
    if (typeof span === 'number' && span < (ceil ? 1 - stride : 0))
      throw new Failure(
        'model-broken',
        `expected a window that fits ${textOf(padded)} places along axis ${axis + 2}, got one of ${reach(window, axis)}`,
      );
    if (!ceil) return add(floorDivide(span, stride), 1);
    const out = add(ceilDivide(span, stride), 1);
    // The last window must begin inside the input or the padding before it.
    if (typeof out === 'number' && typeof extent === 'number')
      return (out - 1) * stride >= extent + before ? out - 1 : out;
    const after = window.pads[axis + spatial.length] ?? 0;
    const certain = after + stride - 1 < reach(window, axis);
    return certain ? out : fresh(`extent ${axis}`);
  });
}

function staticDims(dims: readonly Dim[] | undefined): readonly number[] | undefined {
  return dims?.every((dim) => typeof dim === 'number') ? dims : undefined;
}

const conv: InferenceRule = ({ node, inputs: [x, weight], fresh }) => {
  if (x === undefined) return [undefined];
  const kernel = intsAttribute(node, 'kernel_shape') ?? staticDims(weight?.dims?.slice(2));
  if (x.dims === undefined) return [shaped(x.elementType, undefined)];
  if (weight?.dims !== undefined) checkConvolution(node, x.dims, weight.dims);
  const [batch = 1] = x.dims;
  if (kernel === undefined) {
    const unknown = x.dims.slice(2).map((_, axis) => fresh(`extent ${axis}`));
    return [shaped(x.elementType, [batch, weight?.dims?.[0] ?? fresh('channels'), ...unknown])];
  }
  const spatial = slide(x.dims.slice(2), windowOf(node, kernel), false, fresh);
  return [shaped(x.elementType, [batch, weight?.dims?.[0] ?? 1, ...spatial])];
};

const convTranspose: InferenceRule = ({ node, inputs: [x, weight], fresh }) => {
  const kernel = intsAttribute(node, 'kernel_shape') ?? staticDims(weight?.dims?.slice(2));
  if (x?.dims === undefined || kernel === undefined) return [x && shaped(x.elementType, undefined)];
  if (weight?.dims !== undefined) checkConvolution(node, x.dims, weight.dims);
  const [batch = 1, , ...spatial] = x.dims;
  const channels = multiply(weight?.dims?.[1] ?? fresh('channels'), intAttribute(node, 'group', 1));
  const window = windowOf(node, kernel);
  const extra = intsAttribute(node, 'output_padding') ?? [];
  const given = intsAttribute(node, 'output_shape');
  const out = spatial.map((extent, axis): Dim => {
    const stride = window.strides[axis] ?? 1;
    if (given !== undefined) return given[axis - spatial.length + given.length] ?? fresh('extent');
    if (window.pads === undefined) return multiply(extent, stride);
    const pads = (window.pads[axis] ?? 0) + (window.pads[axis + spatial.length] ?? 0);
    return add(multiply(subtract(extent, 1), stride), (extra[axis] ?? 0) + reach(window, axis) - pads);
  });
  return [shaped(x.elementType, [batch, channels, ...out])];
};

const pool: InferenceRule = ({ node, inputs: [x], fresh }) => {
  const kernel = intsAttribute(node, 'kernel_shape') ?? [];
  if (x?.dims === undefined) return [x, shaped('int64', undefined)];
  checkWindow(node, x.dims.length - 2);
  const [batch = 1, channels = 1, ...rest] = x.dims;
  const spatial = slide(rest, windowOf(node, kernel), intAttribute(node, 'ceil_mode', 0) === 1, fresh);
  const dims = [batch, channels, ...spatial];
  return [shaped(x.elementType, dims), shaped('int64', dims)];
};

const globalPool: InferenceRule = ({ inputs: [x] }) => [
  x &&
    shaped(
      x.elementType,
      x.dims?.map((dim, axis) => (axis < 2 ? dim : 1)),
    ),
];

/** The dims of a product of stacks of matrices, as numpy's matmul has them; ones that do not fit are `model-broken`. */
export function matMulDims(
  a: readonly Dim[] | undefined,
  b: readonly Dim[] | undefined,
  fresh: Inference['fresh'],
): readonly Dim[] | undefined {
  if (a === undefined || b === undefined) return undefined;
  if (a.length === 0 || b.length === 0 || !mayEqual(a.at(-1), b.length === 1 ? b[0] : b.at(-2)))
    throw new Failure('model-broken', `expected matrices that fit each other, got ${dimsText(a)} and ${dimsText(b)}`);
  const stacks = broadcast([a.slice(0, -2), b.slice(0, -2)], fresh) ?? [];
  const rows = a.length === 1 ? [] : [a.at(-2) ?? 1];
  const columns = b.length === 1 ? [] : [b.at(-1) ?? 1];
  return [...stacks, ...rows, ...columns];
}

const gemm: InferenceRule = ({ node, inputs: [a, b, c], fresh }) => {
  if (a === undefined) return [undefined];
  if (a.dims === undefined || b?.dims === undefined) return [shaped(a.elementType, undefined)];
  const [transA, transB] = [intAttribute(node, 'transA', 0), intAttribute(node, 'transB', 0)];
  const [rows, inner] = transA === 1 ? a.dims.toReversed() : a.dims;
  const [other, columns] = transB === 1 ? b.dims.toReversed() : b.dims;
  const fits = a.dims.length === 2 && b.dims.length === 2 && mayEqual(inner, other);
  if (!fits || rows === undefined || columns === undefined)
    throw new Failure(
      'model-broken',
      `expected matrices that fit each other, got ${dimsText(a.dims)}${transA === 1 ? ' transposed' : ''} and ${dimsText(b.dims)}${transB === 1 ? ' transposed' : ''}`,
    );
  const added = c?.dims && broadcast([[rows, columns], c.dims], fresh);
  if (added !== undefined && (added.length > 2 || !mayEqual(added[0], rows) || !mayEqual(added[1], columns)))
    throw new Failure(
      'model-broken',
      `expected a bias that broadcasts to ${dimsText([rows, columns])}, got ${dimsText(c?.dims ?? [])}`,
    );
  return [shaped(a.elementType, [rows, columns])];
};

const einsum: InferenceRule = ({ node, inputs, fresh }) => {
  const [first] = inputs;
  if (first === undefined) return [undefined];
  const ranks = inputs.map((each) => each?.dims?.length);
  if (ranks.some((rank) => rank === undefined)) return [shaped(first.elementType, undefined)];
  const { operands, output } = parseEquation(stringAttribute(node, 'equation', ''), ranks as number[]);
  const dims = output.map((label) => {
    const extents = operands.flatMap((labels, at) =>
      labels.flatMap((each, axis) => (each === label ? [inputs[at]?.dims?.[axis] ?? 1] : [])),
    );
    return (
      broadcast(
        extents.map((extent) => [extent]),
        fresh,
      )?.[0] ?? 1
    );
  });
  return [shaped(first.elementType, dims)];
};

const loss: InferenceRule = ({ node, inputs: [x, target] }) => {
  const each = stringAttribute(node, 'reduction', 'mean') === 'none';
  return [x && shaped(x.elementType, each ? target?.dims : []), x && shaped(x.elementType, x.dims)];
};

/** Products, convolutions, poolings, and losses. */
export const contractions: Readonly<Record<string, InferenceRule>> = {
  Conv: conv,
  ConvTranspose: convTranspose,
  MaxPool: pool,
  AveragePool: pool,
  LpPool: pool,
  Col2Im: ({ inputs: [x, image, block], fresh }) => {
    if (x === undefined) return [undefined];
    const spatial = dimsFrom(image, fresh);
    if (spatial === undefined) return [shaped(x.elementType, undefined)];
    const taps = block?.known && product(block.known);
    const channels = taps === undefined || x.dims === undefined ? undefined : divideExactly(x.dims[1] ?? 1, taps);
    return [shaped(x.elementType, [x.dims?.[0] ?? fresh('batch'), channels ?? fresh('channels'), ...spatial])];
  },
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
  GlobalLpPool: globalPool,
  MatMul: ({ inputs: [a, b], fresh }) => [a && shaped(a.elementType, matMulDims(a.dims, b?.dims, fresh))],
  MatMulInteger: ({ inputs: [a, b], fresh }) => [shaped('int32', matMulDims(a?.dims, b?.dims, fresh))],
  ConvInteger: (inference) => conv(inference).map((fact) => fact && shaped('int32', fact.dims)),
  Gemm: gemm,
  Einsum: einsum,
  SoftmaxCrossEntropyLoss: loss,
  NegativeLogLikelihoodLoss: loss,
  LayerNormalization: ({ node, inputs: [x] }) => {
    const rank = x?.dims?.length ?? 0;
    const axis = intAttribute(node, 'axis', -1);
    if (x?.dims !== undefined) axisWithin(axis, rank);
    const statistic =
      x &&
      shaped(
        'float32',
        x.dims?.map((dim, at) => (at < (axis < 0 ? axis + rank : axis) ? dim : 1)),
      );
    return [x && shaped(x.elementType, x.dims), statistic, statistic];
  },
};
