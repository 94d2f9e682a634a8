import { Failure } from '../../../contract/failures.ts';
import { fromFront } from '../../graph/inference/fact.ts';
import { intAttribute, intsAttribute, type Node } from '../../graph/model.ts';
import type { Operators } from '../../graph/operators.ts';
import type { Rule } from '../rule.ts';
import { addAlong } from './scatter.ts';

/** Axes of a reduction from the front; an attribute before version 18 (13 for ReduceSum), then an input. */
function axesOf(make: Operators, node: Node): readonly number[] {
  const rank = make.rank(node.inputs[0] ?? '');
  const input = node.inputs[1] ?? '';
  const given = input === '' ? intsAttribute(node, 'axes') : make.numbersIn(input);
  if (given === undefined && input !== '') throw new Failure('unsupported', 'axes that are only known at run time');
  if (given !== undefined && given.length > 0) return given.map((axis) => fromFront(axis, rank));
  return intAttribute(node, 'noop_with_empty_axes', 0) === 1 ? [] : Array.from({ length: rank }, (_, axis) => axis);
}

/** A rule that sees result and gradient with the reduced axes kept as extents of 1. */
function overAxes(slope: (make: Operators, x: string, y: string, dy: string, axes: readonly number[]) => string): Rule {
  return ({ node, inputs: [x = ''], outputs: [y = ''], dy, make }) => {
    const axes = axesOf(make, node);
    const kept = (value: string): string =>
      intAttribute(node, 'keepdims', 1) === 1
        ? value
        : make.unsqueeze(
            value,
            axes.toSorted((a, b) => a - b),
          );
    return [make.expandLike(slope(make, x, kept(y), kept(dy), axes), x)];
  };
}

/** How many elements each sum has, as a number of the type of `x`. */
function count(make: Operators, x: string, axes: readonly number[]): string {
  const extents = axes.map((axis) => make.dimsOf(x)[axis] ?? 1);
  const total = extents.every((extent) => typeof extent === 'number') ? extents.reduce((a, b) => a * b, 1) : undefined;
  if (total !== undefined) return make.scalar(total, x);
  return make.cast(make.sizeOf(make.vector(axes.map((axis) => make.extentOf(x, axis)))), make.typeOf(x));
}

/** Elements that tie for the extreme share its gradient evenly, as torch.amax does. */
const extreme = overAxes((make, x, y, dy, axes) => {
  const hits = make.cast(make.equal(x, y), make.typeOf(x));
  return make.mul(hits, make.div(dy, make.reduceSum(hits, axes)));
});

/**
 * The product of the others. Division by x is exact unless it is zero: with one zero only that element has a gradient,
 * with more nobody has.
 */
const product = overAxes((make, x, y, dy, axes) => {
  const none = make.scalar(0, x);
  const isZero = make.equal(x, none);
  const zeros = make.reduceSum(make.cast(isZero, make.typeOf(x)), axes);
  const rest = make.one('ReduceProd', [make.where(isZero, make.scalar(1, x), x), make.ints(axes)], { keepdims: 1 });
  const alone = make.and(isZero, make.equal(zeros, make.scalar(1, x)));
  const others = make.where(
    isZero,
    make.where(alone, rest, none),
    make.div(y, make.where(isZero, make.scalar(1, x), x)),
  );
  return make.mul(dy, others);
});

/** Values of the largest or smallest k go back to where they came from; ties are broken by the operator itself. */
const topK: Rule = ({ node, inputs: [x = ''], outputs: [, indices = ''], gradients, make }) => {
  const [dy] = gradients;
  if (dy === undefined || indices === '') throw new Failure('unsupported', 'the indices of the elements');
  const axis = intAttribute(node, 'axis', -1);
  return [addAlong(make, make.shapeOf(x), indices, dy, axis)];
};

const sumOver = overAxes((_, __, ___, dy) => dy);

/** Where the summed axes are kept nobody needs to know them: our own gradients sum over axes that are found at run time. */
const sum: Rule = (context) => {
  const { node, inputs, dy, make } = context;
  return intAttribute(node, 'keepdims', 1) === 1 ? [make.expandLike(dy, inputs[0] ?? '')] : sumOver(context);
};

/** Reductions over any axes. */
export const reductions: Readonly<Record<string, Rule>> = {
  ReduceSum: sum,
  ReduceMean: overAxes((make, x, _, dy, axes) => make.div(dy, count(make, x, axes))),
  ReduceMax: extreme,
  ReduceMin: extreme,
  ReduceProd: product,
  ReduceL1: overAxes((make, x, _, dy) => make.mul(dy, make.sign(x))),
  // At the origin the norm has no slope; zero is torch's choice.
  ReduceL2: overAxes((make, x, y, dy) => {
    const none = make.scalar(0, x);
    return make.where(make.equal(y, none), none, make.div(make.mul(dy, x), y));
  }),
  ReduceSumSquare: overAxes((make, x, _, dy) => make.mul(dy, make.scale(x, 2))),
  ReduceLogSum: overAxes((make, _, y, dy) => make.div(dy, make.exp(y))),
  ReduceLogSumExp: overAxes((make, x, y, dy) => make.mul(dy, make.exp(make.sub(x, y)))),
  TopK: topK,
};
