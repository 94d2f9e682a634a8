import { Failure } from '../../../contract/failures.ts';
import { add, ceilDivide, divideExactly, multiply, subtract, textOf, type Dim } from '../dimension.ts';
import { intAttribute, intsAttribute } from '../model.ts';
import { axisWithin, dimsText, fromFront, numbers, shaped, withKnown, type InferenceRule } from './fact.ts';
import { allPlaces, knownAt } from './known-elements.ts';
import { sliceRange } from './slice-range.ts';

const concat: InferenceRule = ({ node, inputs, fresh }) => {
  const [first] = inputs;
  if (first === undefined) return [undefined];
  if (inputs.some((each) => each?.dims === undefined)) return [shaped(first.elementType, undefined)];
  const rank = first.dims?.length ?? 0;
  const at = axisWithin(intAttribute(node, 'axis', 0), rank);
  checkJoin(
    inputs.map((each) => each?.dims ?? []),
    at,
  );
  const dims = Array.from({ length: rank }, (_, axis): Dim => {
    const extents = inputs.map((each) => each?.dims?.[axis] ?? 1);
    if (axis === at) return extents.reduce(add, 0);
    return extents.find((dim) => typeof dim === 'number') ?? extents[0] ?? fresh(`dim ${axis}`);
  });
  const known =
    rank === 1 && inputs.every((each) => each?.known) ? inputs.flatMap((each) => each?.known ?? []) : undefined;
  return [withKnown(shaped(first.elementType, dims), known)];
};

/** Equal extents beside the axis of joining. */
function checkJoin(shapes: readonly (readonly Dim[])[], at: number): void {
  const [first = []] = shapes;
  const fits = shapes.every(
    (dims) =>
      dims.length === first.length &&
      dims.every((dim, axis) => {
        const sure = shapes.map((each) => each[axis]).find((each) => typeof each === 'number');
        return axis === at || typeof dim !== 'number' || dim === sure;
      }),
  );
  if (!fits)
    throw new Failure(
      'model-broken',
      `expected dims equal beside axis ${at}, got ${shapes.map(dimsText).join(' and ')}`,
    );
}

const split: InferenceRule = ({ node, inputs: [x, sizes], opset, fresh }) => {
  const count = node.outputs.length;
  const told = (node.inputs[1] ?? '') !== '' || node.attributes['num_outputs'] !== undefined;
  if (opset >= 18 && !told)
    throw new Failure('model-broken', 'expected the input "split" or the attribute "num_outputs", got neither');
  if (x?.dims === undefined) return node.outputs.map(() => x);
  const at = axisWithin(intAttribute(node, 'axis', 0), x.dims.length);
  const total = x.dims[at] ?? 1;
  const given = sizes?.known ?? intsAttribute(node, 'split');
  checkParts(total, given, count);
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

/** As many sizes as outputs, and together the whole. */
function checkParts(total: Dim, sizes: readonly Dim[] | undefined, count: number): void {
  if (sizes === undefined) return;
  const sum = sizes.reduce(add, 0);
  if (sizes.length !== count || (typeof sum === 'number' && typeof total === 'number' && sum !== total))
    throw new Failure('model-broken', `expected ${count} sizes that sum to ${textOf(total)}, got ${dimsText(sizes)}`);
}

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
    const axis = axisWithin(axesInUse[index] ?? 0, rank);
    const step = (node.inputs[4] ?? '') === '' ? 1 : numbers(steps)?.[index];
    if (step === 0) throw new Failure('model-broken', `expected steps other than 0, got one for axis ${axis}`);
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

const gather: InferenceRule = ({ node, inputs: [x, indices] }) => {
  if (x === undefined) return [undefined];
  if (x.dims === undefined || indices?.dims === undefined) return [shaped(x.elementType, undefined)];
  const axis = axisWithin(intAttribute(node, 'axis', 0), x.dims.length);
  const dims = [...x.dims.slice(0, axis), ...indices.dims, ...x.dims.slice(axis + 1)];
  const at = numbers(indices);
  checkIndices(at, x.dims[axis], axis);
  const from = x.dims.length === 1 ? x.known : undefined;
  const known = from && at?.map((index) => from[fromFront(index, from.length)] ?? NaN);
  return [withKnown(shaped(x.elementType, dims), known)];
};

/** Indices count from either end of an axis, and stay on it. */
function checkIndices(indices: readonly number[] | undefined, extent: Dim | undefined, axis: number): void {
  if (typeof extent !== 'number') return;
  const beyond = indices?.find((index) => index < -extent || index >= extent);
  if (beyond !== undefined)
    throw new Failure(
      'model-broken',
      `expected indices from ${-extent} to ${extent - 1} for axis ${axis}, got ${beyond}`,
    );
}

/** Operators that join tensors and take parts of them. */
export const selections: Readonly<Record<string, InferenceRule>> = {
  Concat: concat,
  Split: split,
  Slice: slice,
  Gather: gather,
  GatherElements: ({ node, inputs: [x, indices] }) => {
    if (x?.dims !== undefined) axisWithin(intAttribute(node, 'axis', 0), x.dims.length);
    return [x && shaped(x.elementType, indices?.dims)];
  },
  GatherND: ({ node, inputs: [x, indices] }) => {
    const depth = indices?.dims?.at(-1);
    if (x?.dims === undefined || indices?.dims === undefined || typeof depth !== 'number')
      return [x && shaped(x.elementType, undefined)];
    const batch = intAttribute(node, 'batch_dims', 0);
    return [shaped(x.elementType, [...indices.dims.slice(0, -1), ...x.dims.slice(batch + depth)])];
  },
  NonZero: ({ inputs: [x], fresh }) => [shaped('int64', x?.dims && [x.dims.length, fresh('nonzero')])],
};
