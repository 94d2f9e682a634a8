import { Failure } from '../../contract/failures.ts';
import { same, sameDims, textOf } from '../graph/dimension.ts';
import type { Operators } from '../graph/operators.ts';

/**
 * The one place where broadcasting is undone: sums `gradient` over the axes along which `value` was repeated and gives
 * it the value's dims and type. Extents that are only known at run time are compared at run time.
 */
export function fit(make: Operators, gradient: string, value: string): string {
  const fact = make.graph.factOf(value);
  const typed = fact === undefined ? gradient : make.cast(gradient, fact.elementType);
  const from = make.graph.factOf(typed)?.dims;
  const to = fact?.dims;
  if (from !== undefined && to !== undefined && sameDims(from, to)) return typed;
  if (from === undefined || to === undefined)
    throw new Failure(
      'unsupported',
      `the number of dims of "${from === undefined ? gradient : value}" cannot be told before it runs`,
    );

  const extra = from.length - to.length;
  if (extra < 0)
    throw new Failure(
      'model-broken',
      `the model's shapes do not fit each other: gradient of "${value}" has ${from.length} dims, expected at least ${to.length}`,
    );
  const summed: number[] = [];
  let unsure = false;
  let smaller = false;
  from.forEach((extent, axis) => {
    const target = to[axis - extra] ?? 1;
    if (axis < extra || (target === 1 && extent !== 1)) summed.push(axis);
    else if (extent === 1 && target !== 1) smaller = true;
    else if (typeof extent === 'number' && typeof target === 'number' && extent !== target)
      throw new Failure(
        'model-broken',
        `the model's shapes do not fit each other: gradient of "${value}" has dims [${from.map(textOf).join(', ')}], expected [${to.map(textOf).join(', ')}]`,
      );
    else if (!same(extent, target)) unsure = true;
  });
  if (unsure) return make.reshapeTo(sumAtRunTime(make, typed, value, extra), make.shapeOf(value));
  const sum = make.reduceSum(typed, summed);
  const squeezed = extra === 0 ? sum : make.reshapeLike(sum, value);
  return smaller ? make.expandLike(squeezed, value) : squeezed;
}

/** Sums over every axis along which the run-time shapes differ. */
function sumAtRunTime(make: Operators, gradient: string, value: string, extra: number): string {
  const ones = make.ints(Array<number>(extra).fill(1));
  const padded = extra === 0 ? make.shapeOf(value) : make.concat([ones, make.shapeOf(value)], 0);
  const differs = make.not(make.equal(make.shapeOf(gradient), padded));
  const axes = make.reshape(make.one('NonZero', [differs]), [-1]);
  const sum = make.one('ReduceSum', [gradient, axes], { keepdims: 1, noop_with_empty_axes: 1 });
  return sum;
}
