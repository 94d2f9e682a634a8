import { add, divideExactly, floorDivide, multiply, subtract, type Dim } from '../dimension.ts';
import { elementTypeOf, isInteger } from '../element-type.ts';
import { intAttribute } from '../model.ts';
import { axisWithin, broadcast, numbers, shaped, withKnown, type Fact, type InferenceRule } from './fact.ts';

type Combine = (a: Dim, b: Dim, integer: boolean) => Dim | undefined;

/** Applies an operation to known elements, one of the operands stretched where it is a single element. */
function combine(inputs: readonly (Fact | undefined)[], operation: Combine): readonly Dim[] | undefined {
  const [a, b] = inputs;
  if (a?.known === undefined || b?.known === undefined) return undefined;
  // Only lists against lists or single elements: shapes are no more than that.
  if (a.known.length !== b.known.length && a.known.length !== 1 && b.known.length !== 1) return undefined;
  if ((a.dims?.length ?? 9) > 1 || (b.dims?.length ?? 9) > 1) return undefined;
  const length = a.known.length === 1 ? b.known.length : a.known.length;
  const integer = isInteger(a.elementType);
  const result: Dim[] = [];
  for (let index = 0; index < length; index += 1) {
    const left = a.known[a.known.length === 1 ? 0 : index];
    const right = b.known[b.known.length === 1 ? 0 : index];
    const value = left === undefined || right === undefined ? undefined : operation(left, right, integer);
    if (value === undefined) return undefined;
    result.push(value);
  }
  return result;
}

const whole = (dim: Dim): boolean => typeof dim !== 'number' || Number.isInteger(dim);

const arithmetic: Readonly<Record<string, Combine>> = {
  Add: (a, b) => (whole(a) && whole(b) ? add(a, b) : both(a, b, (x, y) => x + y)),
  Sub: (a, b) => (whole(a) && whole(b) ? subtract(a, b) : both(a, b, (x, y) => x - y)),
  Mul: (a, b) => (whole(a) && whole(b) ? multiply(a, b) : both(a, b, (x, y) => x * y)),
  Div: (a, b, integer) => {
    if (typeof a === 'number' && typeof b === 'number')
      return b === 0 ? undefined : integer ? Math.trunc(a / b) : a / b;
    if (!whole(b)) return typeof b === 'number' && whole(1 / b) ? multiply(a, 1 / b) : undefined;
    return integer ? floorDivide(a, b) : divideExactly(a, b);
  },
  Mod: (a, b) => both(a, b, (x, y) => (y === 0 ? undefined : x - Math.floor(x / y) * y)),
  Max: (a, b) => both(a, b, Math.max),
  Min: (a, b) => both(a, b, Math.min),
  Pow: (a, b) => both(a, b, (x, y) => x ** y),
};

function both(a: Dim, b: Dim, operation: (a: number, b: number) => number | undefined): Dim | undefined {
  return typeof a === 'number' && typeof b === 'number' ? operation(a, b) : undefined;
}

const comparisons: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  Equal: (a, b) => a === b,
  Less: (a, b) => a < b,
  LessOrEqual: (a, b) => a <= b,
  Greater: (a, b) => a > b,
  GreaterOrEqual: (a, b) => a >= b,
  And: (a, b) => a !== 0 && b !== 0,
  Or: (a, b) => a !== 0 || b !== 0,
};

const same: InferenceRule = ({ inputs: [x] }) => [x && shaped(x.elementType, x.dims)];

const binary: InferenceRule = ({ node, inputs, fresh }) => {
  // The type is that of all operands, so of any that is known; of a power it is the base's alone.
  const first = node.operator === 'Pow' ? inputs[0] : inputs.find((each) => each !== undefined);
  if (first === undefined) return [undefined];
  const fact = shaped(
    first.elementType,
    broadcast(
      inputs.map((each) => each?.dims),
      fresh,
    ),
  );
  const operation = arithmetic[node.operator];
  return [operation !== undefined && inputs.length === 2 ? withKnown(fact, combine(inputs, operation)) : fact];
};

const comparison: InferenceRule = ({ node, inputs, fresh }) => {
  const fact = shaped(
    'bool',
    broadcast(
      inputs.map((each) => each?.dims),
      fresh,
    ),
  );
  const operation = comparisons[node.operator];
  const known = combine(inputs, (a, b) => {
    const result = operation === undefined ? undefined : both(a, b, (x, y) => Number(operation(x, y)));
    // Extents are positive: none equals a number below one.
    const extent = node.operator === 'Equal' && [a, b].some((x) => typeof x === 'number' && x < 0);
    return result ?? (extent && [a, b].some((x) => typeof x !== 'number' && x.terms.size === 1) ? 0 : undefined);
  });
  return [withKnown(fact, known)];
};

/** Rounding changes no whole number. */
const rounding: InferenceRule = ({ node, inputs: [x] }) => {
  if (x === undefined) return [undefined];
  const round = node.operator === 'Floor' ? Math.floor : Math.ceil;
  return [
    withKnown(
      shaped(x.elementType, x.dims),
      x.known?.map((each) => (typeof each === 'number' ? round(each) : each)),
    ),
  ];
};

const negation: InferenceRule = ({ inputs: [x] }) =>
  x === undefined
    ? [undefined]
    : [
        withKnown(
          shaped(x.elementType, x.dims),
          x.known?.map((each) => multiply(each, -1)),
        ),
      ];

const not: InferenceRule = ({ inputs: [x] }) =>
  x === undefined
    ? [undefined]
    : [
        withKnown(
          shaped('bool', x.dims),
          numbers(x)?.map((each) => Number(each === 0)),
        ),
      ];

const cast: InferenceRule = ({ node, inputs: [x, like] }) => {
  const to = node.operator === 'CastLike' ? like?.elementType : elementTypeOf(intAttribute(node, 'to', 0));
  if (to === undefined) return [undefined];
  const known = x?.known?.map((each) => {
    if (typeof each !== 'number') return each;
    return to === 'bool' ? Number(each !== 0) : isInteger(to) ? Math.trunc(each) : each;
  });
  const symbolic = known?.some((each) => typeof each !== 'number') === true;
  return [withKnown(shaped(to, x?.dims), to === 'bool' && symbolic ? undefined : known)];
};

const where: InferenceRule = ({ inputs: [condition, a, b], fresh }) => {
  const type = a?.elementType ?? b?.elementType;
  if (type === undefined) return [undefined];
  const fact = shaped(type, broadcast([condition?.dims, a?.dims, b?.dims], fresh));
  const flags = condition?.known;
  const left = a?.known;
  const right = b?.known;
  if (flags === undefined || left === undefined || right === undefined) return [fact];
  if (Math.max(condition?.dims?.length ?? 9, a?.dims?.length ?? 9, b?.dims?.length ?? 9) > 1) return [fact];
  const length = Math.max(flags.length, left.length, right.length);
  const pick = (from: readonly Dim[], index: number): Dim => from[from.length === 1 ? 0 : index] ?? NaN;
  return [
    withKnown(
      fact,
      Array.from({ length }, (_, index) => pick(pick(flags, index) === 0 ? right : left, index)),
    ),
  ];
};

/** Operators with an attribute `axis` whose result has their first input's type and dims, and its default. */
const along: InferenceRule = (inference) => {
  const {
    node,
    inputs: [x],
  } = inference;
  if (x?.dims !== undefined) axisWithin(intAttribute(node, 'axis', defaultAxis[node.operator] ?? -1), x.dims.length);
  return same(inference);
};

const defaultAxis: Readonly<Record<string, number>> = {
  Softmax: -1,
  LogSoftmax: -1,
  Hardmax: -1,
  LpNormalization: -1,
  RMSNormalization: -1,
  SimplifiedLayerNormalization: -1,
  ScatterElements: 0,
  Scatter: 0,
};

const cumSum: InferenceRule = (inference) => {
  const {
    inputs: [x, axis],
  } = inference;
  const [at] = numbers(axis) ?? [];
  if (x?.dims !== undefined && at !== undefined) axisWithin(at, x.dims.length);
  return same(inference);
};

const unaryNames =
  `Abs Acos Acosh Asin Asinh Atan Atanh BitwiseNot Celu Clip Cos Cosh Elu Erf Exp Gelu HardSigmoid HardSwish
  LeakyRelu Log Mish Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Swish Tan Tanh
  ThresholdedRelu PRelu MeanVarianceNormalization LRN Trilu InstanceNormalization GroupNormalization ScatterND
  ReverseSequence RotaryEmbedding`.split(/\s+/);

const binaryNames = 'Add Sub Mul Div Mod Pow Max Min Sum Mean BitShift BitwiseAnd BitwiseOr BitwiseXor'.split(' ');
const comparisonNames = 'Equal Less LessOrEqual Greater GreaterOrEqual And Or Xor'.split(' ');

/** Operators that work element by element, and others whose output is of their first input's type and dims. */
export const elementwise: Readonly<Record<string, InferenceRule>> = {
  ...Object.fromEntries(unaryNames.map((name) => [name, same])),
  ...Object.fromEntries(binaryNames.map((name) => [name, binary])),
  ...Object.fromEntries(comparisonNames.map((name) => [name, comparison])),
  ...Object.fromEntries(Object.keys(defaultAxis).map((name) => [name, along])),
  CumSum: cumSum,
  IsNaN: ({ inputs: [x] }) => [shaped('bool', x?.dims)],
  IsInf: ({ inputs: [x] }) => [shaped('bool', x?.dims)],
  Identity: ({ inputs: [x] }) => [x],
  Dropout: ({ inputs: [x] }) => [x, shaped('bool', x?.dims)],
  Neg: negation,
  Not: not,
  Floor: rounding,
  Ceil: rounding,
  Cast: cast,
  CastLike: cast,
  Where: where,
  QuantizeLinear: ({ node, inputs: [x, , zero] }) => [
    shaped(zero?.elementType ?? elementTypeOf(intAttribute(node, 'output_dtype', 0)) ?? 'uint8', x?.dims),
  ],
  DequantizeLinear: ({ node, inputs: [x, scale] }) => [
    shaped(elementTypeOf(intAttribute(node, 'output_dtype', 0)) ?? scale?.elementType ?? 'float32', x?.dims),
  ],
  DynamicQuantizeLinear: ({ inputs: [x] }) => [shaped('uint8', x?.dims), shaped('float32', []), shaped('uint8', [])],
  BatchNormalization: ({ inputs: [x, , , mean, variance] }) => [x && shaped(x.elementType, x.dims), mean, variance],
};
