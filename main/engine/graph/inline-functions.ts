import { Failure } from '../../contract/failures.ts';
import type { Attribute, Attributes, Graph, Model, Node } from './model.ts';

/** A function that a model brings along (onnxscript exports some operators so). */
export interface LocalFunction {
  readonly domain: string;
  readonly name: string;
  readonly overload: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly defaults: Attributes;
  readonly opsets: Readonly<Record<string, number>>;
  readonly nodes: readonly FunctionNode[];
}

/** A node of a function's body; `references` maps its attributes to attributes of the call. */
interface FunctionNode extends Node {
  readonly overload: string;
  readonly references: Readonly<Record<string, string>>;
}

const depthLimit = 32;

/**
 * Replaces every call of a local function by its body, names made unique. Recursion, or a body that grows the graph
 * beyond `nodeLimit`, is `model-broken`.
 */
export function inlineFunctions(
  model: Model,
  functions: readonly LocalFunction[],
  overloads: ReadonlyMap<number, string>,
  nodeLimit: number,
): Model {
  const byKey = new Map(functions.map((each) => [keyOf(each.domain, each.name, each.overload), each]));
  const opsets: Record<string, number> = { ...model.opsets };
  let calls = 0;
  let count = 0;

  const expandCall = (node: Node, target: LocalFunction, depth: number): Node[] => {
    if (depth > depthLimit)
      throw new Failure('model-broken', `function ${target.name}: expected at most ${depthLimit} nested calls`);
    calls += 1;
    const prefix = `${target.name}_${calls}__`;
    for (const [domain, version] of Object.entries(target.opsets)) opsets[domain] ??= version;
    const renamed = new Map<string, string>();
    target.inputs.forEach((name, index) => renamed.set(name, node.inputs[index] ?? ''));
    // An output that is an input as well needs a node of its own.
    const passed: Node[] = [];
    target.outputs.forEach((name, index) => {
      const input = target.inputs.indexOf(name);
      const output = node.outputs[index] ?? '';
      if (output === '') return;
      if (input < 0) renamed.set(name, output);
      else passed.push(identity(node.inputs[input] ?? '', output));
    });
    const rename = (name: string): string => (name === '' ? '' : (renamed.get(name) ?? `${prefix}${name}`));
    const body = target.nodes.flatMap((inner) =>
      expand(
        {
          name: inner.name === '' ? '' : `${prefix}${inner.name}`,
          operator: inner.operator,
          domain: inner.domain,
          inputs: inner.inputs.map(rename),
          outputs: inner.outputs.map(rename),
          attributes: renameGraphs(resolve(inner, target, node), rename),
        },
        inner.overload,
        depth + 1,
      ),
    );
    return [...body, ...passed];
  };

  const expand = (node: Node, overload: string, depth: number): Node[] => {
    const target = byKey.get(keyOf(node.domain, node.operator, overload));
    if (target !== undefined) return expandCall(node, target, depth);
    count += 1;
    if (count > nodeLimit) throw new Failure('model-broken', `expected at most ${nodeLimit} nodes after inlining`);
    return [node];
  };

  const nodes = model.graph.nodes.flatMap((node, index) => expand(node, overloads.get(index) ?? '', 0));
  const inUse = new Set(nodes.map(({ domain }) => domain));
  return {
    ...model,
    opsets: Object.fromEntries(Object.entries(opsets).filter(([domain]) => domain === '' || inUse.has(domain))),
    graph: { ...model.graph, nodes },
  };
}

function keyOf(domain: string, name: string, overload: string): string {
  return JSON.stringify([domain === 'ai.onnx' ? '' : domain, name, overload]);
}

function identity(input: string, output: string): Node {
  return { name: '', operator: 'Identity', domain: '', inputs: [input], outputs: [output], attributes: {} };
}

/** The attributes of a body's node, references to the call's attributes filled in; absent ones fall away. */
function resolve(inner: FunctionNode, target: LocalFunction, call: Node): Attributes {
  const filled = Object.entries(inner.references).flatMap(([name, source]): [string, Attribute][] => {
    const value = call.attributes[source] ?? target.defaults[source];
    return value === undefined ? [] : [[name, value]];
  });
  return { ...inner.attributes, ...Object.fromEntries(filled) };
}

/** Subgraphs in a body see the body's names; their own stay theirs. */
function renameGraphs(attributes: Attributes, rename: (name: string) => string): Attributes {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, attribute]): [string, Attribute] => {
      if (attribute.kind === 'graph') return [name, { kind: 'graph', value: renameGraph(attribute.value, rename) }];
      return [name, attribute];
    }),
  );
}

function renameGraph(graph: Graph, rename: (name: string) => string): Graph {
  const own = new Set([...graph.inputs.map(({ name }) => name), ...graph.initializers.keys()]);
  for (const node of graph.nodes) for (const output of node.outputs) own.add(output);
  const inner = (name: string): string => (name === '' || own.has(name) ? name : rename(name));
  return {
    ...graph,
    outputs: graph.outputs.map((output) => ({ ...output, name: inner(output.name) })),
    nodes: graph.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map(inner),
      attributes: renameGraphs(node.attributes, inner),
    })),
  };
}
