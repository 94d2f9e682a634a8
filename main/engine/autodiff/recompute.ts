import { isFloat } from '../graph/element-type.ts';
import { capturedBy, type Node } from '../graph/model.ts';
import type { Operators } from '../graph/operators.ts';

/**
 * Trades time for memory (gradient checkpointing, Chen et al. 2016): the forward pass is cut into segments, and what a
 * segment computed is computed again, from the values that cross into it, when the backward pass gets there. Only those
 * values and one segment at a time stay in memory.
 *
 * Trap: ONNX Runtime merges equal nodes, which would undo this, and may run a repetition early. So every value enters a
 * repetition through `Where(flag, x, x)` with a flag made of a gradient: equal to x always, and not before its time.
 *
 * @param nodes those of the forward pass, then those of the backward pass from index `split` on
 * @param seed the gradient that the backward pass starts with
 */
export function recompute(
  make: Operators,
  nodes: readonly Node[],
  split: number,
  seed: string,
  segments: number,
): readonly Node[] {
  const forward = nodes.slice(0, split);
  const isRepeatable = (name: string): boolean => {
    const fact = make.graph.factOf(name);
    return fact !== undefined && isFloat(fact.elementType) && !make.graph.isConstant(name);
  };
  const segmentOf = new Map<string, number>();
  const makerOf = new Map<string, Node>();
  forward.forEach((node, index) => {
    const fixed = node.operator.startsWith('Random') || capturedBy(node).length > 0;
    for (const name of node.outputs) {
      if (name === '' || fixed || !isRepeatable(name)) continue;
      segmentOf.set(name, Math.floor((index * segments) / forward.length));
      makerOf.set(name, node);
    }
  });

  const result: Node[] = [...forward];
  /** Backward values that wait for the seed; the latest tells how far the backward pass is. */
  const gradients = new Set([seed]);
  let latest = seed;
  const repeated = new Map<string, string>();
  const flags = new Map<number, string>();
  const emit = (operator: string, inputs: readonly string[], outputs: readonly string[], like?: Node): void => {
    result.push({
      name: '',
      operator,
      domain: like?.domain ?? '',
      inputs,
      outputs,
      attributes: like?.attributes ?? {},
    });
  };
  const fresh = (): string => make.graph.freshName('gamut/again');

  const flagOf = (segment: number): string => {
    const known = flags.get(segment);
    if (known !== undefined) return known;
    const [flat, first, flag] = [fresh(), fresh(), fresh()];
    emit('Reshape', [latest, make.ints([-1])], [flat]);
    emit('Gather', [flat, make.graph.constant('int64', [], [0])], [first]);
    emit('IsNaN', [first], [flag]);
    flags.set(segment, flag);
    return flag;
  };
  const enter = (name: string, segment: number): string => {
    const key = `${segment} ${name}`;
    const known = repeated.get(key);
    if (known !== undefined) return known;
    const entered = fresh();
    emit('Where', [flagOf(segment), name, name], [entered]);
    repeated.set(key, entered);
    return entered;
  };
  const again = (name: string, segment: number): string => {
    const node = makerOf.get(name);
    if (node === undefined || segmentOf.get(name) !== segment) return isRepeatable(name) ? enter(name, segment) : name;
    const known = repeated.get(name);
    if (known !== undefined) return known;
    const inputs = node.inputs.map((input) => (input === '' ? '' : again(input, segment)));
    const outputs = node.outputs.map((output) => (output === '' ? '' : fresh()));
    node.outputs.forEach((output, index) => repeated.set(output, outputs[index] ?? ''));
    emit(node.operator, inputs, outputs, node);
    return repeated.get(name) ?? name;
  };

  for (const node of nodes.slice(split)) {
    const inputs = node.inputs.map((name) => {
      const segment = segmentOf.get(name);
      // The last segment is fresh in memory when the backward pass starts.
      return segment === undefined || segment === segments - 1 ? name : again(name, segment);
    });
    result.push({ ...node, inputs });
    if (!node.inputs.some((name) => gradients.has(name))) continue;
    for (const name of node.outputs) {
      gradients.add(name);
      const fact = make.graph.factOf(name);
      if (fact !== undefined && isFloat(fact.elementType)) latest = name;
    }
  }
  return result;
}
