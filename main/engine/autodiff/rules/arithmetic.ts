import { elementTypeOf, isFloat } from '../../graph/element-type.ts';
import { intAttribute } from '../../graph/model.ts';
import type { Operators } from '../../graph/operators.ts';
import { unsupported, zero, type Rule } from '../rule.ts';

/** y = f(x) element by element, with f′ from x and y. */
function pointwise(derivative: (make: Operators, x: string, y: string) => string): Rule {
  return ({ inputs: [x = ''], outputs: [y = ''], dy, make }) => [make.mul(dy, derivative(make, x, y))];
}

const pow: Rule = ({ inputs: [x = '', p = ''], outputs: [y = ''], dy, needs, make }) => {
  const exponent = make.cast(p, make.typeOf(x));
  return [
    needs(0) ? powBase(make, x, p, exponent, y, dy) : undefined,
    needs(1) ? powExponent(make, x, exponent, y, dy) : undefined,
  ];
};

/** d x^p / dx = p·x^(p−1), and 0 for p = 0 whatever x is. */
function powBase(make: Operators, x: string, p: string, exponent: string, y: string, dy: string): string {
  const numbers = make.numbersIn(p);
  const value = numbers !== undefined && new Set(numbers).size === 1 ? numbers[0] : undefined;
  if (value === 1) return dy;
  if (value === 2) return make.mul(dy, make.scale(x, 2));
  if (value === 0.5) return make.div(make.scale(dy, 0.5), y);
  const slope = make.mul(exponent, make.pow(x, make.shift(exponent, -1)));
  if (value !== undefined && value !== 0) return make.mul(dy, slope);
  const none = make.scalar(0, x);
  return make.mul(dy, make.where(make.equal(exponent, none), none, slope));
}

/** d x^p / dp = x^p·ln x, and 0 where x = 0 and p ≥ 0 (the limit). */
function powExponent(make: Operators, x: string, exponent: string, y: string, dy: string): string {
  const none = make.scalar(0, x);
  const limit = make.and(make.equal(x, none), make.greaterOrEqual(exponent, none));
  return make.mul(dy, make.where(limit, none, make.mul(y, make.log(x))));
}

/**
 * Ties share the gradient evenly, as torch.maximum does. A single constant is a bound as exporters write that of
 * torch.clamp: there a tie is the value's alone.
 */
const extreme: Rule = ({ inputs, outputs: [y = ''], dy, needs, make }) => {
  if (inputs.length === 1) return [dy];
  if (inputs.length === 2 && inputs.some((bound) => make.graph.isConstant(bound) && make.rank(bound) === 0)) {
    const none = make.scalar(0, y);
    return inputs.map((x, index) => (needs(index) ? make.where(make.equal(x, y), dy, none) : undefined));
  }
  const hits = inputs.map((x) => make.cast(make.equal(x, y), make.typeOf(y)));
  const count = hits.reduce(make.add);
  const share = make.div(dy, count);
  return hits.map((hit, index) => (needs(index) ? make.mul(share, hit) : undefined));
};

/** y = a − b·trunc(a/b) */
const mod: Rule = ({ inputs: [a = '', b = ''], outputs: [y = ''], dy, needs, make }) => [
  dy,
  needs(1) ? make.neg(make.mul(dy, make.div(make.sub(a, y), b))) : undefined,
];

const where: Rule = ({ inputs: [condition = '', a = '', b = ''], dy, needs, make }) => [
  undefined,
  needs(1) ? make.where(condition, dy, make.scalar(0, a)) : undefined,
  needs(2) ? make.where(condition, make.scalar(0, b), dy) : undefined,
];

const cast: Rule = ({ node, inputs: [x = ''], dy, make }) => {
  const to = elementTypeOf(intAttribute(node, 'to', 0));
  return to !== undefined && !isFloat(to) ? [] : [make.cast(dy, make.typeOf(x))];
};

const dropout: Rule = (context) => {
  const { node, inputs, dy, make } = context;
  const training = inputs[2] ?? '';
  if (training !== '' && make.numbersIn(training)?.[0] !== 0) throw unsupported(node, 'in training mode');
  return [dy];
};

/** (1 ± x²)^(−½) and the like: derivatives of the inverse functions. */
const onePlusSquare = (make: Operators, x: string): string => make.shift(make.square(x), 1);
const oneMinusSquare = (make: Operators, x: string): string => make.shift(make.neg(make.square(x)), 1);

/** Element-by-element arithmetic. */
export const arithmetic: Readonly<Record<string, Rule>> = {
  Add: ({ dy }) => [dy, dy],
  Sub: ({ dy, needs, make }) => [dy, needs(1) ? make.neg(dy) : undefined],
  Mul: ({ inputs: [a = '', b = ''], dy, needs, make }) => [
    needs(0) ? make.mul(dy, b) : undefined,
    needs(1) ? make.mul(dy, a) : undefined,
  ],
  Div: ({ inputs: [, b = ''], outputs: [y = ''], dy, needs, make }) => [
    needs(0) ? make.div(dy, b) : undefined,
    needs(1) ? make.neg(make.div(make.mul(dy, y), b)) : undefined,
  ],
  Sum: ({ inputs, dy }) => inputs.map(() => dy),
  Mean: ({ inputs, dy, make }) => inputs.map(() => make.scale(dy, 1 / inputs.length)),
  Max: extreme,
  Min: extreme,
  Pow: pow,
  Mod: mod,
  Where: where,
  Neg: ({ dy, make }) => [make.neg(dy)],
  Abs: pointwise((make, x) => make.sign(x)),
  Exp: pointwise((_, __, y) => y),
  Log: ({ inputs: [x = ''], dy, make }) => [make.div(dy, x)],
  Sqrt: ({ outputs: [y = ''], dy, make }) => [make.div(make.scale(dy, 0.5), y)],
  Reciprocal: pointwise((make, _, y) => make.neg(make.square(y))),
  Sin: pointwise((make, x) => make.cos(x)),
  Cos: pointwise((make, x) => make.neg(make.sin(x))),
  Tan: pointwise((make, _, y) => onePlusSquare(make, y)),
  Sinh: pointwise((make, x) => make.cosh(x)),
  Cosh: pointwise((make, x) => make.sinh(x)),
  Tanh: pointwise((make, _, y) => oneMinusSquare(make, y)),
  Asin: pointwise((make, x) => make.reciprocal(make.sqrt(oneMinusSquare(make, x)))),
  Acos: pointwise((make, x) => make.neg(make.reciprocal(make.sqrt(oneMinusSquare(make, x))))),
  Atan: pointwise((make, x) => make.reciprocal(onePlusSquare(make, x))),
  Asinh: pointwise((make, x) => make.reciprocal(make.sqrt(onePlusSquare(make, x)))),
  Acosh: pointwise((make, x) => make.reciprocal(make.sqrt(make.shift(make.square(x), -1)))),
  Atanh: pointwise((make, x) => make.reciprocal(oneMinusSquare(make, x))),
  Erf: pointwise((make, x) => make.scale(make.exp(make.neg(make.square(x))), 2 / Math.sqrt(Math.PI))),
  Sign: zero,
  Floor: zero,
  Ceil: zero,
  Round: zero,
  Hardmax: zero,
  Identity: ({ dy }) => [dy],
  Cast: cast,
  CastLike: ({ inputs: [x = ''], dy, make }) => [make.cast(dy, make.typeOf(x))],
  Dropout: dropout,
};
