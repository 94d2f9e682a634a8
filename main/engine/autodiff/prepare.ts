import { Failure } from '../../contract/failures.ts';
import type { GraphBuilder } from '../graph/builder.ts';
import { capturedBy, describeNode, type Graph, type Node } from '../graph/model.ts';
import { operatorsOn, type Operators } from '../graph/operators.ts';
import { decompositionOf } from './decompositions/index.ts';
import { smoothIn } from './pull-back.ts';

/**
 * Puts the forward graph into the builder, in the form that gradients are taken of: fused operators on the way from
 * `sources` to the graph's outputs in plain ones, conditions that are known decided.
 */
export function prepare(builder: GraphBuilder, graph: Graph, sources: readonly string[]): void {
  const make = operatorsOn(builder);
  const reached = new Set(sources);
  const isSmooth = smoothIn(make);
  const appendAll = (nodes: readonly Node[]): void => {
    for (const node of nodes) {
      const branch = decidedBranch(make, node);
      if (branch !== undefined) {
        inline(builder, node, branch, appendAll);
      } else if (!decompose(make, node, reached)) {
        builder.append(node);
      }
      const touched = [...node.inputs, ...capturedBy(node)].some((name) => reached.has(name));
      if (touched) for (const name of node.outputs) if (name !== '' && isSmooth(name)) reached.add(name);
    }
  };
  appendAll(graph.nodes);
}

/** Writes a fused node in plain operators where gradients flow through it; false where there is nothing to do. */
function decompose(make: Operators, node: Node, reached: ReadonlySet<string>): boolean {
  const decomposition = decompositionOf(node);
  if (decomposition === undefined || !node.inputs.some((name) => reached.has(name))) return false;
  let plain: readonly string[];
  try {
    plain = decomposition({ node, inputs: node.inputs, make });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw new Failure(error.code, `${describeNode(node)}: no gradient through ${error.message}`, undefined, {
      cause: error,
    });
  }
  node.outputs.forEach((output, index) => {
    const value = plain[index] ?? '';
    if (output === '') return;
    if (value === '')
      throw new Failure('unsupported', `${describeNode(node)}: no gradient rule where output ${index} is in use`);
    make.graph.append({
      name: '',
      operator: 'Identity',
      domain: '',
      inputs: [value],
      outputs: [output],
      attributes: {},
    });
  });
  return true;
}

/** The branch of an If whose condition is known before it runs (exporters leave such behind). */
function decidedBranch(make: Operators, node: Node): Graph | undefined {
  if (node.domain !== '' || node.operator !== 'If') return undefined;
  const condition = make.numbersIn(node.inputs[0] ?? '')?.[0];
  const branch = node.attributes[condition === 0 ? 'else_branch' : 'then_branch'];
  return condition !== undefined && branch?.kind === 'graph' ? branch.value : undefined;
}

function inline(builder: GraphBuilder, node: Node, branch: Graph, appendAll: (nodes: readonly Node[]) => void): void {
  for (const [name, constant] of branch.initializers) builder.initializer(name, constant);
  appendAll(branch.nodes);
  node.outputs.forEach((output, index) => {
    const value = branch.outputs[index]?.name ?? '';
    if (output !== '')
      builder.append({
        name: '',
        operator: 'Identity',
        domain: '',
        inputs: [value],
        outputs: [output],
        attributes: {},
      });
  });
}
