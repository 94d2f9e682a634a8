import { Failure } from '../../contract/failures.ts';
import type { GraphBuilder } from '../graph/builder.ts';
import { renameValues } from '../graph/edit.ts';
import { capturedBy, describeNode, type Graph, type Node } from '../graph/model.ts';
import { operatorsOn, type Operators } from '../graph/operators.ts';
import { decompositionOf, isForeignToTheCpu } from './decompositions/index.ts';
import { fromSequence, makesSequence } from './decompositions/sequences.ts';
import { smoothIn } from './pull-back.ts';

/**
 * Puts the forward graph into the builder, in the form that gradients are taken of: fused operators in plain ones on the
 * way from `sources` to the graph's outputs, and wherever the CPU has no kernel of them; elements of lists as tensors;
 * conditions that are known decided.
 */
export function prepare(builder: GraphBuilder, graph: Graph, sources: readonly string[]): void {
  const make = operatorsOn(builder);
  const reached = new Set(sources);
  const isSmooth = smoothIn(make);
  const lists = new Map<string, Node>();
  const used = new Set(graph.outputs.map(({ name }) => name));
  for (const node of graph.nodes) for (const name of [...node.inputs, ...capturedBy(node)]) used.add(name);
  const appendAll = (nodes: readonly Node[]): void => {
    for (const node of nodes) {
      const branch = decidedBranch(make, node);
      if (branch !== undefined) {
        inline(builder, node, branch, appendAll);
      } else if (!rewrite(make, node, reached, lists, used)) {
        builder.append(node);
        learnOutputs(make, node);
      }
      if (makesSequence(node)) lists.set(node.outputs[0] ?? '', node);
      const touched = [...node.inputs, ...capturedBy(node)].some((name) => reached.has(name));
      if (touched) for (const name of node.outputs) if (name !== '' && isSmooth(name)) reached.add(name);
    }
  };
  appendAll(graph.nodes);
}

/** Writes a node in plain operators where that is needed; false where there is nothing to do. */
function rewrite(
  make: Operators,
  node: Node,
  reached: ReadonlySet<string>,
  lists: ReadonlyMap<string, Node>,
  used: ReadonlySet<string>,
): boolean {
  const isOnTheWay = node.inputs.some((name) => reached.has(name));
  let plain: readonly string[] | undefined;
  try {
    const element = fromSequence(make, node, (name) => lists.get(name));
    const wanted = isOnTheWay || isForeignToTheCpu(node);
    plain =
      element !== undefined
        ? [element]
        : wanted
          ? decompositionOf(node)?.({ node, inputs: node.inputs, make })
          : undefined;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    // Off the way the node may stay as it is.
    if (!isOnTheWay) return false;
    throw new Failure(error.code, `${describeNode(node)}: no gradient through ${error.message}`, undefined, {
      cause: error,
    });
  }
  if (plain === undefined) return false;
  node.outputs.forEach((output, index) => {
    const value = plain[index] ?? '';
    if (output === '' || (value === '' && !used.has(output))) return;
    if (value === '')
      throw new Failure('unsupported', `${describeNode(node)}: no gradient rule where output ${index} is in use`);
    make.graph.append(identity(value, output));
  });
  return true;
}

/** What a fused node off the way makes is what its plain form would make; that form itself is in no use and falls away. */
function learnOutputs(make: Operators, node: Node): void {
  const decomposition = decompositionOf(node);
  if (decomposition === undefined) return;
  let plain: readonly string[];
  try {
    plain = decomposition({ node, inputs: node.inputs, make });
  } catch (error) {
    // Nothing is learnt of a form that has no gradient.
    if (error instanceof Failure) return;
    throw error;
  }
  node.outputs.forEach((output, index) => {
    const fact = make.graph.factOf(plain[index] ?? '');
    if (output !== '' && fact !== undefined) make.graph.learn(output, fact);
  });
}

function identity(input: string, output: string): Node {
  return { name: '', operator: 'Identity', domain: '', inputs: [input], outputs: [output], attributes: {} };
}

/** The branch of an If whose condition is known before it runs (exporters leave such behind). */
function decidedBranch(make: Operators, node: Node): Graph | undefined {
  if (node.domain !== '' || node.operator !== 'If') return undefined;
  const condition = make.numbersIn(node.inputs[0] ?? '')?.[0];
  const branch = node.attributes[condition === 0 ? 'else_branch' : 'then_branch'];
  return condition !== undefined && branch?.kind === 'graph' ? branch.value : undefined;
}

function inline(builder: GraphBuilder, node: Node, branch: Graph, appendAll: (nodes: readonly Node[]) => void): void {
  // Names of a branch are its own: another branch may have the same.
  const inner = [...branch.initializers.keys(), ...branch.nodes.flatMap(({ outputs }) => outputs)];
  const fresh = inner.filter((name) => name !== '').map((name): [string, string] => [name, builder.freshName(name)]);
  const body = renameValues(branch, new Map(fresh));
  for (const [name, constant] of body.initializers) builder.initializer(name, constant);
  appendAll(body.nodes);
  node.outputs.forEach((output, index) => {
    if (output !== '') builder.append(identity(body.outputs[index]?.name ?? '', output));
  });
}
