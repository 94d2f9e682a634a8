import { Failure } from '../../contract/failures.ts';
import { constantOf } from './constants.ts';
import type { Dim } from './dimension.ts';
import { isInteger, type ElementType } from './element-type.ts';
import type { Fact } from './inference/fact.ts';
import { factOfType, inferNode } from './inference/infer.ts';
import { factOfConstant } from './inference/sources.ts';
import {
  capturedBy,
  type Attribute,
  type Attributes,
  type Graph,
  type Node,
  type TensorConstant,
  type TensorType,
  type ValueDeclaration,
} from './model.ts';

/** Attributes as they are written by hand: numbers are whole, a float says so. */
export type GivenAttributes = Readonly<
  Record<string, number | readonly number[] | string | { readonly float: number }>
>;

/** Attributes of the schema from attributes by hand. */
export function attributesOf(given: GivenAttributes): Attributes {
  return Object.fromEntries(
    Object.entries(given).map(([name, value]): [string, Attribute] => {
      if (typeof value === 'number') return [name, { kind: 'int', value }];
      if (typeof value === 'string') return [name, { kind: 'string', value }];
      if ('float' in value) return [name, { kind: 'float', value: value.float }];
      return [name, { kind: 'ints', value }];
    }),
  );
}

/**
 * Builds a graph node by node, in order. It knows type and shape of every value so far, computes with known shapes at
 * once instead of leaving nodes behind, and makes no value twice.
 */
export class GraphBuilder {
  readonly opset: number;
  readonly #inputs: ValueDeclaration[] = [];
  readonly #initializers = new Map<string, TensorConstant>();
  readonly #declared: ReadonlyMap<string, TensorType>;
  readonly #nodes: Node[] = [];
  readonly #facts = new Map<string, Fact>();
  readonly #taken = new Set<string>();
  /** How often each hint was asked for, so that finding a name stays quick. */
  readonly #counts = new Map<string, number>();
  /** Values that are the same in every run: stored ones, and what is made of them alone. */
  readonly #constants = new Set<string>();
  /** What was made already, by what it was made of. */
  readonly #made = new Map<string, readonly string[]>();

  /** Starts with the inputs and constants of `graph`; its nodes are appended by the caller. `graph` reserves its names. */
  constructor(graph: Graph, opset: number) {
    this.opset = opset;
    for (const input of graph.inputs) this.input(input);
    for (const [name, constant] of graph.initializers) this.initializer(name, constant);
    const declared = new Map(graph.declarations);
    for (const { name, ...type } of graph.outputs) declared.set(name, declared.get(name) ?? type);
    this.#declared = declared;
    for (const node of graph.nodes) for (const name of node.outputs) this.#taken.add(name);
  }

  get nodes(): readonly Node[] {
    return this.#nodes;
  }

  /** Adds a graph input. */
  input(declaration: ValueDeclaration): string {
    this.#inputs.push(declaration);
    this.#taken.add(declaration.name);
    this.#facts.set(declaration.name, factOfType(declaration, declaration.name));
    return declaration.name;
  }

  /** Adds a constant under a name of its own. */
  initializer(name: string, constant: TensorConstant): string {
    this.#initializers.set(name, constant);
    this.#constants.add(name);
    this.#taken.add(name);
    this.#facts.set(name, factOfConstant(constant));
    return name;
  }

  /** What is known of a value; undefined for one that no rule tells anything about. */
  factOf(name: string): Fact | undefined {
    return this.#facts.get(name);
  }

  /** Corrects what is known of a value, where the caller knows more. */
  learn(name: string, fact: Fact): void {
    this.#facts.set(name, fact);
  }

  /** Whether a value is known before the graph runs, so that ONNX Runtime computes with it once. */
  isConstant(name: string): boolean {
    return this.#constants.has(name);
  }

  /** A name nobody has yet. */
  freshName(hint: string): string {
    let count = this.#counts.get(hint) ?? 0;
    let name = hint;
    for (; this.#taken.has(name); name = `${hint}_${count}`) count += 1;
    this.#counts.set(hint, count);
    this.#taken.add(name);
    return name;
  }

  /** Appends a node as it is. */
  append(node: Node): void {
    this.#push(node);
    const facts = inferNode(
      node,
      (name) => this.#facts.get(name),
      this.opset,
      (name) => this.#declared.get(name),
    );
    node.outputs.forEach((name, index) => {
      const fact = facts[index];
      this.#taken.add(name);
      if (name !== '' && fact !== undefined) this.#facts.set(name, fact);
    });
  }

  #push(node: Node): void {
    this.#nodes.push(node);
    const pure = !node.operator.startsWith('Random') && capturedBy(node).length === 0;
    if (pure && node.inputs.every((name) => name === '' || this.#constants.has(name)))
      for (const name of node.outputs) this.#constants.add(name);
  }

  /** Replaces the node that makes `output` (say, to ask it for a further output). */
  replace(output: string, change: (node: Node) => Node): void {
    const index = this.#nodes.findIndex((node) => node.outputs.includes(output));
    const node = this.#nodes[index];
    if (node === undefined) throw new Failure('internal', `no node makes "${output}"`);
    const changed = change(node);
    this.#nodes[index] = changed;
    for (const name of changed.outputs) this.#taken.add(name);
  }

  /** A constant of these numbers; equal constants are one. */
  constant(elementType: ElementType, dims: readonly number[], numbers: readonly number[]): string {
    const key = `${elementType}[${dims.join()}]:${numbers.map((each) => (Object.is(each, -0) ? '-0' : each)).join()}`;
    const [existing] = this.#made.get(key) ?? [];
    if (existing !== undefined) return existing;
    const name = this.initializer(this.freshName('gamut/constant'), constantOf(elementType, dims, numbers));
    this.#made.set(key, [name]);
    return name;
  }

  /** Adds a node and returns its outputs; a result that is known already is a constant instead, or the earlier value. */
  emit(operator: string, inputs: readonly string[], given: GivenAttributes = {}, outputCount = 1): readonly string[] {
    const trimmed = inputs.slice(0, inputs.findLastIndex((name) => name !== '') + 1);
    const key = JSON.stringify([
      operator,
      trimmed,
      Object.entries(given).sort(([a], [b]) => (a < b ? -1 : 1)),
      outputCount,
    ]);
    const earlier = this.#made.get(key);
    if (earlier !== undefined) return earlier;

    const node: Node = {
      name: '',
      operator,
      domain: '',
      inputs: trimmed,
      outputs: Array.from({ length: outputCount }, () => this.freshName(`gamut/${operator.toLowerCase()}`)),
      attributes: attributesOf(given),
    };
    const facts = inferNode(
      node,
      (name) => this.#facts.get(name),
      this.opset,
      () => undefined,
    );
    const outputs = facts.every(isFolded)
      ? facts.map(({ elementType, dims, known }) => this.constant(elementType, dims, known))
      : node.outputs;
    if (outputs === node.outputs) {
      this.#push(node);
      facts.forEach((fact, index) => fact && this.#facts.set(node.outputs[index] ?? '', fact));
    }
    this.#made.set(key, outputs);
    return outputs;
  }

  /** The graph so far, with these outputs. */
  build(name: string, outputs: readonly ValueDeclaration[]): Graph {
    return {
      name,
      inputs: this.#inputs,
      outputs,
      initializers: this.#initializers,
      declarations: this.#declared,
      nodes: this.#nodes,
    };
  }
}

/** A whole-number result that is known to the last element. */
function isFolded(
  fact: Fact | undefined,
): fact is { elementType: ElementType; dims: readonly number[]; known: readonly number[] } {
  return (
    fact?.known !== undefined &&
    (isInteger(fact.elementType) || fact.elementType === 'bool') &&
    allNumbers(fact.known) &&
    fact.dims !== undefined &&
    allNumbers(fact.dims)
  );
}

function allNumbers(dims: readonly Dim[]): dims is readonly number[] {
  return dims.every((dim) => typeof dim === 'number');
}
