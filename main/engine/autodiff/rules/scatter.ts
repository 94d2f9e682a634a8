import type { Operators } from '../../graph/operators.ts';

/**
 * Adds `values` into zeros of `shape`, at `indices` along `axis`. Half-precision values are summed at float32:
 * the CPU has no kernel that adds them where they are.
 */
export function addAlong(make: Operators, shape: string, indices: string, values: string, axis: number): string {
  const type = make.typeOf(values);
  const isHalf = type === 'float16' || type === 'bfloat16';
  const wide = isHalf ? make.cast(values, 'float32') : values;
  const zeros = make.expandTo(make.scalar(0, wide), shape);
  return make.cast(make.one('ScatterElements', [zeros, indices, wide], { axis, reduction: 'add' }), type);
}

/**
 * Adds `values` into zeros of the shape of `like`, at flat row-major `indices` of the same dims as `values`.
 *
 * @returns a tensor of the dims of `like`
 */
export function scatterAdd(make: Operators, like: string, indices: string, values: string): string {
  const size = make.sizeOf(make.shapeOf(like));
  const flat = (value: string): string => make.reshape(value, [-1]);
  return make.reshapeLike(addAlong(make, size, flat(indices), flat(values), 0), like);
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
