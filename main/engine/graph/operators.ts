import { Failure } from '../../contract/failures.ts';
import { sameDims, type Dim } from './dimension.ts';
import { codeOf, type ElementType } from './element-type.ts';
import type { GivenAttributes, GraphBuilder } from './builder.ts';

/** A vector of extents by parts: numbers, or names of one-element vectors computed at run time. */
export type Extents = readonly (number | string)[];

/** Names whose graphs read like formulas: `make.mul(make.exp(x), y)`. Every function adds a node and returns its value. */
export type Operators = ReturnType<typeof operatorsOn>;

/** The constructors of operators over a builder. Broadcasting is numpy's, axes may be negative. */
export function operatorsOn(graph: GraphBuilder) {
  const one = (operator: string, inputs: readonly string[], given?: GivenAttributes): string =>
    graph.emit(operator, inputs, given)[0] ?? '';
  const unary = (operator: string) => (x: string) => one(operator, [x]);
  const binary = (operator: string) => (a: string, b: string) => one(operator, [a, b]);
  const reduction =
    (operator: string) =>
    (x: string, axes: readonly number[], keepdims = true) =>
      axes.length === 0 ? x : one(operator, [x, ints(axes)], { keepdims: keepdims ? 1 : 0 });

  const ints = (values: readonly number[]): string => graph.constant('int64', [values.length], values);
  const typeOf = (x: string): ElementType => factOf(x).elementType;
  const factOf = (x: string) => {
    const fact = graph.factOf(x);
    if (fact === undefined) throw new Failure('unsupported', `nothing is known of the type of "${x}"`);
    return fact;
  };
  const dimsOf = (x: string): readonly Dim[] => {
    const { dims } = factOf(x);
    if (dims === undefined)
      throw new Failure('unsupported', `the number of dims of "${x}" cannot be told before it runs`);
    return dims;
  };
  /** Dims where every one is a number. */
  const staticDims = (x: string): readonly number[] | undefined => {
    const { dims } = factOf(x);
    return dims?.every((dim) => typeof dim === 'number') ? dims : undefined;
  };
  /** The elements of a small constant as numbers, where they are known. */
  const numbersIn = (x: string): readonly number[] | undefined => {
    const known = graph.factOf(x)?.known;
    return known?.every((each) => typeof each === 'number') ? known : undefined;
  };
  /** A single number of the same type as `like`. */
  const scalar = (value: number, like: string): string => graph.constant(typeOf(like), [], [value]);
  const shapeOf = unary('Shape');
  /** One extent, as a vector of one element. */
  const extentOf = (x: string, axis: number): string => {
    const at = axis < 0 ? axis + dimsOf(x).length : axis;
    return one('Shape', [x], { start: at, end: at + 1 });
  };
  const vector = (parts: Extents): string => {
    if (parts.every((part) => typeof part === 'number')) return ints(parts);
    const names = parts.map((part) => (typeof part === 'number' ? ints([part]) : part));
    return names.length === 1 ? (names[0] ?? '') : one('Concat', names, { axis: 0 });
  };
  /** In a shape without -1 an extent of 0 is a true zero; plain positive shapes need no say in it. */
  const reshapeTo = (x: string, target: string): string => {
    const known = graph.factOf(target)?.known;
    const plain =
      known === undefined ||
      known.some((each) => each === -1) ||
      known.every((each) => typeof each === 'number' && each > 0);
    return one('Reshape', [x, target], plain ? {} : { allowzero: 1 });
  };
  const cast = (x: string, to: ElementType): string => (typeOf(x) === to ? x : one('Cast', [x], { to: codeOf(to) }));

  return {
    graph,
    ints,
    scalar,
    typeOf,
    dimsOf,
    staticDims,
    numbersIn,
    shapeOf,
    extentOf,
    vector,
    cast,
    one,
    rank: (x: string): number => dimsOf(x).length,
    node: (operator: string, inputs: readonly string[], given: GivenAttributes, outputs: number) =>
      graph.emit(operator, inputs, given, outputs),

    add: binary('Add'),
    sub: binary('Sub'),
    mul: binary('Mul'),
    div: binary('Div'),
    pow: binary('Pow'),
    max: binary('Max'),
    min: binary('Min'),
    equal: binary('Equal'),
    less: binary('Less'),
    lessOrEqual: binary('LessOrEqual'),
    greater: binary('Greater'),
    greaterOrEqual: binary('GreaterOrEqual'),
    and: binary('And'),
    or: binary('Or'),
    not: unary('Not'),
    where: (condition: string, a: string, b: string) => one('Where', [condition, a, b]),

    neg: unary('Neg'),
    abs: unary('Abs'),
    /** −1, 0 or 1; WebGPU has no kernel of Sign. */
    sign: (x: string) => {
      const none = scalar(0, x);
      const type = typeOf(x);
      return one('Sub', [cast(one('Greater', [x, none]), type), cast(one('Less', [x, none]), type)]);
    },
    exp: unary('Exp'),
    log: unary('Log'),
    sqrt: unary('Sqrt'),
    reciprocal: unary('Reciprocal'),
    sin: unary('Sin'),
    cos: unary('Cos'),
    sinh: unary('Sinh'),
    cosh: unary('Cosh'),
    tanh: unary('Tanh'),
    sigmoid: unary('Sigmoid'),
    erf: unary('Erf'),
    softplus: unary('Softplus'),
    relu: unary('Relu'),
    floor: unary('Floor'),
    identity: unary('Identity'),
    square: (x: string) => one('Mul', [x, x]),
    /** x · value, for a plain number. */
    scale: (x: string, value: number) => (value === 1 ? x : one('Mul', [x, scalar(value, x)])),
    /** x + value, for a plain number. */
    shift: (x: string, value: number) => (value === 0 ? x : one('Add', [x, scalar(value, x)])),

    matMul: binary('MatMul'),
    softmax: (x: string, axis: number) => one('Softmax', [x], { axis }),
    reduceSum: reduction('ReduceSum'),
    reduceMean: reduction('ReduceMean'),
    reduceMax: reduction('ReduceMax'),

    reshape: (x: string, extents: Extents) => reshapeTo(x, vector(extents)),
    reshapeTo,
    /** `x` in the shape of `like`. */
    reshapeLike: (x: string, like: string) => {
      const [a, b] = [factOf(x).dims, factOf(like).dims];
      return a !== undefined && b !== undefined && sameDims(a, b) ? x : reshapeTo(x, shapeOf(like));
    },
    /** `x` repeated to the shape of `like`. */
    expandLike: (x: string, like: string) => {
      const [a, b] = [factOf(x).dims, factOf(like).dims];
      return a !== undefined && b !== undefined && sameDims(a, b) ? x : one('Expand', [x, shapeOf(like)]);
    },
    expandTo: (x: string, target: string) => one('Expand', [x, target]),
    transpose: (x: string, order: readonly number[]) =>
      order.every((axis, index) => axis === index) ? x : one('Transpose', [x], { perm: order }),
    unsqueeze: (x: string, axes: readonly number[]) => (axes.length === 0 ? x : one('Unsqueeze', [x, ints(axes)])),
    squeeze: (x: string, axes: readonly number[]) => (axes.length === 0 ? x : one('Squeeze', [x, ints(axes)])),
    concat: (parts: readonly string[], axis: number) =>
      parts.length === 1 ? (parts[0] ?? '') : one('Concat', parts, { axis }),
    /** `starts` and `ends` are vectors. */
    slice: (x: string, starts: string, ends: string, axes: readonly number[], steps?: readonly number[]) =>
      one('Slice', [x, starts, ends, ints(axes), steps === undefined ? '' : ints(steps)]),
    gather: (x: string, indices: string, axis: number) => one('Gather', [x, indices], { axis }),
    /** Zeros around `x`; `pads` is a vector of all befores, then all afters. */
    pad: (x: string, pads: string) => one('Pad', [x, pads]),
    /** 0, 1, … as int64 up to a one-element vector. */
    range: (extent: string) =>
      one('Range', [graph.constant('int64', [], [0]), one('Squeeze', [extent]), graph.constant('int64', [], [1])]),
    /** A constant value in the shape of `like`, of its type. */
    fullLike: (like: string, value: number) => {
      const dims = staticDims(like);
      return dims !== undefined && dims.length === 0
        ? scalar(value, like)
        : one('Expand', [scalar(value, like), shapeOf(like)]);
    },
    /** The product of a vector's extents, as a one-element vector. */
    sizeOf: (shape: string) => one('ReduceProd', [shape], { keepdims: 1 }),
  };
}
