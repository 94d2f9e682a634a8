import { Failure } from '../../../contract/failures.ts';
import { intAttribute, type Node } from '../../graph/model.ts';
import type { Operators } from '../../graph/operators.ts';

/** Operators whose output is a list of tensors; exporters write `unbind`, `split` and `stack` so. */
export function makesSequence(node: Node): boolean {
  return node.domain === '' && (node.operator === 'SplitToSequence' || node.operator === 'SequenceConstruct');
}

/**
 * A node that reads a list, as plain operators on what the list was made of.
 *
 * @param makerOf the node that makes a list
 * @returns the node's output; undefined where it reads no list of a known maker
 */
export function fromSequence(
  make: Operators,
  node: Node,
  makerOf: (sequence: string) => Node | undefined,
): string | undefined {
  const maker = makerOf(node.inputs[0] ?? '');
  if (maker === undefined || node.domain !== '') return undefined;
  if (node.operator === 'SequenceAt') return elementOf(make, maker, make.numbersIn(node.inputs[1] ?? '')?.[0]);
  if (node.operator === 'ConcatFromSequence') return joined(make, node, maker);
  return undefined;
}

function elementOf(make: Operators, maker: Node, position: number | undefined): string {
  if (position === undefined)
    throw new Failure('unsupported', 'an element of a list at a place only known at run time');
  if (maker.operator === 'SequenceConstruct') return maker.inputs.at(position) ?? '';
  const [x = '', sizes = ''] = maker.inputs;
  const axis = intAttribute(maker, 'axis', 0);
  if (sizes === '') {
    const kept = intAttribute(maker, 'keepdims', 1) === 1;
    return make.gather(x, make.graph.constant('int64', kept ? [1] : [], [position]), axis);
  }
  if (position < 0) throw new Failure('unsupported', 'a part of a tensor counted from the last');
  if (make.rank(sizes) === 0) {
    const [even] = make.numbersIn(sizes) ?? [];
    if (even === undefined) throw new Failure('unsupported', 'a part of a size only known at run time');
    return make.slice(x, make.ints([even * position]), make.ints([even * (position + 1)]), [axis]);
  }
  // Sizes may be known at run time alone: where a part starts is the sum of those before it.
  const start = sumOf(make, sizes, position);
  return make.slice(x, start, make.add(start, partOf(make, sizes, position, position + 1)), [axis]);
}

/** The elements of a vector from one place up to another. */
function partOf(make: Operators, vector: string, from: number, to: number): string {
  const known = make.numbersIn(vector)?.slice(from, to);
  return known === undefined ? make.slice(vector, make.ints([from]), make.ints([to]), [0]) : make.ints(known);
}

/** The sum of the first elements of a vector of whole numbers, as a vector of one. */
function sumOf(make: Operators, vector: string, count: number): string {
  const known = make.numbersIn(vector)?.slice(0, count);
  if (count === 0) return make.ints([0]);
  return known === undefined
    ? make.reduceSum(partOf(make, vector, 0, count), [0])
    : make.ints([known.reduce((sum, each) => sum + each, 0)]);
}

function joined(make: Operators, node: Node, maker: Node): string {
  if (maker.operator !== 'SequenceConstruct') throw new Failure('unsupported', 'a joined list of parts');
  const axis = intAttribute(node, 'axis', 0);
  const isNew = intAttribute(node, 'new_axis', 0) === 1;
  return make.concat(isNew ? maker.inputs.map((part) => make.unsqueeze(part, [axis])) : maker.inputs, axis);
}
