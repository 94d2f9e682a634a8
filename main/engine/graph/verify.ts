import { Failure } from '../../contract/failures.ts';
import { capturedBy, describeNode, type Graph, type Model, type Node } from './model.ts';

/** Operator domains that are understood; anything else belongs to a vendor's own build of ONNX Runtime. */
const knownDomains: ReadonlySet<string> = new Set(['', 'com.microsoft']);

/** The versions of ai.onnx whose operators are understood. */
export const opsetRange = { oldest: 7, newest: 26 } as const;

/**
 * Checks that a model is well formed: known domains and versions, unique names (single assignment), every input made
 * before it is used (so no cycles), every output made, no empty operator. Throws `model-broken`, or `unsupported` for
 * domains and versions that are not known here.
 */
export function verify(model: Model): void {
  const opset = model.opsets[''];
  if (opset === undefined || !(opset >= opsetRange.oldest && opset <= opsetRange.newest))
    throw new Failure(
      'unsupported',
      `expected operators of ai.onnx version ${opsetRange.oldest} to ${opsetRange.newest}, got ${opset ?? 'none'}`,
    );
  verifyGraph(model.graph, new Set(), model, 0);
}

/** Puts nodes in topological order, stable where it can be; a cycle is a `model-broken` failure that names its nodes. */
export function sortTopologically(graph: Graph): Graph {
  const maker = new Map<string, number>();
  graph.nodes.forEach((node, index) => node.outputs.forEach((name) => name !== '' && maker.set(name, index)));
  const needs = graph.nodes.map((node, index) => {
    const made = [...node.inputs, ...capturedBy(node)].map((name) => maker.get(name));
    return new Set(
      made.filter((each): each is number => each !== undefined && (each !== index || node.operator !== '')),
    );
  });
  if (needs.every((each, index) => [...each].every((other) => other < index))) return graph;

  const users = graph.nodes.map((): number[] => []);
  needs.forEach((each, index) => each.forEach((other) => users[other]?.push(index)));
  const missing = needs.map((each) => each.size);
  const ready = missing.flatMap((count, index) => (count === 0 ? [index] : []));
  const nodes: Node[] = [];
  const done = new Set<number>();
  for (let next = 0; next < ready.length; next += 1) {
    const index = ready[next] ?? 0;
    const node = graph.nodes[index];
    if (node !== undefined) nodes.push(node);
    done.add(index);
    for (const user of users[index] ?? []) {
      missing[user] = (missing[user] ?? 0) - 1;
      if (missing[user] === 0) ready.push(user);
    }
  }
  const stuck = graph.nodes.filter((_, index) => !done.has(index));
  const [first] = stuck;
  if (first !== undefined)
    throw new Failure(
      'model-broken',
      `expected a graph without cycles; ${stuck.length} nodes wait for each other, first ${describeNode(first)}`,
    );
  return { ...graph, nodes };
}

function verifyGraph(graph: Graph, outer: ReadonlySet<string>, model: Model, depth: number): void {
  if (depth > 16) throw new Failure('model-broken', 'expected graphs nested at most 16 deep');
  const known = new Set(outer);
  const own = new Set<string>();
  const define = (name: string, what: string): void => {
    if (own.has(name))
      throw new Failure('model-broken', `expected every value to be made once, "${name}" is made again as ${what}`);
    own.add(name);
    known.add(name);
  };
  for (const { name } of graph.inputs) {
    if (name === '') throw new Failure('model-broken', 'expected every graph input to have a name');
    define(name, 'a graph input');
  }
  // Before IR 4 every initializer was listed as an input too.
  for (const name of graph.initializers.keys()) if (!own.has(name)) define(name, 'an initializer');
  for (const node of graph.nodes) verifyNode(node, known, define, model, depth);
  for (const { name } of graph.outputs)
    if (!known.has(name)) throw new Failure('model-broken', `graph output "${name}": nothing in the graph makes it`);
}

function verifyNode(
  node: Node,
  known: ReadonlySet<string>,
  define: (name: string, what: string) => void,
  model: Model,
  depth: number,
): void {
  if (node.operator === '') throw new Failure('model-broken', `${describeNode(node)}: expected an operator`);
  if (!knownDomains.has(node.domain))
    throw new Failure(
      'unsupported',
      `${describeNode(node)}: expected operators of ai.onnx or com.microsoft, got the domain "${node.domain}"`,
    );
  if (model.opsets[node.domain] === undefined)
    throw new Failure('model-broken', `${describeNode(node)}: the model imports no operators of "${node.domain}"`);
  for (const name of node.inputs)
    if (name !== '' && !known.has(name))
      throw new Failure(
        'model-broken',
        `${describeNode(node)}: input "${name}" is not made before it (a cycle, or missing)`,
      );
  for (const attribute of Object.values(node.attributes)) {
    if (attribute.kind === 'graph') verifyGraph(attribute.value, known, model, depth + 1);
    if (attribute.kind === 'graphs') for (const graph of attribute.value) verifyGraph(graph, known, model, depth + 1);
  }
  for (const name of node.outputs) if (name !== '') define(name, `an output of ${describeNode(node)}`);
}
