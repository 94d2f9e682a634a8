import { Failure } from '../../../contract/failures.ts';
import { add, multiply, subtract } from '../../graph/dimension.ts';
import { reach } from '../../graph/inference/contractions.ts';
import { intAttribute, type Node } from '../../graph/model.ts';
import type { Operators } from '../../graph/operators.ts';
import type { Rule } from '../rule.ts';
import { tapsOf } from './taps.ts';
import { scatterAdd } from './scatter.ts';
import { kernelOf, paddedWindow, spreadBack, type PaddedWindow } from './window.ts';

/** The places of the maxima are the operator's second output; dy goes back there. */
const maxPool: Rule = ({ node, inputs: [x = ''], outputs: [y = ''], dy, make }) => {
  if (intAttribute(node, 'storage_order', 0) !== 0) throw new Failure('unsupported', 'column-major indices');
  const indices = node.outputs[1] ?? '';
  return [scatterAdd(make, x, indices === '' ? withIndices(make, y) : indices, dy)];
};

/** Asks the node that makes `output` for its indices too. */
function withIndices(make: Operators, output: string): string {
  const name = make.graph.freshName(`${output}_indices`);
  make.graph.replace(output, (node) => ({ ...node, outputs: [node.outputs[0] ?? '', name] }));
  make.graph.learn(name, { elementType: 'int64', dims: make.dimsOf(output) });
  return name;
}

/** Every window's mean goes back in equal parts: a convolution with ones, transposed, channel by channel. */
const averagePool: Rule = ({ node, inputs: [x = ''], dy, make }) => {
  const kernel = kernelOf(make, node, undefined);
  const window = paddedWindow(node, kernel, make.dimsOf(x).slice(2));
  const ceil = intAttribute(node, 'ceil_mode', 0) === 1;
  const reached = ceil ? extended(make, window, x, dy) : window;
  const shares = make.mul(dy, sharesOf(make, node, reached, x));
  // Channels as images of their own.
  const taps = make.graph.constant(
    make.typeOf(dy),
    [1, 1, ...kernel],
    Array<number>(kernel.reduce((a, b) => a * b, 1)).fill(1),
  );
  const alone = (value: string): string =>
    make.reshapeTo(value, make.concat([make.ints([-1, 1]), make.one('Shape', [value], { start: 2 })], 0));
  return [make.reshapeLike(spreadBack(make, alone(shares), taps, reached, 1, alone(x)), x)];
};

/** Rounding up lets the last window reach beyond the padding: as if there were more of it. */
function extended(make: Operators, window: PaddedWindow, x: string, dy: string): PaddedWindow {
  const rank = window.kernel.length;
  const spatial = make.dimsOf(x).slice(2);
  const outputs = make.dimsOf(dy).slice(2);
  const pads = window.pads.map((pad, index) => {
    if (index < rank) return pad;
    const axis = index - rank;
    const stride = window.strides[axis] ?? 1;
    const end = add(multiply(subtract(outputs[axis] ?? 1, 1), stride), reach(window, axis));
    const beyond = subtract(end, add(spatial[axis] ?? 1, window.pads[axis] ?? 0));
    // Known at run time alone: as far as it can be.
    return typeof beyond === 'number' ? Math.max(pad, beyond) : pad + stride - 1;
  });
  return { ...window, pads };
}

/** One over the divisor of each window, by its place: what the pool makes of ones, over how many ones it saw. */
function sharesOf(make: Operators, node: Node, window: PaddedWindow, x: string): string {
  const spatial = make.one('Shape', [x], { start: 2 });
  const one = make.graph.constant(make.typeOf(x), [], [1]);
  const ones = make.expandTo(one, make.concat([make.ints([1, 1]), spatial], 0));
  const padded = window.pads.some((pad) => pad !== 0);
  const size = window.kernel.reduce((a, b) => a * b, 1);
  // Windows that all lie inside divide by the size of the kernel.
  if (!padded) return make.scalar(1 / size, x);
  const means = make.graph.emit('AveragePool', [ones], sameAttributes(node))[0] ?? '';
  const taps = make.graph.constant(make.typeOf(x), [1, 1, ...window.kernel], Array<number>(size).fill(1));
  const given = { strides: window.strides, dilations: window.dilations, pads: window.pads };
  const seen = make.one('Conv', [ones, taps], given);
  const axes = window.kernel.map((_, axis) => axis + 2);
  const starts = make.ints(axes.map(() => 0));
  return make.div(means, make.slice(seen, starts, make.one('Shape', [means], { start: 2 }), axes));
}

function sameAttributes(node: Node): Record<string, number | readonly number[] | string> {
  return Object.fromEntries(
    Object.entries(node.attributes).flatMap(([name, attribute]) =>
      attribute.kind === 'int' || attribute.kind === 'ints' || attribute.kind === 'string'
        ? [[name, attribute.value]]
        : [],
    ),
  );
}

const spatialAxes = (make: Operators, x: string): number[] =>
  make.dimsOf(x).flatMap((_, axis) => (axis > 1 ? [axis] : []));

const globalAverage: Rule = ({ inputs: [x = ''], dy, make }) => {
  const count = make.cast(make.sizeOf(make.one('Shape', [x], { start: 2 })), make.typeOf(x));
  return [make.expandLike(make.div(dy, count), x)];
};

const globalMax: Rule = ({ inputs: [x = ''], outputs: [y = ''], dy, make }) => {
  const hits = make.cast(make.equal(x, y), make.typeOf(x));
  return [make.mul(hits, make.div(dy, make.reduceSum(hits, spatialAxes(make, x))))];
};

/** Blocks added into an image take its gradient from where they were put: every tap sees a strided cut of it. */
const col2Im: Rule = ({ node, inputs: [x = '', , block = ''], dy, make }) => {
  const kernel = make.numbersIn(block);
  if (kernel === undefined) throw new Failure('unsupported', 'blocks whose extents are only known at run time');
  const window = paddedWindow(node, kernel, make.dimsOf(dy).slice(2));
  const rank = kernel.length;
  const around = [0, 0, ...window.pads.slice(0, rank), 0, 0, ...window.pads.slice(rank)];
  const image = around.some((pad) => pad !== 0) ? make.pad(dy, make.ints(around)) : dy;
  const axes = kernel.map((_, axis) => axis + 2);
  const views = tapsOf(kernel).map((tap) => {
    const starts = tap.map((index, axis) => index * (window.dilations[axis] ?? 1));
    const left = starts.map((start, axis) => reach(window, axis) - 1 - start);
    const ends = left.map((rest) => (rest === 0 ? 2 ** 31 - 1 : -rest));
    const view = make.slice(image, make.ints(starts), make.ints(ends), axes, window.strides);
    return make.reshape(view, [make.extentOf(dy, 0), make.extentOf(dy, 1), 1, -1]);
  });
  return [make.reshapeLike(make.concat(views, 2), x)];
};

/** Poolings in any number of dims, and their undoing. */
export const pooling: Readonly<Record<string, Rule>> = {
  MaxPool: maxPool,
  AveragePool: averagePool,
  GlobalAveragePool: globalAverage,
  GlobalMaxPool: globalMax,
  Col2Im: col2Im,
};
