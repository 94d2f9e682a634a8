import { fromFront } from '../../graph/inference/fact.ts';
import { intAttribute, stringAttribute } from '../../graph/model.ts';
import { unsupported, type Rule } from '../rule.ts';
import { putBack } from './scatter.ts';

/** Rows taken along one axis add up where they were taken (ScatterElements: measured 3× faster than ScatterND). */
const gather: Rule = ({ node, inputs: [x = '', indices = ''], dy, make }) => {
  const rank = make.rank(x);
  const axis = fromFront(intAttribute(node, 'axis', 0), rank);
  const taken = make.rank(indices);
  const extent = make.dimsOf(x)[axis];
  const only = make.numbersIn(indices);
  // A single known row: zeros around it.
  if (only?.length === 1 && typeof extent === 'number') {
    const at = fromFront(only[0] ?? 0, extent);
    const row =
      taken === 0
        ? make.unsqueeze(dy, [axis])
        : make.squeeze(
            dy,
            Array.from({ length: taken - 1 }, (_, index) => axis + index),
          );
    const pads = Array<number>(2 * rank).fill(0);
    pads[axis] = at;
    pads[axis + rank] = extent - at - 1;
    return [make.pad(row, make.ints(pads))];
  }
  const before = Array.from({ length: axis }, (_, each) => make.extentOf(x, each));
  const after = Array.from({ length: rank - axis - 1 }, (_, each) => make.extentOf(x, axis + 1 + each));
  const rows = make.reshape(dy, [...before, make.sizeOf(make.shapeOf(indices)), ...after]);
  const places = make.reshape(indices, [...before.map(() => 1), -1, ...after.map(() => 1)]);
  const spread = make.expandLike(places, rows);
  return [make.one('ScatterElements', [make.fullLike(x, 0), spread, rows], { axis, reduction: 'add' })];
};

const gatherElements: Rule = ({ node, inputs: [x = '', indices = ''], dy, make }) => {
  const axis = intAttribute(node, 'axis', 0);
  return [make.one('ScatterElements', [make.fullLike(x, 0), indices, dy], { axis, reduction: 'add' })];
};

const gatherND: Rule = ({ node, inputs: [x = '', indices = ''], dy, make }) => {
  const batch = intAttribute(node, 'batch_dims', 0);
  return [putBack(make, x, dy, (places) => make.one('GatherND', [places, indices], { batch_dims: batch }))];
};

const scatterND: Rule = ({ node, inputs: [, indices = '', updates = ''], dy, needs, make }) => {
  const reduction = stringAttribute(node, 'reduction', 'none');
  if (reduction !== 'none' && reduction !== 'add') throw unsupported(node, `of the reduction "${reduction}"`);
  const kept = (): string => make.one('ScatterND', [dy, indices, make.fullLike(updates, 0)]);
  return [
    needs(0) ? (reduction === 'add' ? dy : kept()) : undefined,
    undefined,
    needs(2) ? make.one('GatherND', [dy, indices]) : undefined,
  ];
};

const scatterElements: Rule = ({ node, inputs: [, indices = '', updates = ''], dy, needs, make }) => {
  const reduction = stringAttribute(node, 'reduction', 'none');
  if (reduction !== 'none' && reduction !== 'add') throw unsupported(node, `of the reduction "${reduction}"`);
  const axis = intAttribute(node, 'axis', 0);
  const kept = (): string => make.one('ScatterElements', [dy, indices, make.fullLike(updates, 0)], { axis });
  return [
    needs(0) ? (reduction === 'add' ? dy : kept()) : undefined,
    undefined,
    needs(2) ? make.one('GatherElements', [dy, indices], { axis }) : undefined,
  ];
};

/** Operators that pick or place elements by index. */
export const indexing: Readonly<Record<string, Rule>> = {
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherND,
  ScatterND: scatterND,
  ScatterElements: scatterElements,
};
