import type { Dim } from '../dimension.ts';
import { multiply } from '../dimension.ts';
import { intAttribute, intsAttribute } from '../model.ts';
import { axisWithin, numbers, shaped, withKnown, type Inference, type InferenceRule } from './fact.ts';

/** The axes a reduction goes over: undefined where they are computed at run time. */
export function reducedAxes({ node, inputs }: Inference, rank: number): readonly number[] | undefined {
  const given =
    node.inputs[1] === undefined || node.inputs[1] === '' ? intsAttribute(node, 'axes') : numbers(inputs[1]);
  if (given === undefined && node.inputs[1] !== undefined && node.inputs[1] !== '') return undefined;
  if (given === undefined || given.length === 0)
    return intAttribute(node, 'noop_with_empty_axes', 0) === 1 ? [] : Array.from({ length: rank }, (_, axis) => axis);
  return given.map((axis) => axisWithin(axis, rank));
}

const reduction: InferenceRule = (inference) => {
  const { node, inputs, fresh } = inference;
  const [x] = inputs;
  if (x === undefined) return [undefined];
  const keep = intAttribute(node, 'keepdims', 1) === 1;
  if (x.dims === undefined) return [shaped(x.elementType, undefined)];
  const axes = reducedAxes(inference, x.dims.length);
  if (axes === undefined)
    return [shaped(x.elementType, keep ? x.dims.map((_, axis) => fresh(`reduced ${axis}`)) : undefined)];
  const dims = x.dims.flatMap((dim, axis): Dim[] => (axes.includes(axis) ? (keep ? [1] : []) : [dim]));
  const whole = node.operator === 'ReduceProd' && axes.length === x.dims.length ? x.known : undefined;
  return [withKnown(shaped(x.elementType, dims), whole && [whole.reduce(multiply, 1)])];
};

const argument: InferenceRule = ({ node, inputs: [x] }) => {
  if (x?.dims === undefined) return [shaped('int64', undefined)];
  const at = axisWithin(intAttribute(node, 'axis', 0), x.dims.length);
  const keep = intAttribute(node, 'keepdims', 1) === 1;
  return [
    shaped(
      'int64',
      x.dims.flatMap((dim, axis): Dim[] => (axis === at ? (keep ? [1] : []) : [dim])),
    ),
  ];
};

const topK: InferenceRule = ({ node, inputs: [x, k], fresh }) => {
  if (x?.dims === undefined) return [x && shaped(x.elementType, undefined), shaped('int64', undefined)];
  const at = axisWithin(intAttribute(node, 'axis', -1), x.dims.length);
  const dims = x.dims.map((dim, axis) => (axis === at ? (k?.known?.[0] ?? fresh('k')) : dim));
  return [shaped(x.elementType, dims), shaped('int64', dims)];
};

const reductionNames =
  'ReduceSum ReduceMean ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceSumSquare';

/** Operators that go over axes. */
export const reductions: Readonly<Record<string, InferenceRule>> = {
  ...Object.fromEntries(reductionNames.split(' ').map((name) => [name, reduction])),
  ArgMax: argument,
  ArgMin: argument,
  TopK: topK,
};
