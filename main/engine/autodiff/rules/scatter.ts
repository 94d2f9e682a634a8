import type { Operators } from '../../graph/operators.ts';

/**
 * Adds `values` into zeros of the shape of `like`, at flat row-major `indices` of the same dims as `values`.
 *
 * @returns a tensor of the dims of `like`
 */
export function scatterAdd(make: Operators, like: string, indices: string, values: string): string {
  const size = make.sizeOf(make.shapeOf(like));
  const zeros = make.expandTo(make.scalar(0, values), size);
  const flat = (value: string): string => make.reshape(value, [-1]);
  const sum = make.one('ScatterElements', [zeros, flat(indices), flat(values)], { axis: 0, reduction: 'add' });
  return make.reshapeLike(sum, like);
}

/**
 * The transpose of an operator that only picks elements: run on the places of the elements instead of the elements, it
 * tells where each one came from.
 *
 * @param pick the operator, from its input to its output
 */
export function putBack(make: Operators, x: string, dy: string, pick: (places: string) => string): string {
  const shape = make.shapeOf(x);
  const places = make.reshapeTo(make.range(make.sizeOf(shape)), shape);
  return scatterAdd(make, x, pick(places), dy);
}
