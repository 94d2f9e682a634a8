import { Failure } from '../../../contract/failures.ts';
import { fromFront } from '../../graph/inference/fact.ts';
import { sliceRange } from '../../graph/inference/slice-range.ts';
import { intAttribute, intsAttribute, stringAttribute } from '../../graph/model.ts';
import type { Rule, RuleContext } from '../rule.ts';
import { putBack } from './scatter.ts';

/** Whatever only changes the dims: the gradient takes the dims of the input. */
const reshaped: Rule = ({ inputs: [x = ''], dy, make }) => [make.reshapeLike(dy, x)];

const transpose: Rule = ({ node, dy, make }) => {
  const rank = make.rank(dy);
  const order = intsAttribute(node, 'perm') ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
  return [
    make.transpose(
      dy,
      order.map((_, axis) => order.indexOf(axis)),
    ),
  ];
};

const concat: Rule = ({ node, inputs, dy, needs, make }) => {
  const axis = fromFront(intAttribute(node, 'axis', 0), make.rank(dy));
  const sizes = make.vector(inputs.map((name) => make.extentOf(name, axis)));
  const parts = make.node('Split', [dy, sizes], { axis }, inputs.length);
  return inputs.map((_, index) => (needs(index) ? parts[index] : undefined));
};

const split: Rule = ({ node, inputs: [x = ''], outputs, gradients, make }) => {
  const axis = fromFront(intAttribute(node, 'axis', 0), make.rank(x));
  const parts = outputs.map((name, index) => gradients[index] ?? make.fullLike(name, 0));
  return [make.concat(parts, axis)];
};

/** With steps of one and known ends the rest is zeros around; otherwise elements go back to their places. */
const slice: Rule = ({ inputs, dy, make }) => {
  const [x = '', starts = '', ends = '', axes = '', steps = ''] = inputs;
  const rank = make.rank(x);
  const from = make.numbersIn(starts);
  const to = make.numbersIn(ends);
  const over = axes === '' ? from?.map((_, axis) => axis) : make.numbersIn(axes);
  const strides = steps === '' ? from?.map(() => 1) : make.numbersIn(steps);
  const before = Array<number>(rank).fill(0);
  const after = Array<number>(rank).fill(0);
  const plain = from?.every((start, index) => {
    const axis = fromFront(over?.[index] ?? NaN, rank);
    const extent = make.dimsOf(x)[axis];
    if (typeof extent !== 'number' || strides?.[index] !== 1) return false;
    const range = sliceRange(extent, start, to?.[index], 1);
    if (typeof range?.start !== 'number' || typeof range.length !== 'number') return false;
    before[axis] = range.start;
    after[axis] = extent - range.start - range.length;
    return true;
  });
  if (plain === true) return [make.pad(dy, make.ints([...before, ...after]))];
  return [putBack(make, x, dy, (places) => make.one('Slice', [places, starts, ends, axes, steps]))];
};

/** Zeros around are cut off; repeated borders go back to where they were read. */
const pad: Rule = ({ node, inputs, dy, needs, make }) => {
  const [x = '', pads = '', fill = '', axes = ''] = inputs;
  const mode = stringAttribute(node, 'mode', 'constant');
  if (mode !== 'constant')
    return [putBack(make, x, dy, (places) => make.one('Pad', [places, pads, '', axes], { mode }))];
  // Negative padding cuts; padding that was negative becomes zeros.
  const dx = make.one('Pad', [dy, make.neg(pads), '', axes]);
  const axesOfAll = make.dimsOf(dy).map((_, axis) => axis);
  return [
    dx,
    undefined,
    // A scalar, or a list of one.
    needs(2)
      ? make.reshapeLike(make.sub(make.reduceSum(dy, axesOfAll, false), make.reduceSum(dx, axesOfAll, false)), fill)
      : undefined,
  ];
};

/** [r₀·d₀, …] → [r₀, d₀, …], summed over the repetitions. */
const tile: Rule = ({ inputs: [x = '', repeats = ''], dy, make }) => {
  const rank = make.rank(x);
  const extents = Array.from({ length: rank }, (_, axis) => [
    make.slice(repeats, make.ints([axis]), make.ints([axis + 1]), [0]),
    make.extentOf(x, axis),
  ]).flat();
  return [
    make.reduceSum(
      make.reshape(dy, extents),
      Array.from({ length: rank }, (_, axis) => 2 * axis),
      false,
    ),
  ];
};

const depthToSpace: Rule = ({ node, inputs: [x = ''], dy, make }) => {
  const blocksize = intAttribute(node, 'blocksize', 1);
  const [height, width] = [make.extentOf(x, 2), make.extentOf(x, 3)];
  const blocks = make.reshape(dy, [make.extentOf(dy, 0), make.extentOf(dy, 1), height, blocksize, width, blocksize]);
  // WebGPU has no kernel of SpaceToDepth.
  const order = stringAttribute(node, 'mode', 'DCR') === 'DCR' ? [0, 3, 5, 1, 2, 4] : [0, 1, 3, 5, 2, 4];
  return [make.reshapeLike(make.transpose(blocks, order), x)];
};

const cumSum: Rule = ({ node, inputs: [, axis = ''], dy, make }) => {
  const exclusive = intAttribute(node, 'exclusive', 0);
  return [make.one('CumSum', [dy, axis], { exclusive, reverse: 1 - intAttribute(node, 'reverse', 0) })];
};

/** dy is summed back to the input's dims by the walk, so here it only has to be there. */
const expand: Rule = ({ dy }: RuleContext) => [dy];

const reverseSequence: Rule = ({ node, inputs: [, lengths = ''], dy, make }: RuleContext) => [
  make.one('ReverseSequence', [dy, lengths], {
    batch_axis: intAttribute(node, 'batch_axis', 1),
    time_axis: intAttribute(node, 'time_axis', 0),
  }),
];

function blockSizeOf(context: RuleContext): number {
  const size = intAttribute(context.node, 'blocksize', 0);
  if (size < 1) throw new Failure('model-broken', `expected a blocksize, got ${size}`);
  return size;
}

/** Operators that arrange elements. */
export const arrangement: Readonly<Record<string, Rule>> = {
  Reshape: reshaped,
  Flatten: reshaped,
  Squeeze: reshaped,
  Unsqueeze: reshaped,
  Transpose: transpose,
  Concat: concat,
  Split: split,
  Slice: slice,
  Pad: pad,
  Tile: tile,
  Expand: expand,
  DepthToSpace: depthToSpace,
  SpaceToDepth: (context) => [context.make.one('DepthToSpace', [context.dy], { blocksize: blockSizeOf(context) })],
  CumSum: cumSum,
  ReverseSequence: reverseSequence,
  Trilu: ({ node, inputs: [, k = ''], dy, make }) => [
    make.one('Trilu', [dy, k], { upper: intAttribute(node, 'upper', 1) }),
  ],
};
