import { Failure } from '../../contract/failures.ts';
import { isFloat } from '../graph/element-type.ts';
import { capturedBy, describeNode, type Node } from '../graph/model.ts';
import type { Operators } from '../graph/operators.ts';
import { fit } from './fit.ts';
import { zero } from './rule.ts';
import { compositeOf } from './rules/composites.ts';
import { rules } from './rules/index.ts';

/** Whether an operator has a rule. */
export function hasRule(node: Node): boolean {
  return node.domain === '' && Object.hasOwn(rules, node.operator);
}

/** The values that change smoothly with one of `sources`: floats reached through `nodes`. */
export function dependents(
  nodes: readonly Node[],
  sources: Iterable<string>,
  isSmooth: (name: string) => boolean,
): Set<string> {
  const reached = new Set(sources);
  for (const node of nodes)
    if ([...node.inputs, ...capturedBy(node)].some((name) => reached.has(name)))
      for (const name of node.outputs) if (name !== '' && isSmooth(name)) reached.add(name);
  return reached;
}

/** A value carries gradients when it is a float, or nothing is known of it. */
export function smoothIn(make: Operators): (name: string) => boolean {
  return (name) => {
    const fact = make.graph.factOf(name);
    return fact === undefined || isFloat(fact.elementType);
  };
}

/**
 * Reverse mode: walks `nodes` from the last to the first and appends the nodes of the gradients.
 *
 * @param seeds gradient of each output that has one
 * @param wanted values whose gradients are asked for
 * @returns their gradients, of their dims and types; none where the outputs do not depend on a value
 */
export function pullBack(
  make: Operators,
  nodes: readonly Node[],
  seeds: ReadonlyMap<string, string>,
  wanted: readonly string[],
): Map<string, string> {
  const reached = dependents(nodes, wanted, smoothIn(make));
  checkRules(nodes, reached, seeds);
  const contributions = new Map<string, string>(seeds);
  const accumulate = (value: string, gradient: string): void => {
    const earlier = contributions.get(value);
    const fitted = fit(make, gradient, value);
    contributions.set(value, earlier === undefined ? fitted : make.add(earlier, fitted));
  };

  const makers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const makerOf = (name: string): Node | undefined => makers.get(name);
  for (const node of nodes.toReversed()) {
    const gradients = node.outputs.map((name) => (reached.has(name) ? contributions.get(name) : undefined));
    const dy = gradients.find((each) => each !== undefined);
    if (dy === undefined) continue;
    const isReached = (name: string): boolean => reached.has(name);
    const composite = compositeOf(make, node, makerOf);
    const inputs = composite?.inputs ?? node.inputs;
    const results = composite?.gradients(dy, isReached) ?? chain(make, node, gradients, dy, isReached);
    inputs.forEach((name, index) => {
      const gradient = results[index];
      if (gradient !== undefined && name !== '' && reached.has(name)) accumulate(name, gradient);
    });
  }
  return new Map(
    wanted.flatMap((name): [string, string][] => {
      const gradient = contributions.get(name);
      return gradient === undefined ? [] : [[name, gradient]];
    }),
  );
}

/** Every node between the wanted values and the seeds has a rule; otherwise the first that has none is named. */
function checkRules(nodes: readonly Node[], reached: ReadonlySet<string>, seeds: ReadonlyMap<string, string>): void {
  const leading = new Set(seeds.keys());
  const onTheWay = nodes.toReversed().filter((node) => {
    if (!node.outputs.some((name) => leading.has(name) && reached.has(name))) return false;
    for (const name of [...node.inputs, ...capturedBy(node)]) leading.add(name);
    return true;
  });
  const quantizer = nodes.find(
    (node) => quantizers.has(node.operator) && node.inputs.some((name) => reached.has(name)),
  );
  if (quantizer !== undefined && leadsTo(nodes, quantizer, seeds))
    throw new Failure('unsupported', `${describeNode(quantizer)}: no gradient through quantized values`);
  const stranger = onTheWay.findLast((node) => !hasRule(node) || capturedBy(node).some((name) => reached.has(name)));
  if (stranger !== undefined)
    throw new Failure(
      'unsupported',
      `${describeNode(stranger)}: no gradient rule for the operator ${stranger.operator}`,
    );
}

/** Operators from floats to integers that stand for them: a gradient of zeros would be a wrong answer. */
const quantizers: ReadonlySet<string> = new Set(['QuantizeLinear', 'DynamicQuantizeLinear']);

/** Whether one of the seeds depends on the node, through values of any type. */
function leadsTo(nodes: readonly Node[], from: Node, seeds: ReadonlyMap<string, string>): boolean {
  const touched = dependents(nodes, from.outputs, () => true);
  return [...seeds.keys()].some((name) => touched.has(name));
}

function chain(
  make: Operators,
  node: Node,
  gradients: readonly (string | undefined)[],
  dy: string,
  reached: (name: string) => boolean,
): readonly (string | undefined)[] {
  try {
    return (rules[node.operator] ?? zero)({
      node,
      inputs: node.inputs,
      outputs: node.outputs,
      dy: gradients[0] ?? dy,
      gradients,
      needs: (index) => reached(node.inputs[index] ?? ''),
      make,
    });
  } catch (error) {
    if (!(error instanceof Failure) || error.message.includes(describeNode(node))) throw error;
    throw new Failure(error.code, `${describeNode(node)}: ${error.message}`, undefined, { cause: error });
  }
}
