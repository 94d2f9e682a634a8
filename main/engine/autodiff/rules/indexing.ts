import { fromFront } from '../../graph/inference/fact.ts';
import { intAttribute, stringAttribute } from '../../graph/model.ts';
import type { Operators } from '../../graph/operators.ts';
import { unsupported, type Rule, type RuleContext } from '../rule.ts';
import { addAlong, putBack } from './scatter.ts';

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
  return [addAlong(make, make.shapeOf(x), spread, rows, axis)];
};

const gatherElements: Rule = ({ node, inputs: [x = '', indices = ''], dy, make }) => {
  const axis = intAttribute(node, 'axis', 0);
  return [addAlong(make, make.shapeOf(x), indices, dy, axis)];
};

const gatherND: Rule = ({ node, inputs: [x = '', indices = ''], dy, make }) => {
  const batch = intAttribute(node, 'batch_dims', 0);
  return [putBack(make, x, dy, (places) => make.one('GatherND', [places, indices], { batch_dims: batch }))];
};

/** How elements go to places in a tensor of the dims of `like`, and how they are read there. */
interface Places {
  readonly put: (base: string, values: string, reduction: string) => string;
  readonly take: (from: string) => string;
}

/** The rule of an operator that puts updates into x: over what is there, added to it, or combined with it. */
function scattered(places: (context: RuleContext) => Places): Rule {
  return (context) => {
    const { node, inputs, outputs, dy, needs, make } = context;
    const [x = '', , updates = ''] = inputs;
    const { put, take } = places(context);
    const reduction = stringAttribute(node, 'reduction', 'none');
    switch (reduction) {
      case 'none':
        return [
          needs(0) ? put(dy, make.fullLike(updates, 0), 'none') : undefined,
          undefined,
          needs(2) ? take(dy) : undefined,
        ];
      case 'add':
        return [dy, undefined, needs(2) ? take(dy) : undefined];
      case 'max':
      case 'min':
        return extremeOf(make, { put, take }, x, updates, outputs[0] ?? '', dy);
      case 'mul':
        return productOf(make, { put, take }, x, updates, outputs[0] ?? '', dy);
      default:
        throw unsupported(node, `of the reduction "${reduction}"`);
    }
  };
}

/** Elements that tie for the extreme of a place share its gradient evenly, as in torch.scatter_reduce. */
function extremeOf(make: Operators, places: Places, x: string, updates: string, y: string, dy: string) {
  const { put, take } = places;
  const type = make.typeOf(y);
  const isHit = (value: string, result: string): string => make.cast(make.equal(value, result), type);
  const [own, others] = [isHit(x, y), isHit(updates, take(y))];
  const share = make.div(dy, put(own, others, 'add'));
  // Where nobody hits (NaN) nothing flows.
  const flows = (hits: string, shares: string): string =>
    make.where(make.equal(hits, make.scalar(0, y)), make.scalar(0, y), shares);
  return [flows(own, share), undefined, flows(others, take(share))];
}

/** The product of the others at a place: the result over the element, or what is left of it without its only zero. */
function productOf(make: Operators, places: Places, x: string, updates: string, y: string, dy: string) {
  const { put, take } = places;
  const [none, one] = [make.scalar(0, y), make.scalar(1, y)];
  const isZero = (value: string): string => make.equal(value, none);
  const withoutZeros = (value: string): string => make.where(isZero(value), one, value);
  const count = (value: string): string => make.cast(isZero(value), make.typeOf(y));
  const zeros = put(count(x), count(updates), 'add');
  const rest = make.where(make.equal(zeros, one), put(withoutZeros(x), withoutZeros(updates), 'mul'), none);
  const others = (value: string, at: (result: string) => string): string =>
    make.mul(at(dy), make.where(isZero(value), at(rest), make.div(at(y), withoutZeros(value))));
  return [others(x, (result) => result), undefined, others(updates, take)];
}

const scatterND = scattered(({ inputs: [, indices = ''], make }) => ({
  put: (base, values, reduction) => make.one('ScatterND', [base, indices, values], { reduction }),
  take: (from) => make.one('GatherND', [from, indices]),
}));

const scatterElements = scattered(({ node, inputs: [, indices = ''], make }) => {
  const axis = intAttribute(node, 'axis', 0);
  return {
    put: (base, values, reduction) => make.one('ScatterElements', [base, indices, values], { axis, reduction }),
    take: (from) => make.one('GatherElements', [from, indices], { axis }),
  };
});

/** Operators that pick or place elements by index. */
export const indexing: Readonly<Record<string, Rule>> = {
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherND,
  ScatterND: scatterND,
  ScatterElements: scatterElements,
};
