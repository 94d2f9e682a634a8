import { Failure } from '../../../contract/failures.ts';
import { multiply, same, type Dim } from '../dimension.ts';
import { intAttribute, intsAttribute, type Node } from '../model.ts';
import { dimsText } from './fact.ts';

/** Whether two extents may be equal: only two different numbers may not. */
export function mayEqual(a: Dim | undefined, b: Dim | undefined): boolean {
  return typeof a !== 'number' || typeof b !== 'number' || same(a, b);
}

/** A convolution's input and weight fit each other and its attributes; else `model-broken`. */
export function checkConvolution(node: Node, x: readonly Dim[], weight: readonly Dim[]): void {
  const [group, transposed] = [intAttribute(node, 'group', 1), node.operator === 'ConvTranspose'];
  const channels = transposed ? weight[0] : multiply(weight[1] ?? 1, group);
  const kernel = intsAttribute(node, 'kernel_shape');
  const fits =
    x.length === weight.length &&
    mayEqual(x[1], channels) &&
    (kernel === undefined ||
      (kernel.length === weight.length - 2 && kernel.every((extent, axis) => mayEqual(extent, weight[axis + 2]))));
  if (!fits)
    throw new Failure(
      'model-broken',
      `expected a weight that fits the input ${dimsText(x)}${group === 1 ? '' : ` in ${group} groups`}${kernel === undefined ? '' : ` and the kernel ${dimsText(kernel)}`}, got ${dimsText(weight)}`,
    );
  checkWindow(node, x.length - 2);
}

/** Kernel, strides, dilations and pads of as many axes as there are behind images and channels. */
export function checkWindow(node: Node, spatial: number): void {
  for (const [name, each] of [
    ['kernel_shape', 1],
    ['strides', 1],
    ['dilations', 1],
    ['output_padding', 1],
    ['pads', 2],
  ] as const) {
    const given = intsAttribute(node, name);
    if (given !== undefined && given.length !== each * spatial)
      throw new Failure(
        'model-broken',
        `expected ${each * spatial} numbers in "${name}" for ${spatial} axes, got ${dimsText(given)}`,
      );
  }
}
