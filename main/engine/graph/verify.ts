import { Failure } from '../../contract/failures.ts';
import { checkNode } from './check-node.ts';
import type { Fact } from './inference/fact.ts';
import { factOfType, inferNode } from './inference/infer.ts';
import { factOfConstant } from './inference/sources.ts';
import { capturedBy, describeNode, type Graph, type Model, type Node, type TensorType } from './model.ts';
import { signatureOf } from './signatures.ts';

/** Operator domains that are understood; anything else belongs to a vendor's own build of ONNX Runtime. */
const knownDomains: ReadonlySet<string> = new Set(['', 'com.microsoft']);

/** The versions of ai.onnx whose operators are understood. */
export const opsetRange = { oldest: 7, newest: 26 } as const;

/** From here on operators have the form that shape inference reads. */
const shapesFrom = 13;

/**
 * Checks that a model is well formed: known domains and versions, unique names (single assignment), every input made
 * before it is used (so no cycles), every output made; every node with the inputs, outputs, attributes and element types
 * of its operator, and shapes and axes that some run could have. Throws `model-broken`, or `unsupported` for domains and
 * versions that are not known here.
 *
 * @param factOf what whoever built the graph knows of its values already; otherwise it is inferred
 */
export function verify(model: Model, factOf?: (name: string) => Fact | undefined): void {
  const opset = model.opsets[''];
  if (opset === undefined || !(opset >= opsetRange.oldest && opset <= opsetRange.newest))
    throw new Failure(
      'unsupported',
      `expected operators of ai.onnx version ${opsetRange.oldest} to ${opsetRange.newest}, got ${opset ?? 'none'}`,
    );
  verifyGraph(model.graph, new Scope(), model, 0, factOf);
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

/** The values that nodes may use: their names, and what is known of them. */
class Scope {
  readonly names: Set<string>;
  readonly facts: Map<string, Fact>;

  constructor(outer?: Scope) {
    this.names = new Set(outer?.names);
    this.facts = new Map(outer?.facts);
  }

  /** A branch may never run: of shapes nothing is held against it. */
  inner(): Scope {
    const scope = new Scope(this);
    for (const [name, fact] of scope.facts) scope.facts.set(name, withoutShape(fact));
    return scope;
  }
}

function withoutShape({ elementType }: Fact): Fact {
  return { elementType, dims: undefined };
}

function verifyGraph(
  graph: Graph,
  scope: Scope,
  model: Model,
  depth: number,
  factOf?: (name: string) => Fact | undefined,
): void {
  if (depth > 16) throw new Failure('model-broken', 'expected graphs nested at most 16 deep');
  const opset = model.opsets[''] ?? 0;
  const own = new Set<string>();
  const define = (name: string, what: string): void => {
    if (own.has(name))
      throw new Failure('model-broken', `expected every value to be made once, "${name}" is made again as ${what}`);
    own.add(name);
    scope.names.add(name);
    // Shadows what an outer graph has under the name.
    scope.facts.delete(name);
  };
  const learn = (name: string, fact: Fact | undefined): void => {
    if (fact !== undefined) scope.facts.set(name, depth === 0 && opset >= shapesFrom ? fact : withoutShape(fact));
  };
  for (const input of graph.inputs) {
    if (input.name === '') throw new Failure('model-broken', 'expected every graph input to have a name');
    define(input.name, 'a graph input');
    learn(input.name, factOfType(input, input.name));
  }
  for (const [name, constant] of graph.initializers) {
    // Before IR 4 every initializer was listed as an input too.
    if (!own.has(name)) define(name, 'an initializer');
    learn(name, factOfConstant(constant));
  }
  const declared = declaredTypes(graph);
  for (const node of graph.nodes) {
    verifyNode(node, scope, define, model, depth);
    const facts = factOf ? node.outputs.map(factOf) : inferNode(node, (name) => scope.facts.get(name), opset, declared);
    node.outputs.forEach((name, index) => name !== '' && learn(name, facts[index]));
  }
  for (const { name, elementType } of graph.outputs) {
    if (!scope.names.has(name))
      throw new Failure('model-broken', `graph output "${name}": nothing in the graph makes it`);
    const made = scope.facts.get(name)?.elementType ?? elementType;
    if (made !== elementType)
      throw new Failure('model-broken', `graph output "${name}": expected ${elementType} as declared, got ${made}`);
  }
}

/** The element types that a graph declares. Not the dims: exporters declare those of one example. */
function declaredTypes(graph: Graph): (name: string) => TensorType | undefined {
  const outputs = new Map(graph.outputs.map((output) => [output.name, output]));
  return (name) => {
    const type = graph.declarations.get(name) ?? outputs.get(name);
    return type && { elementType: type.elementType, dims: undefined };
  };
}

function verifyNode(
  node: Node,
  scope: Scope,
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
    if (name !== '' && !scope.names.has(name))
      throw new Failure(
        'model-broken',
        `${describeNode(node)}: input "${name}" is not made before it (a cycle, or missing)`,
      );
  const signature = signatureOf(node, model.opsets[''] ?? 0);
  if (signature !== undefined) checkNode(node, signature, (name) => scope.facts.get(name)?.elementType);
  for (const attribute of Object.values(node.attributes)) {
    if (attribute.kind === 'graph') verifyGraph(attribute.value, scope.inner(), model, depth + 1);
    if (attribute.kind === 'graphs')
      for (const graph of attribute.value) verifyGraph(graph, scope.inner(), model, depth + 1);
  }
  for (const name of node.outputs) if (name !== '') define(name, `an output of ${describeNode(node)}`);
}
