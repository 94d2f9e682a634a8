import { Failure } from '../../../contract/failures.ts';
import { ceilDivide, product, subtract, type Dim } from '../dimension.ts';
import { elementTypeOf, isInteger } from '../element-type.ts';
import { numbersOf } from '../constants.ts';
import { intAttribute, type TensorConstant } from '../model.ts';
import { axisWithin, knownLimit, shaped, withKnown, type Fact, type InferenceRule } from './fact.ts';
import { dimsFrom } from './known-elements.ts';

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
  const given = Object.keys(node.attributes);
  if (given.length !== 1)
    throw new Failure('model-broken', `expected one attribute that holds the value, got ${given.join(', ') || 'none'}`);
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

/** Of the dims of its input, and of its type where no other is asked for. */
const like: InferenceRule = ({ node, inputs: [x] }) => [
  x && shaped(elementTypeOf(intAttribute(node, 'dtype', 0)) ?? x.elementType, x.dims),
];

/** Operators that make elements: stored, counted, or told by indices. */
export const sources: Readonly<Record<string, InferenceRule>> = {
  Constant: constant,
  ConstantOfShape: constantOfShape,
  Range: range,
  OneHot: ({ node, inputs: [indices, depth, values], fresh }) => {
    if (values === undefined || indices?.dims === undefined) return [values && shaped(values.elementType, undefined)];
    const at = axisWithin(intAttribute(node, 'axis', -1), indices.dims.length + 1);
    return [shaped(values.elementType, indices.dims.toSpliced(at, 0, depth?.known?.[0] ?? fresh('depth')))];
  },
  EyeLike: like,
  Bernoulli: like,
  RandomNormalLike: like,
  RandomUniformLike: like,
};
