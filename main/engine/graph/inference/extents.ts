import { Failure } from '../../../contract/failures.ts';
import { add, floorDivide, multiply, type Dim } from '../dimension.ts';
import { intAttribute, intsAttribute, stringAttribute, type Node } from '../model.ts';
import { axisWithin, numbers, shaped, type Fact, type InferenceRule } from './fact.ts';

const pad: InferenceRule = ({ node, inputs: [x, pads, , axes], fresh }) => {
  if (x?.dims === undefined) return [x];
  const rank = x.dims.length;
  const amounts = pads?.known ?? intsAttribute(node, 'pads');
  const over = (node.inputs[3] ?? '') === '' ? Array.from({ length: rank }, (_, axis) => axis) : numbers(axes);
  if (over === undefined || (amounts !== undefined && amounts.length !== 2 * over.length))
    return [
      shaped(
        x.elementType,
        x.dims.map((_, axis) => fresh(`padded ${axis}`)),
      ),
    ];
  const dims = [...x.dims];
  over.forEach((axis, index) => {
    const before = amounts?.[index];
    const after = amounts?.[index + over.length];
    const at = axisWithin(axis, rank);
    dims[at] =
      before === undefined || after === undefined ? fresh(`padded ${at}`) : add(dims[at] ?? 1, add(before, after));
  });
  return [shaped(x.elementType, dims)];
};

const tile: InferenceRule = ({ inputs: [x, repeats], fresh }) => {
  if (x?.dims === undefined) return [x];
  return [
    shaped(
      x.elementType,
      x.dims.map((dim, axis) => multiply(dim, repeats?.known?.[axis] ?? fresh(`tile ${axis}`))),
    ),
  ];
};

const resize: InferenceRule = ({ node, inputs, fresh }) => {
  const [x, , scales, sizes] = inputs;
  if (x?.dims === undefined) return [x];
  const rank = x.dims.length;
  checkTargets(node, inputs, intsAttribute(node, 'axes')?.length ?? rank);
  const over = (intsAttribute(node, 'axes') ?? x.dims.map((_, axis) => axis)).map((axis) => axisWithin(axis, rank));
  const stretched = stringAttribute(node, 'keep_aspect_ratio_policy', 'stretch') !== 'stretch';
  const dims = x.dims.map((dim, axis): Dim => {
    const at = over.indexOf(axis);
    if (at < 0) return dim;
    if ((node.inputs[3] ?? '') !== '') return (stretched ? undefined : sizes?.known?.[at]) ?? fresh(`resized ${axis}`);
    const scale = numbers(scales)?.[at];
    if (scale === undefined) return fresh(`resized ${axis}`);
    if (typeof dim === 'number') return Math.floor(dim * Math.fround(scale));
    if (Number.isInteger(scale)) return multiply(dim, scale);
    return Number.isInteger(1 / scale) ? floorDivide(dim, 1 / scale) : fresh(`resized ${axis}`);
  });
  return [shaped(x.elementType, dims)];
};

/** Scales or sizes, one for each axis; an empty list of either stands for none. */
function checkTargets(node: Node, inputs: readonly (Fact | undefined)[], count: number): void {
  const given = [2, 3].filter((index) => (node.inputs[index] ?? '') !== '' && inputs[index]?.dims?.[0] !== 0);
  if (given.length !== 1)
    throw new Failure('model-broken', `expected scales or sizes, got ${given.length === 0 ? 'neither' : 'both'}`);
  const extent = inputs[given[0] ?? 0]?.dims?.[0];
  if (typeof extent === 'number' && extent !== count)
    throw new Failure('model-broken', `expected ${count} ${given[0] === 2 ? 'scales' : 'sizes'}, got ${extent}`);
}

const blocks: InferenceRule = ({ node, inputs: [x] }) => {
  if (x?.dims === undefined) return [x];
  const size = intAttribute(node, 'blocksize', 1);
  const [n = 1, c = 1, h = 1, w = 1] = x.dims;
  const [area, side] = [size * size, size];
  return node.operator === 'DepthToSpace'
    ? [shaped(x.elementType, [n, floorDivide(c, area), multiply(h, side), multiply(w, side)])]
    : [shaped(x.elementType, [n, multiply(c, area), floorDivide(h, side), floorDivide(w, side)])];
};

/** Operators that make axes longer or shorter. */
export const extents: Readonly<Record<string, InferenceRule>> = {
  Pad: pad,
  Tile: tile,
  Resize: resize,
  DepthToSpace: blocks,
  SpaceToDepth: blocks,
};
