import { Failure } from '../../contract/failures.ts';
import { capturedBy, type Graph, type Node, type TensorType, type ValueDeclaration } from './model.ts';

/** Adds a value of the graph to its outputs; one that is an output already stays as it is. */
export function addOutput(graph: Graph, output: ValueDeclaration): Graph {
  if (graph.outputs.some(({ name }) => name === output.name)) return graph;
  return { ...graph, outputs: [...graph.outputs, output] };
}

/** Turns a constant into a true graph input of the same type; its stored numbers leave the graph. */
export function initializerToInput(graph: Graph, name: string): Graph {
  const constant = graph.initializers.get(name);
  if (constant === undefined) throw new Failure('bad-input', `expected an initializer, "${name}" is none`);
  const initializers = new Map(graph.initializers);
  initializers.delete(name);
  const { elementType, dims } = constant;
  const listed = graph.inputs.some((input) => input.name === name);
  return { ...graph, initializers, inputs: listed ? graph.inputs : [...graph.inputs, { name, elementType, dims }] };
}

/** Inserts nodes before the node that makes or first uses nothing of them: at `index` of the node list. */
export function insertNodes(graph: Graph, index: number, nodes: readonly Node[]): Graph {
  return { ...graph, nodes: graph.nodes.toSpliced(index, 0, ...nodes) };
}

/** Gives values new names everywhere in the graph, subgraphs included. */
export function renameValues(graph: Graph, names: ReadonlyMap<string, string>): Graph {
  const rename = (name: string): string => names.get(name) ?? name;
  const declared = <T extends { readonly name: string }>(value: T): T => ({ ...value, name: rename(value.name) });
  return {
    ...graph,
    inputs: graph.inputs.map(declared),
    outputs: graph.outputs.map(declared),
    initializers: new Map([...graph.initializers].map(([name, constant]) => [rename(name), constant])),
    declarations: new Map([...graph.declarations].map(([name, type]): [string, TensorType] => [rename(name), type])),
    nodes: graph.nodes.map((node) => renameInNode(node, rename, names)),
  };
}

function renameInNode(node: Node, rename: (name: string) => string, names: ReadonlyMap<string, string>): Node {
  const attributes = Object.entries(node.attributes).map(([key, attribute]) => {
    if (attribute.kind !== 'graph') return [key, attribute] as const;
    return [key, { kind: 'graph', value: renameCaptured(attribute.value, names) }] as const;
  });
  return {
    ...node,
    inputs: node.inputs.map(rename),
    outputs: node.outputs.map(rename),
    attributes: Object.fromEntries(attributes),
  };
}

/** In a subgraph only the names it takes from outside change: its own shadow them. */
function renameCaptured(graph: Graph, names: ReadonlyMap<string, string>): Graph {
  const visible = new Map(names);
  for (const { name } of graph.inputs) visible.delete(name);
  for (const name of graph.initializers.keys()) visible.delete(name);
  for (const node of graph.nodes) for (const output of node.outputs) visible.delete(output);
  return visible.size === 0 ? graph : renameValues(graph, visible);
}

/** Drops nodes, constants and declarations that no output needs. Inputs stay: they are the caller's contract. */
export function pruneUnused(graph: Graph): Graph {
  const needed = new Set(graph.outputs.map(({ name }) => name));
  const nodes: Node[] = [];
  for (const node of graph.nodes.toReversed()) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
    nodes.push(node);
    for (const name of [...node.inputs, ...capturedBy(node)]) needed.add(name);
  }
  const made = new Set(nodes.flatMap((node) => node.outputs));
  return {
    ...graph,
    nodes: nodes.toReversed(),
    initializers: new Map([...graph.initializers].filter(([name]) => needed.has(name))),
    declarations: new Map([...graph.declarations].filter(([name]) => made.has(name))),
  };
}
