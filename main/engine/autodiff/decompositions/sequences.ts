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
  const given = make.numbersIn(sizes);
  if (given === undefined || position < 0)
    throw new Failure('unsupported', 'a part of a tensor at a place only known at run time');
  const even = make.rank(sizes) === 0 ? given[0] : undefined;
  const start = even === undefined ? given.slice(0, position).reduce((sum, size) => sum + size, 0) : even * position;
  const end = start + (even ?? given[position] ?? 0);
  return make.slice(x, make.ints([start]), make.ints([end]), [axis]);
}

function joined(make: Operators, node: Node, maker: Node): string {
  if (maker.operator !== 'SequenceConstruct') throw new Failure('unsupported', 'a joined list of parts');
  const axis = intAttribute(node, 'axis', 0);
  const isNew = intAttribute(node, 'new_axis', 0) === 1;
  return make.concat(isNew ? maker.inputs.map((part) => make.unsqueeze(part, [axis])) : maker.inputs, axis);
}
