import { Failure } from '../../../contract/failures.ts';
import { divideExactly, product, same, type Dim } from '../dimension.ts';
import { intAttribute, intsAttribute } from '../model.ts';
import {
  axisWithin,
  dimsText,
  fromFront,
  knownLimit,
  numbers,
  shaped,
  withKnown,
  type Inference,
  type InferenceRule,
} from './fact.ts';
import { allPlaces, dimsFrom, knownAt } from './known-elements.ts';

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
  checkElements(x.dims, dims);
  if (open >= 0) {
    const rest = product(dims.filter((_, axis) => axis !== open));
    const total = x.dims && product(x.dims);
    dims[open] = (total !== undefined && rest !== 0 ? divideExactly(total, rest) : undefined) ?? fresh(`dim ${open}`);
  }
  return [withKnown(shaped(x.elementType, dims), x.known)];
};

/** As many elements as before: a part that -1 leaves open must come out whole. */
function checkElements(from: readonly Dim[] | undefined, to: readonly Dim[]): void {
  const open = to.filter((dim) => dim === -1).length;
  if (open > 1) throw new Failure('model-broken', `expected at most one -1 in the new dims, got ${dimsText(to)}`);
  const before = from && product(from);
  const after = product(to.filter((dim) => dim !== -1));
  if (typeof before !== 'number' || typeof after !== 'number') return;
  const fits = open === 0 ? before === after : after === 0 ? before === 0 : before % after === 0;
  if (!fits)
    throw new Failure(
      'model-broken',
      `expected dims for the ${before} elements of ${dimsText(from ?? [])}, got ${dimsText(to)}`,
    );
}

const flatten: InferenceRule = ({ node, inputs: [x] }) => {
  if (x?.dims === undefined) return [x];
  // Also behind the last axis: all of it before, one after.
  const rank = x.dims.length;
  const given = intAttribute(node, 'axis', 1);
  const axis = given === rank ? rank : axisWithin(given, rank);
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
  const axes = given?.map((axis) => axisWithin(axis, dims.length));
  for (const axis of axes ?? [])
    if (typeof dims[axis] === 'number' && dims[axis] !== 1)
      throw new Failure('model-broken', `expected an extent of 1 at axis ${axis}, got the dims ${dimsText(dims)}`);
  const kept = dims.filter((dim, axis) => (axes === undefined ? dim !== 1 : !axes.includes(axis)));
  return [withKnown(shaped(x.elementType, kept), x.known)];
};

const unsqueeze: InferenceRule = (inference) => {
  const [x] = inference.inputs;
  const given = axesOf(inference);
  if (x === undefined) return [undefined];
  if (x.dims === undefined || given === undefined) return [shaped(x.elementType, undefined)];
  const rank = x.dims.length + given.length;
  const axes = new Set(given.map((axis) => axisWithin(axis, rank)));
  if (axes.size < given.length)
    throw new Failure('model-broken', `expected every axis once, got [${given.join(', ')}]`);
  const rest = [...x.dims];
  const dims = Array.from({ length: rank }, (_, axis): Dim => (axes.has(axis) ? 1 : (rest.shift() ?? 1)));
  return [withKnown(shaped(x.elementType, dims), x.known)];
};

const transpose: InferenceRule = ({ node, inputs: [x] }) => {
  if (x?.dims === undefined) return [x];
  const { dims } = x;
  const order = intsAttribute(node, 'perm') ?? dims.map((_, axis) => dims.length - 1 - axis);
  if (order.length !== dims.length || dims.some((_, axis) => !order.includes(axis)))
    throw new Failure(
      'model-broken',
      `expected a permutation of the ${dims.length} axes of ${dimsText(dims)}, got [${order.join(', ')}]`,
    );
  const turned = order.map((axis) => dims[axis] ?? 1);
  return [withKnown(shaped(x.elementType, turned), x.known && knownAt(x.known, dims, allPlaces(dims), order))];
};

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
    if (typeof own === 'number' && typeof other === 'number')
      throw new Failure(
        'model-broken',
        `expected dims that broadcast, got ${dimsText(x.dims ?? [])} and ${dimsText(wanted)}`,
      );
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

/** Operators that tell the dims of a tensor or give its elements other ones. */
export const reshaping: Readonly<Record<string, InferenceRule>> = {
  Shape: shape,
  Size: ({ inputs: [x] }) => [withKnown(shaped('int64', []), x?.dims && [product(x.dims)])],
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  Expand: expand,
};
