import { Failure } from '../../../contract/failures.ts';
import { subtract } from '../../graph/dimension.ts';
import { reach, windowOf } from '../../graph/inference/contractions.ts';
import { intAttribute, intsAttribute, type Node } from '../../graph/model.ts';
import type { Operators } from '../../graph/operators.ts';
import type { Rule } from '../rule.ts';
import { kernelGradient } from './kernel-gradient.ts';
import { kernelOf, paddedWindow, splitPads, spreadBack, type PaddedWindow } from './window.ts';

function weightDims(make: Operators, weight: string): readonly number[] {
  const dims = make.staticDims(weight);
  if (dims === undefined) throw new Failure('unsupported', 'a kernel whose extents are only known at run time');
  return dims;
}

/** Summed over everything but the channels. */
function biasGradient(make: Operators, dy: string): string {
  return make.reduceSum(dy, [0, ...make.dimsOf(dy).flatMap((_, axis) => (axis > 1 ? [axis] : []))], false);
}

const conv: Rule = ({ node, inputs: [x = '', weight = ''], dy, needs, make }) => {
  const group = intAttribute(node, 'group', 1);
  const window = paddedWindow(node, kernelOf(make, node, weight), make.dimsOf(x).slice(2));
  return [
    needs(0) ? spreadBack(make, dy, weight, window, group, x) : undefined,
    needs(1) ? kernelGradient(make, x, dy, window, group, weightDims(make, weight)) : undefined,
    needs(2) ? biasGradient(make, dy) : undefined,
  ];
};

/** A transposed convolution runs the other way: its input gradient is the convolution itself. */
const convTranspose: Rule = ({ node, inputs: [x = '', weight = ''], dy, needs, make }) => {
  const group = intAttribute(node, 'group', 1);
  const window = transposedWindow(make, node, kernelOf(make, node, weight), x, dy);
  return [
    needs(0) ? convolved(make, dy, weight, window, group, x) : undefined,
    needs(1) ? kernelGradient(make, dy, x, window, group, weightDims(make, weight)) : undefined,
    needs(2) ? biasGradient(make, dy) : undefined,
  ];
};

function convolved(
  make: Operators,
  dy: string,
  weight: string,
  window: PaddedWindow,
  group: number,
  x: string,
): string {
  const { strides, dilations, pads, kernel } = window;
  const long = make.one('Conv', [dy, weight], { strides, dilations, pads, group, kernel_shape: kernel });
  // An output padding of a stride or more shows the kernel places that the input never reached.
  const axes = kernel.map((_, axis) => axis + 2);
  return make.slice(long, make.ints(axes.map(() => 0)), make.one('Shape', [x], { start: 2 }), axes);
}

/** The window of a ConvTranspose, its padding worked out from the output's extents where these are given. */
function transposedWindow(make: Operators, node: Node, kernel: readonly number[], x: string, dy: string): PaddedWindow {
  const window = windowOf(node, kernel);
  const given = intsAttribute(node, 'output_shape');
  if (given === undefined && window.pads !== undefined) return { ...window, pads: window.pads };
  const extra = intsAttribute(node, 'output_padding') ?? [];
  const [inputs, outputs] = [make.dimsOf(x).slice(2), make.dimsOf(dy).slice(2)];
  const totals = inputs.map((extent, axis) => {
    const out = outputs[axis] ?? 1;
    if (typeof extent !== 'number')
      throw new Failure('unsupported', 'automatic padding of an extent only known at run time');
    const full = (window.strides[axis] ?? 1) * (extent - 1) + (extra[axis] ?? 0) + reach(window, axis);
    return Math.max(0, Number(subtract(full, out)));
  });
  return { ...window, pads: splitPads(totals, window.autoPad !== 'SAME_UPPER') };
}

/** Convolutions in any number of dims. */
export const convolution: Readonly<Record<string, Rule>> = { Conv: conv, ConvTranspose: convTranspose };
