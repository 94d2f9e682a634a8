import {
  add,
  ceilDivide,
  divideExactly,
  floorDivide,
  multiply,
  product,
  same,
  subtract,
  type Dim,
} from '../dimension.ts';
import { elementTypeOf, isInteger } from '../element-type.ts';
import { numbersOf } from '../constants.ts';
import { intAttribute, intsAttribute, stringAttribute, type TensorConstant } from '../model.ts';
import {
  fromFront,
  knownLimit,
  numbers,
  shaped,
  withKnown,
  type Fact,
  type Inference,
  type InferenceRule,
} from './fact.ts';

/** What a stored constant tells. */
export function factOfConstant(constant: TensorConstant): Fact {
  const fact = shaped(constant.elementType, constant.dims);
  const few = constant.dims.reduce((size, dim) => size * dim, 1) <= knownLimit;
  return few ? withKnown(fact, numbersOf(constant)) : fact;
}

const constant: InferenceRule = ({ node }) => {
  const { value, value_int, value_ints, value_float, value_floats } = node.attributes;
  if (value?.kind === 'tensor') return [factOfConstant(value.value)];
  if (value_int?.kind === 'int') return [withKnown(shaped('int64', []), [value_int.value])];
  if (value_ints?.kind === 'ints') return [withKnown(shaped('int64', [value_ints.value.length]), value_ints.value)];
  if (value_float?.kind === 'float') return [withKnown(shaped('float32', []), [value_float.value])];
  if (value_floats?.kind === 'floats')
    return [withKnown(shaped('float32', [value_floats.value.length]), value_floats.value)];
  return [undefined];
};

const constantOfShape: InferenceRule = ({ node, inputs: [shape], fresh }) => {
  const value = node.attributes['value'];
  const type = value?.kind === 'tensor' ? value.value.elementType : 'float32';
  const dims = dimsFrom(shape, fresh);
  const number = value?.kind === 'tensor' ? numbersOf(value.value)?.[0] : 0;
  const size = dims === undefined ? undefined : product(dims);
  const known =
    typeof size === 'number' && size <= knownLimit && number !== undefined ? Array<Dim>(size).fill(number) : undefined;
  return [withKnown(shaped(type, dims), known)];
};

/** Dims from a tensor that holds them: its elements where known, else at least their number. */
export function dimsFrom(shape: Fact | undefined, fresh: (what: string) => Dim): readonly Dim[] | undefined {
  if (shape?.known !== undefined) return shape.known;
  const rank = shape?.dims?.[0];
  return typeof rank === 'number' && rank < 64
    ? Array.from({ length: rank }, (_, axis) => fresh(`dim ${axis}`))
    : undefined;
}

const shape: InferenceRule = ({ node, inputs: [x], opset }) => {
  if (x?.dims === undefined) return [shaped('int64', undefined)];
  const rank = x.dims.length;
  const clamp = (at: number): number => Math.min(Math.max(fromFront(at, rank), 0), rank);
  const from = opset >= 15 ? clamp(intAttribute(node, 'start', 0)) : 0;
  const to = opset >= 15 ? clamp(intAttribute(node, 'end', rank)) : rank;
  const dims = x.dims.slice(from, Math.max(from, to));
  return [withKnown(shaped('int64', [dims.length]), dims)];
};

const reshape: InferenceRule = ({ node, inputs: [x, target], fresh }) => {
  if (x === undefined) return [undefined];
  const wanted = dimsFrom(target, fresh);
  if (wanted === undefined) return [shaped(x.elementType, undefined)];
  if (target?.known === undefined) return [shaped(x.elementType, wanted)];
  const zeroCopies = intAttribute(node, 'allowzero', 0) === 0;
  const dims = wanted.map((dim, axis) => (dim === 0 && zeroCopies ? (x.dims?.[axis] ?? fresh(`dim ${axis}`)) : dim));
  const open = dims.indexOf(-1);
  if (open >= 0) {
    const rest = product(dims.filter((_, axis) => axis !== open));
    const total = x.dims && product(x.dims);
    dims[open] = (total !== undefined && rest !== 0 ? divideExactly(total, rest) : undefined) ?? fresh(`dim ${open}`);
  }
  return [withKnown(shaped(x.elementType, dims), x.known)];
};

const flatten: InferenceRule = ({ node, inputs: [x] }) => {
  if (x?.dims === undefined) return [x];
  const axis = fromFront(intAttribute(node, 'axis', 1), x.dims.length);
  return [shaped(x.elementType, [product(x.dims.slice(0, axis)), product(x.dims.slice(axis))])];
};

/** Axes as an input (version 13 on) or as an attribute. */
function axesOf({ node, inputs }: Inference): readonly number[] | undefined {
  return node.inputs[1] === undefined || node.inputs[1] === '' ? intsAttribute(node, 'axes') : numbers(inputs[1]);
}

const squeeze: InferenceRule = (inference) => {
  const [x] = inference.inputs;
  if (x?.dims === undefined) return [x];
  const { dims } = x;
  const given = axesOf(inference);
  if (given === undefined && (inference.node.inputs[1] ?? '') !== '') return [shaped(x.elementType, undefined)];
  if (given === undefined && dims.some((dim) => typeof dim !== 'number')) return [shaped(x.elementType, undefined)];
  const axes = given?.map((axis) => fromFront(axis, dims.length));
  const kept = dims.filter((dim, axis) => (axes === undefined ? dim !== 1 : !axes.includes(axis)));
  return [withKnown(shaped(x.elementType, kept), x.known)];
};

const unsqueeze: InferenceRule = (inference) => {
  const [x] = inference.inputs;
  const given = axesOf(inference);
  if (x === undefined) return [undefined];
  if (x.dims === undefined || given === undefined) return [shaped(x.elementType, undefined)];
  const rank = x.dims.length + given.length;
  const axes = new Set(given.map((axis) => fromFront(axis, rank)));
  const rest = [...x.dims];
  const dims = Array.from({ length: rank }, (_, axis): Dim => (axes.has(axis) ? 1 : (rest.shift() ?? 1)));
  return [withKnown(shaped(x.elementType, dims), x.known)];
};

const transpose: InferenceRule = ({ node, inputs: [x] }) => {
  if (x?.dims === undefined) return [x];
  const { dims } = x;
  const order = intsAttribute(node, 'perm') ?? dims.map((_, axis) => dims.length - 1 - axis);
  const turned = order.map((axis) => dims[axis] ?? 1);
  return [withKnown(shaped(x.elementType, turned), x.known && knownAt(x.known, dims, allPlaces(dims), order))];
};

/** Every index of every axis; undefined where an extent has no number. */
function allPlaces(dims: readonly Dim[]): number[][] | undefined {
  if (!dims.every((dim) => typeof dim === 'number')) return undefined;
  return dims.map((dim) => Array.from({ length: dim }, (_, index) => index));
}

/** The known elements at these places of each axis, row-major over the axes in `order`. */
function knownAt(
  known: readonly Dim[],
  dims: readonly Dim[],
  places: readonly (readonly number[])[] | undefined,
  order: readonly number[] = dims.map((_, axis) => axis),
): readonly Dim[] | undefined {
  if (places === undefined) return undefined;
  const stride = (axis: number): number => dims.slice(axis + 1).reduce<number>((size, dim) => size * Number(dim), 1);
  const offsets = order.reduce<number[]>(
    (sums, axis) => sums.flatMap((sum) => (places[axis] ?? []).map((place) => sum + place * stride(axis))),
    [0],
  );
  return offsets.map((offset) => known[offset] ?? NaN);
}

const expand: InferenceRule = ({ inputs: [x, target], fresh }) => {
  if (x === undefined) return [undefined];
  const wanted = dimsFrom(target, fresh);
  if (wanted === undefined || x.dims === undefined) return [shaped(x.elementType, undefined)];
  const rank = Math.max(wanted.length, x.dims.length);
  const dims = Array.from({ length: rank }, (_, axis): Dim => {
    const own = x.dims?.[axis - rank + (x.dims?.length ?? 0)] ?? 1;
    const other = wanted[axis - rank + wanted.length] ?? 1;
    if (other === 1) return own;
    if (own === 1 || same(own, other)) return other;
    return typeof own === 'number' ? own : typeof other === 'number' ? other : fresh(`dim ${axis}`);
  });
  const single = x.known?.length === 1 ? x.known[0] : undefined;
  const size = product(dims);
  const known =
    single !== undefined && typeof size === 'number' && size <= knownLimit && dims.length <= 1
      ? Array<Dim>(size).fill(single)
      : undefined;
  return [withKnown(shaped(x.elementType, dims), known)];
};

const concat: InferenceRule = ({ node, inputs, fresh }) => {
  const [first] = inputs;
  if (first === undefined) return [undefined];
  if (inputs.some((each) => each?.dims === undefined)) return [shaped(first.elementType, undefined)];
  const rank = first.dims?.length ?? 0;
  const at = fromFront(intAttribute(node, 'axis', 0), rank);
  const dims = Array.from({ length: rank }, (_, axis): Dim => {
    const extents = inputs.map((each) => each?.dims?.[axis] ?? 1);
    if (axis === at) return extents.reduce(add, 0);
    return extents.find((dim) => typeof dim === 'number') ?? extents[0] ?? fresh(`dim ${axis}`);
  });
  const known =
    rank === 1 && inputs.every((each) => each?.known) ? inputs.flatMap((each) => each?.known ?? []) : undefined;
  return [withKnown(shaped(first.elementType, dims), known)];
};

const split: InferenceRule = ({ node, inputs: [x, sizes], fresh }) => {
  const count = node.outputs.length;
  if (x?.dims === undefined) return node.outputs.map(() => x);
  const at = fromFront(intAttribute(node, 'axis', 0), x.dims.length);
  const total = x.dims[at] ?? 1;
  const given = sizes?.known ?? intsAttribute(node, 'split');
  const explicit = (node.inputs[1] ?? '') !== '' || given !== undefined;
  // Even parts, the last one smaller where they do not fit.
  const part = divideExactly(total, count) ?? (typeof total === 'number' ? ceilDivide(total, count) : undefined);
  let start = 0;
  return node.outputs.map((_, index) => {
    let extent = given?.[index] ?? fresh(`part ${index}`);
    if (!explicit && part !== undefined) extent = index < count - 1 ? part : subtract(total, multiply(part, count - 1));
    const known =
      x.dims?.length === 1 && typeof extent === 'number' ? x.known?.slice(start, start + extent) : undefined;
    start += typeof extent === 'number' ? extent : 0;
    return withKnown(
      shaped(
        x.elementType,
        x.dims?.map((dim, axis) => (axis === at ? extent : dim)),
      ),
      known,
    );
  });
};

const slice: InferenceRule = ({ inputs: [x, starts, ends, axes, steps], node, fresh }) => {
  if (x?.dims === undefined) return [x];
  const dims = [...x.dims];
  const rank = dims.length;
  const count = starts?.dims?.[0];
  const axesInUse = (node.inputs[3] ?? '') === '' ? Array.from({ length: rank }, (_, axis) => axis) : numbers(axes);
  if (typeof count !== 'number' || axesInUse === undefined)
    return [
      shaped(
        x.elementType,
        dims.map((_, axis) => fresh(`slice ${axis}`)),
      ),
    ];
  const places = x.known && allPlaces(x.dims);
  let isKnown = places !== undefined;
  for (let index = 0; index < count; index += 1) {
    const axis = fromFront(axesInUse[index] ?? 0, rank);
    const step = (node.inputs[4] ?? '') === '' ? 1 : numbers(steps)?.[index];
    const range = sliceRange(dims[axis] ?? 1, starts?.known?.[index], ends?.known?.[index], step);
    dims[axis] = range?.length ?? fresh(`slice ${axis}`);
    if (
      range === undefined ||
      typeof range.start !== 'number' ||
      typeof range.length !== 'number' ||
      step === undefined
    )
      isKnown = false;
    else {
      const { start, length } = range;
      places?.splice(
        axis,
        1,
        Array.from({ length }, (_, at) => start + at * step),
      );
    }
  }
  const known = isKnown && x.known ? knownAt(x.known, x.dims, places) : undefined;
  return [withKnown(shaped(x.elementType, dims), known)];
};

/** First index and number of elements of a slice; undefined where they cannot be told. */
export function sliceRange(
  extent: Dim,
  start: Dim | undefined,
  end: Dim | undefined,
  step: number | undefined,
): { readonly start: Dim; readonly length: Dim } | undefined {
  if (start === undefined || end === undefined || step === undefined) return undefined;
  if (typeof extent === 'number' && typeof start === 'number' && typeof end === 'number') {
    const clamp = (at: number, low: number, high: number): number =>
      Math.min(Math.max(at < 0 ? at + extent : at, low), high);
    const from = step > 0 ? clamp(start, 0, extent) : clamp(start, 0, extent - 1);
    const to = step > 0 ? clamp(end, 0, extent) : clamp(end, -1, extent - 1);
    return { start: from, length: Math.max(0, Math.ceil((to - from) / step)) };
  }
  const limit = typeof end === 'number' && Math.abs(end) >= 2 ** 31 - 1;
  if (step < 0)
    return start === -1 && limit ? { start: subtract(extent, 1), length: ceilDivide(extent, -step) } : undefined;
  // Extents are at least one; a start beyond it, or an end short of it, cannot be told apart.
  if (start === 0 && (limit || same(end, extent))) return { start: 0, length: ceilDivide(extent, step) };
  if (typeof start !== 'number' || step !== 1) return undefined;
  if (start < 0 && limit) return { start: add(extent, start), length: -start };
  if (start > 0 && (limit || same(end, extent))) return { start, length: subtract(extent, start) };
  return undefined;
}

const gather: InferenceRule = ({ node, inputs: [x, indices] }) => {
  if (x === undefined) return [undefined];
  if (x.dims === undefined || indices?.dims === undefined) return [shaped(x.elementType, undefined)];
  const axis = fromFront(intAttribute(node, 'axis', 0), x.dims.length);
  const dims = [...x.dims.slice(0, axis), ...indices.dims, ...x.dims.slice(axis + 1)];
  const at = numbers(indices);
  const from = x.dims.length === 1 ? x.known : undefined;
  const known = from && at?.map((index) => from[fromFront(index, from.length)] ?? NaN);
  return [withKnown(shaped(x.elementType, dims), known)];
};

const range: InferenceRule = ({ inputs: [start, limit, delta], fresh }) => {
  const type = start?.elementType ?? limit?.elementType;
  if (type === undefined) return [undefined];
  const [from] = start?.known ?? [];
  const [to] = limit?.known ?? [];
  const [step] = delta?.known ?? [];
  if (from === undefined || to === undefined || typeof step !== 'number' || step === 0)
    return [shaped(type, [fresh('range')])];
  const span = subtract(to, from);
  if (typeof span !== 'number' || typeof from !== 'number')
    return [shaped(type, [step === 1 ? span : isInteger(type) && step > 0 ? ceilDivide(span, step) : fresh('range')])];
  const length = Math.max(0, Math.ceil(span / step));
  const known = length <= knownLimit ? Array.from({ length }, (_, index) => from + index * step) : undefined;
  return [withKnown(shaped(type, [length]), known)];
};

const pad: InferenceRule = ({ node, inputs: [x, pads, , axes], fresh }) => {
  if (x?.dims === undefined) return [x];
  const rank = x.dims.length;
  const amounts = pads?.known ?? intsAttribute(node, 'pads');
  const over = (node.inputs[3] ?? '') === '' ? Array.from({ length: rank }, (_, axis) => axis) : numbers(axes);
  if (over === undefined || (amounts !== undefined && amounts.length !== 2 * over.length))
    return [
      shaped(
        x.elementType,
        x.dims.map((_, axis) => fresh(`padded ${axis}`)),
      ),
    ];
  const dims = [...x.dims];
  over.forEach((axis, index) => {
    const before = amounts?.[index];
    const after = amounts?.[index + over.length];
    const at = fromFront(axis, rank);
    dims[at] =
      before === undefined || after === undefined ? fresh(`padded ${at}`) : add(dims[at] ?? 1, add(before, after));
  });
  return [shaped(x.elementType, dims)];
};

const tile: InferenceRule = ({ inputs: [x, repeats], fresh }) => {
  if (x?.dims === undefined) return [x];
  return [
    shaped(
      x.elementType,
      x.dims.map((dim, axis) => multiply(dim, repeats?.known?.[axis] ?? fresh(`tile ${axis}`))),
    ),
  ];
};

const resize: InferenceRule = ({ node, inputs, fresh }) => {
  const [x, , scales, sizes] = inputs;
  if (x?.dims === undefined) return [x];
  const rank = x.dims.length;
  const over = (intsAttribute(node, 'axes') ?? x.dims.map((_, axis) => axis)).map((axis) => fromFront(axis, rank));
  const stretched = stringAttribute(node, 'keep_aspect_ratio_policy', 'stretch') !== 'stretch';
  const dims = x.dims.map((dim, axis): Dim => {
    const at = over.indexOf(axis);
    if (at < 0) return dim;
    if ((node.inputs[3] ?? '') !== '') return (stretched ? undefined : sizes?.known?.[at]) ?? fresh(`resized ${axis}`);
    const scale = numbers(scales)?.[at];
    if (scale === undefined) return fresh(`resized ${axis}`);
    if (typeof dim === 'number') return Math.floor(dim * Math.fround(scale));
    if (Number.isInteger(scale)) return multiply(dim, scale);
    return Number.isInteger(1 / scale) ? floorDivide(dim, 1 / scale) : fresh(`resized ${axis}`);
  });
  return [shaped(x.elementType, dims)];
};

const blocks: InferenceRule = ({ node, inputs: [x] }) => {
  if (x?.dims === undefined) return [x];
  const size = intAttribute(node, 'blocksize', 1);
  const [n = 1, c = 1, h = 1, w = 1] = x.dims;
  const [area, side] = [size * size, size];
  return node.operator === 'DepthToSpace'
    ? [shaped(x.elementType, [n, floorDivide(c, area), multiply(h, side), multiply(w, side)])]
    : [shaped(x.elementType, [n, multiply(c, area), floorDivide(h, side), floorDivide(w, side)])];
};

/** Operators that arrange elements, and those that compute with shapes. */
export const shapes: Readonly<Record<string, InferenceRule>> = {
  Constant: constant,
  ConstantOfShape: constantOfShape,
  Shape: shape,
  Size: ({ inputs: [x] }) => [withKnown(shaped('int64', []), x?.dims && [product(x.dims)])],
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  Expand: expand,
  Concat: concat,
  Split: split,
  Slice: slice,
  Gather: gather,
  GatherElements: ({ inputs: [x, indices] }) => [x && shaped(x.elementType, indices?.dims)],
  GatherND: ({ node, inputs: [x, indices] }) => {
    const depth = indices?.dims?.at(-1);
    if (x?.dims === undefined || indices?.dims === undefined || typeof depth !== 'number')
      return [x && shaped(x.elementType, undefined)];
    const batch = intAttribute(node, 'batch_dims', 0);
    return [shaped(x.elementType, [...indices.dims.slice(0, -1), ...x.dims.slice(batch + depth)])];
  },
  Range: range,
  Pad: pad,
  Tile: tile,
  Resize: resize,
  DepthToSpace: blocks,
  SpaceToDepth: blocks,
  NonZero: ({ inputs: [x], fresh }) => [shaped('int64', x?.dims && [x.dims.length, fresh('nonzero')])],
  OneHot: ({ node, inputs: [indices, depth, values], fresh }) => {
    if (values === undefined || indices?.dims === undefined) return [values && shaped(values.elementType, undefined)];
    const at = fromFront(intAttribute(node, 'axis', -1), indices.dims.length + 1);
    return [shaped(values.elementType, indices.dims.toSpliced(at, 0, depth?.known?.[0] ?? fresh('depth')))];
  },
  EyeLike: ({ node, inputs: [x] }) => [
    x && shaped(elementTypeOf(intAttribute(node, 'dtype', 0)) ?? x.elementType, x.dims),
  ],
};
