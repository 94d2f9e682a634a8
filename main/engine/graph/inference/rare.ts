import { intAttribute, stringAttribute } from '../model.ts';
import { shaped, type InferenceRule } from './fact.ts';
import type { Dim } from '../dimension.ts';

const determinant: InferenceRule = ({ inputs: [x] }) => [x && shaped(x.elementType, x.dims?.slice(0, -2))];

/** [N, C, …] read at a grid [N, …out, 2 or 3] */
const gridSample: InferenceRule = ({ inputs: [x, grid] }) => {
  if (x === undefined) return [undefined];
  const [images, channels] = x.dims ?? [];
  const known = images !== undefined && channels !== undefined && grid?.dims !== undefined;
  return [shaped(x.elementType, known ? [images, channels, ...grid.dims.slice(1, -1)] : undefined)];
};

/** Regions [R, 4] of images [N, C, H, W] */
const roiAlign: InferenceRule = ({ node, inputs: [x, regions] }) => {
  if (x === undefined) return [undefined];
  const [channels, count] = [x.dims?.[1], regions?.dims?.[0]];
  const size = [intAttribute(node, 'output_height', 1), intAttribute(node, 'output_width', 1)];
  return [
    shaped(x.elementType, channels === undefined || count === undefined ? undefined : [count, channels, ...size]),
  ];
};

/** All states [L, D, N, H], the last ones [D, N, H], and the last cells of an LSTM. */
const recurrent: InferenceRule = ({ node, inputs: [x] }) => {
  const hidden = intAttribute(node, 'hidden_size', 0);
  if (x === undefined || hidden === 0) return [undefined];
  const directions = stringAttribute(node, 'direction', 'forward') === 'bidirectional' ? 2 : 1;
  const batchFirst = intAttribute(node, 'layout', 0) === 1;
  const [length, images] = batchFirst ? [x.dims?.[1], x.dims?.[0]] : [x.dims?.[0], x.dims?.[1]];
  const dims = (all: boolean): readonly Dim[] | undefined => {
    if (length === undefined || images === undefined) return undefined;
    if (batchFirst) return [images, ...(all ? [length] : []), directions, hidden];
    return [...(all ? [length] : []), directions, images, hidden];
  };
  const last = shaped(x.elementType, dims(false));
  return [shaped(x.elementType, dims(true)), last, last];
};

/** Elements of one axis that a mask keeps, or of the tensor as a list. */
const compress: InferenceRule = ({ node, inputs: [x], fresh }) => {
  if (x === undefined) return [undefined];
  const given = node.attributes['axis'];
  if (given?.kind !== 'int') return [shaped(x.elementType, [fresh('kept')])];
  const axis = given.value < 0 ? given.value + (x.dims?.length ?? 0) : given.value;
  return [
    shaped(
      x.elementType,
      x.dims?.map((dim, at) => (at === axis ? fresh('kept') : dim)),
    ),
  ];
};

/** Operators that stand beside networks: nothing is differentiated through most of them, but their dims are asked for. */
export const rare: Readonly<Record<string, InferenceRule>> = {
  Det: determinant,
  GridSample: gridSample,
  RoiAlign: roiAlign,
  LSTM: recurrent,
  GRU: recurrent,
  RNN: recurrent,
  Compress: compress,
};
