import { floatAttribute, stringAttribute } from '../../graph/model.ts';
import type { Operators } from '../../graph/operators.ts';
import type { Rule } from '../rule.ts';

/** dy where the condition holds, 0 elsewhere (never 0·∞). */
function only(make: Operators, condition: string, dy: string): string {
  return make.where(condition, dy, make.scalar(0, dy));
}

const isPositive = (make: Operators, x: string): string => make.greater(x, make.scalar(0, x));

/** e^x for the negative side alone; the positive side would overflow for nothing. */
const expBelow = (make: Operators, x: string): string => make.exp(make.min(x, make.scalar(0, x)));

const elu: Rule = ({ node, inputs: [x = ''], dy, make }) => {
  const alpha = floatAttribute(node, 'alpha', 1);
  return [make.where(isPositive(make, x), dy, make.mul(dy, make.scale(expBelow(make, x), alpha)))];
};

const selu: Rule = ({ node, inputs: [x = ''], dy, make }) => {
  const alpha = floatAttribute(node, 'alpha', 1.67326319217681884765625);
  const gamma = floatAttribute(node, 'gamma', 1.05070102214813232421875);
  const scaled = make.scale(dy, gamma);
  return [make.where(isPositive(make, x), scaled, make.mul(scaled, make.scale(expBelow(make, x), alpha)))];
};

const celu: Rule = ({ node, inputs: [x = ''], dy, make }) => {
  const alpha = floatAttribute(node, 'alpha', 1);
  return [make.where(isPositive(make, x), dy, make.mul(dy, expBelow(make, make.scale(x, 1 / alpha))))];
};

const prelu: Rule = ({ inputs: [x = '', slope = ''], dy, needs, make }) => {
  const positive = isPositive(make, x);
  return [
    make.where(positive, dy, make.mul(dy, slope)),
    needs(1) ? make.where(positive, make.scalar(0, x), make.mul(dy, x)) : undefined,
  ];
};

/**
 * Flows where x lies in [low, high], bounds included as in torch.clamp; beyond, it belongs to the bound. From 0 to 6 it is
 * torch's ReLU6, which leaves its bounds out.
 */
const clip: Rule = ({ inputs: [x = '', low = '', high = ''], dy, needs, make }) => {
  const isRelu6 = make.numbersIn(low)?.[0] === 0 && make.numbersIn(high)?.[0] === 6;
  if (isRelu6) return [only(make, make.and(make.greater(x, low), make.less(x, high)), dy)];
  const above = low === '' ? undefined : make.greaterOrEqual(x, low);
  const below = high === '' ? undefined : make.lessOrEqual(x, high);
  const inside = above !== undefined && below !== undefined ? make.and(above, below) : (above ?? below);
  return [
    inside === undefined ? dy : only(make, inside, dy),
    needs(1) && above !== undefined ? only(make, make.not(above), dy) : undefined,
    needs(2) && below !== undefined ? only(make, make.not(below), dy) : undefined,
  ];
};

const hardSigmoid: Rule = ({ node, outputs: [y = ''], dy, make }) => {
  const inside = make.and(isPositive(make, y), make.less(y, make.scalar(1, y)));
  return [only(make, inside, make.scale(dy, floatAttribute(node, 'alpha', 0.2)))];
};

/** x·h(x) with h = clamp(x/6 + ½, 0, 1). */
const hardSwish: Rule = ({ inputs: [x = ''], dy, make }) => {
  const inner = make.and(make.greater(x, make.scalar(-3, x)), make.less(x, make.scalar(3, x)));
  const slope = make.shift(make.scale(x, 1 / 3), 0.5);
  return [make.where(inner, make.mul(dy, slope), only(make, isPositive(make, x), dy))];
};

/** x·tanh(softplus(x)) */
const mish: Rule = ({ inputs: [x = ''], dy, make }) => {
  const t = make.tanh(make.softplus(x));
  const slope = make.mul(make.mul(x, make.sigmoid(x)), make.sub(make.scalar(1, x), make.square(t)));
  return [make.mul(dy, make.add(t, slope))];
};

/** x·σ(αx): σ(αx)·(1 + αx·(1 − σ(αx))) */
const swish: Rule = ({ node, inputs: [x = ''], dy, make }) => {
  const scaled = make.scale(x, floatAttribute(node, 'alpha', 1));
  const s = make.sigmoid(scaled);
  const one = make.scalar(1, x);
  return [make.mul(dy, make.mul(s, make.add(one, make.mul(scaled, make.sub(one, s)))))];
};

const gelu: Rule = ({ node, inputs: [x = ''], dy, make }) => {
  const slope = stringAttribute(node, 'approximate', 'none') === 'tanh' ? geluTanhSlope(make, x) : geluSlope(make, x);
  return [make.mul(dy, slope)];
};

/** Φ(x) + x·φ(x) */
function geluSlope(make: Operators, x: string): string {
  const cumulative = make.scale(make.shift(make.erf(make.scale(x, Math.SQRT1_2)), 1), 0.5);
  const density = make.scale(make.exp(make.scale(make.square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
  return make.add(cumulative, make.mul(x, density));
}

/** The derivative of ½x(1 + tanh(c(x + 0.044715x³))), c = √(2/π). */
function geluTanhSlope(make: Operators, x: string): string {
  const c = Math.sqrt(2 / Math.PI);
  const square = make.square(x);
  const t = make.tanh(make.mul(x, make.shift(make.scale(square, 0.044715 * c), c)));
  const inner = make.shift(make.scale(square, 3 * 0.044715 * c), c);
  const tail = make.mul(make.mul(x, inner), make.sub(make.scalar(1, x), make.square(t)));
  return make.scale(make.add(make.shift(t, 1), tail), 0.5);
}

const leakyRelu: Rule = ({ node, inputs: [x = ''], dy, make }) => [
  make.where(isPositive(make, x), dy, make.scale(dy, floatAttribute(node, 'alpha', 0.01))),
];

/** Activation functions; at a kink the gradient is torch's. */
export const activations: Readonly<Record<string, Rule>> = {
  Relu: ({ outputs: [y = ''], dy, make }) => [only(make, isPositive(make, y), dy)],
  LeakyRelu: leakyRelu,
  PRelu: prelu,
  Elu: elu,
  Selu: selu,
  Celu: celu,
  ThresholdedRelu: ({ node, inputs: [x = ''], dy, make }) => [
    only(make, make.greater(x, make.scalar(floatAttribute(node, 'alpha', 1), x)), dy),
  ],
  Shrink: ({ node, inputs: [x = ''], dy, make }) => [
    only(make, make.greater(make.abs(x), make.scalar(floatAttribute(node, 'lambd', 0.5), x)), dy),
  ],
  Clip: clip,
  Sigmoid: ({ outputs: [y = ''], dy, make }) => [make.mul(dy, make.mul(y, make.sub(make.scalar(1, y), y)))],
  HardSigmoid: hardSigmoid,
  HardSwish: hardSwish,
  Mish: mish,
  Swish: swish,
  Softplus: ({ inputs: [x = ''], dy, make }) => [make.mul(dy, make.sigmoid(x))],
  Softsign: ({ inputs: [x = ''], dy, make }) => [make.div(dy, make.square(make.shift(make.abs(x), 1)))],
  Gelu: gelu,
};
