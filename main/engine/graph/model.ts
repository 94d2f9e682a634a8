import type { ElementType } from './element-type.ts';

/** One extent of a declared shape: a number, the exporter's name for it, or undefined when it says nothing. */
export type DeclaredDim = number | string | undefined;

/** What a model declares of a tensor. `dims` undefined: not even the rank is known. */
export interface TensorType {
  readonly elementType: ElementType;
  readonly dims: readonly DeclaredDim[] | undefined;
}

/** A named input, output or intermediate value with its type. */
export interface ValueDeclaration extends TensorType {
  readonly name: string;
}

/** Where the numbers of a constant are. External ones stay in their file: relative `location`, byte `offset` and `length`. */
export type Content =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'strings'; readonly strings: readonly string[] }
  | ExternalContent;

export interface ExternalContent {
  readonly kind: 'external';
  readonly location: string;
  readonly offset: number;
  readonly length: number;
}

/** A constant tensor, little-endian and row-major. */
export interface TensorConstant {
  readonly elementType: ElementType;
  readonly dims: readonly number[];
  readonly content: Content;
}

/** The value of a node's attribute. Whole numbers are plain numbers; the ends of int64 survive as ±2^63. */
export type Attribute =
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'tensor'; readonly value: TensorConstant }
  | { readonly kind: 'graph'; readonly value: Graph }
  | { readonly kind: 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'ints'; readonly value: readonly number[] }
  | { readonly kind: 'strings'; readonly value: readonly string[] }
  | { readonly kind: 'graphs'; readonly value: readonly Graph[] };

export type Attributes = Readonly<Record<string, Attribute>>;

/** One operation. An omitted optional input or output is the empty string. `domain` '' is ai.onnx. */
export interface Node {
  readonly name: string;
  readonly operator: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
}

/** A graph in single assignment form; nodes in topological order once verified. */
export interface Graph {
  readonly name: string;
  readonly inputs: readonly ValueDeclaration[];
  readonly outputs: readonly ValueDeclaration[];
  readonly initializers: ReadonlyMap<string, TensorConstant>;
  /** What the exporter says of intermediate values. */
  readonly declarations: ReadonlyMap<string, TensorType>;
  readonly nodes: readonly Node[];
}

/** A model file as plain data, its local functions inlined. */
export interface Model {
  readonly irVersion: number;
  /** Version of each operator domain in use; '' is ai.onnx. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly producer: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly graph: Graph;
}

/** A node's attribute as a number, or `fallback` where it is absent. */
export function intAttribute(node: Node, name: string, fallback: number): number {
  const attribute = node.attributes[name];
  return attribute?.kind === 'int' ? attribute.value : fallback;
}

/** A node's float attribute, or `fallback` where it is absent. */
export function floatAttribute(node: Node, name: string, fallback: number): number {
  const attribute = node.attributes[name];
  return attribute?.kind === 'float' || attribute?.kind === 'int' ? attribute.value : fallback;
}

/** A node's list of whole numbers, or undefined where it is absent. */
export function intsAttribute(node: Node, name: string): readonly number[] | undefined {
  const attribute = node.attributes[name];
  return attribute?.kind === 'ints' ? attribute.value : undefined;
}

/** A node's string attribute, or `fallback` where it is absent. */
export function stringAttribute(node: Node, name: string, fallback: string): string {
  const attribute = node.attributes[name];
  return attribute?.kind === 'string' ? attribute.value : fallback;
}

/** How messages point at a node: its operator, its name, and what it makes. */
export function describeNode(node: Node): string {
  const operator = node.domain === '' ? node.operator : `${node.domain}.${node.operator}`;
  const called = node.name === '' ? '' : ` "${node.name}"`;
  return `${operator}${called} (→ ${node.outputs.filter((name) => name !== '').join(', ')})`;
}

/** Names that a node's subgraphs (If, Loop, Scan) take from the graphs around them. */
export function capturedBy(node: Node): string[] {
  return Object.values(node.attributes).flatMap((attribute) => {
    if (attribute.kind === 'graph') return capturedByGraph(attribute.value);
    if (attribute.kind === 'graphs') return attribute.value.flatMap(capturedByGraph);
    return [];
  });
}

function capturedByGraph(graph: Graph): string[] {
  const own = new Set([...graph.inputs.map(({ name }) => name), ...graph.initializers.keys()]);
  for (const node of graph.nodes) for (const output of node.outputs) own.add(output);
  const used = graph.nodes.flatMap((node) => [...node.inputs, ...capturedBy(node)]);
  return [...used, ...graph.outputs.map(({ name }) => name)].filter((name) => name !== '' && !own.has(name));
}
