import { Failure } from '../../contract/failures.ts';
import { GraphBuilder } from '../graph/builder.ts';
import { textOf, type Dim } from '../graph/dimension.ts';
import { initializerToInput, pruneUnused, renameValues } from '../graph/edit.ts';
import { isFloat } from '../graph/element-type.ts';
import type { DeclaredDim, Graph, Model, Node, TensorType, ValueDeclaration } from '../graph/model.ts';
import { operatorsOn, type Operators } from '../graph/operators.ts';
import { upgradeOpset } from '../graph/upgrade.ts';
import { sortTopologically, verify } from '../graph/verify.ts';
import { prepare } from './prepare.ts';
import { pullBack } from './pull-back.ts';
import { recompute } from './recompute.ts';

/** What to differentiate, and by what. */
export interface Differentiation {
  /** An output of the model. */
  readonly output: string;
  /** Name of a new input of the output's dims: asks for the vector–Jacobian product instead of a scalar's gradient. */
  readonly cotangent?: string;
  /** Inputs or initializers of the model; initializers become inputs. */
  readonly withRespectTo: readonly string[];
  /** Cuts the forward pass into so many segments that are computed again on the way back: less memory, about a third more time. */
  readonly segments?: number;
}

/**
 * Reverse-mode differentiation of an ONNX model: graph in, graph out, in plain operators.
 *
 * The result has the model's inputs, those of `withRespectTo` that were initializers, and the cotangent; its outputs are
 * the output and `grad_<name>` for each name, of that value's dims and type. A value that the output does not depend on
 * has a gradient of zeros. Throws `bad-input` for names and types that do not fit, `unsupported` for an operator on the way
 * that has no rule, `model-broken` for a malformed model.
 */
export function differentiate(model: Model, request: Differentiation): Model {
  const { output, withRespectTo, cotangent, segments = 1 } = request;
  const reserved = [...withRespectTo.map((name) => `grad_${name}`), ...(cotangent === undefined ? [] : [cotangent])];
  const { make, forward, declared, finish } = open(model, output, withRespectTo, reserved);
  const nodes = [...make.graph.nodes];
  const seed = seedOf(make, declared, cotangent);
  const gradients = pullBack(make, nodes, new Map([[output, seed]]), withRespectTo);
  const outputs = withRespectTo.map((name): ValueDeclaration => {
    const gradient = gradients.get(name) ?? make.fullLike(name, 0);
    return { ...declarationOf(make, forward, name), name: named(make, gradient, `grad_${name}`) };
  });
  return finish(outputs, segments > 1 ? (all) => recompute(make, all, nodes.length, seed, segments) : undefined);
}

/** A Jacobian–vector product: how the output moves when the inputs move along tangents. */
export interface PushForward {
  readonly output: string;
  readonly withRespectTo: readonly string[];
}

/**
 * Forward mode by reverse mode applied twice: x ↦ Jᵀu is linear in u, and its transpose is v ↦ J·v.
 *
 * The result has a new input `tangent_<name>` of the dims of each name, and the outputs NAME and `jvp_<NAME>`. Throws as
 * `differentiate` does.
 */
export function jacobianVectorProduct(model: Model, { output, withRespectTo }: PushForward): Model {
  const reserved = [...withRespectTo.map((name) => `tangent_${name}`), `jvp_${output}`];
  const { make, forward, declared, finish } = open(model, output, withRespectTo, reserved);
  const nodes = [...make.graph.nodes];
  // Nothing depends on the value of u, only on its dims.
  const u = named(make, make.fullLike(output, 0), make.graph.freshName('gamut/u'));
  const before = make.graph.nodes.length;
  const gradients = pullBack(make, nodes, new Map([[output, u]]), withRespectTo);
  const seeds = new Map<string, string>();
  for (const name of withRespectTo) {
    const tangent = make.graph.input({ ...declarationOf(make, forward, name), name: `tangent_${name}` });
    const { dims } = make.graph.factOf(name) ?? {};
    make.graph.learn(tangent, { elementType: make.typeOf(name), dims });
    const gradient = gradients.get(name);
    if (gradient === undefined) continue;
    const earlier = seeds.get(gradient);
    seeds.set(gradient, earlier === undefined ? tangent : make.add(earlier, tangent));
  }
  const product = pullBack(make, make.graph.nodes.slice(before), seeds, [u]).get(u) ?? make.fullLike(output, 0);
  return finish([{ ...withTrueRank(declared, make.graph), name: named(make, product, `jvp_${output}`) }]);
}

/** A model checked, raised to one dialect, cut to one output and put into a builder. */
function open(model: Model, output: string, withRespectTo: readonly string[], reserved: readonly string[]) {
  const sorted: Model = { ...model, graph: sortTopologically(model.graph) };
  verify(sorted);
  const upgraded = upgradeOpset(sorted);
  const declared = checkRequest(upgraded.graph, output, withRespectTo, reserved);
  const weighted = withWeightsAsInputs(upgraded.graph, withRespectTo);
  const forward = withoutNames(pruneUnused({ ...weighted, outputs: [declared] }), reserved);
  const builder = new GraphBuilder(forward, upgraded.opsets[''] ?? 0);
  prepare(builder, forward, withRespectTo);
  const finish = (
    outputs: readonly ValueDeclaration[],
    arrange: (nodes: readonly Node[]) => readonly Node[] = (nodes) => nodes,
  ): Model => {
    const nodes = arrange(builder.nodes);
    const graph = pruneUnused({ ...builder.build(forward.name, [withTrueRank(declared, builder), ...outputs]), nodes });
    const result: Model = { ...upgraded, producer: 'gamut', graph };
    verify(result, (name) => builder.factOf(name));
    return result;
  };
  return { make: operatorsOn(builder), forward, declared, finish };
}

/** TorchScript declares the rank that an If would have by its other branch: where the graph tells more, that is said. */
function withTrueRank(output: ValueDeclaration, builder: GraphBuilder): ValueDeclaration {
  const dims = builder.factOf(output.name)?.dims;
  const agrees = dims === undefined || output.dims === undefined || dims.length === output.dims.length;
  return agrees ? output : { ...output, dims: dims.map(declaredDim) };
}

/** Gives a value a name of its own. */
function named(make: Operators, value: string, name: string): string {
  make.graph.append({ name: '', operator: 'Identity', domain: '', inputs: [value], outputs: [name], attributes: {} });
  return name;
}

/** Frees names that inner values have. */
function withoutNames(graph: Graph, names: readonly string[]): Graph {
  const taken = new Set([...graph.initializers.keys(), ...graph.nodes.flatMap(({ outputs }) => outputs)]);
  const clashes = names.filter((name) => taken.has(name));
  const free = (name: string): string => (taken.has(name) || names.includes(name) ? free(`${name}_`) : name);
  return clashes.length === 0 ? graph : renameValues(graph, new Map(clashes.map((name) => [name, free(name)])));
}

function withWeightsAsInputs(graph: Graph, names: readonly string[]): Graph {
  return names
    .filter((name) => graph.initializers.has(name))
    .reduce((changed, name) => initializerToInput(changed, name), graph);
}

/** What the model declares of an input, or of a constant. */
function declarationOf(make: Operators, graph: Graph, name: string): TensorType {
  const input = graph.inputs.find((each) => each.name === name);
  if (input !== undefined) return { elementType: input.elementType, dims: input.dims };
  return { elementType: make.typeOf(name), dims: make.dimsOf(name).map(declaredDim) };
}

function declaredDim(dim: Dim): DeclaredDim {
  return typeof dim === 'number' ? dim : dim.terms.size === 1 && /^\w+$/.test(textOf(dim)) ? textOf(dim) : undefined;
}

/** The gradient that the walk starts with: one for a scalar, else the new input. */
function seedOf(make: Operators, output: ValueDeclaration, cotangent: string | undefined): string {
  const dims = make.graph.factOf(output.name)?.dims;
  if (cotangent !== undefined) {
    // Exporters declare extents of outputs that other inputs change: a number only where it is known to be one.
    const declared =
      dims === undefined || dims.length !== output.dims?.length
        ? (dims?.map(declaredDim) ?? output.dims)
        : output.dims.map((dim, axis) => (typeof dim === 'number' && dims[axis] !== dim ? undefined : dim));
    const name = make.graph.input({ name: cotangent, elementType: output.elementType, dims: declared });
    // The same extents as the output, whatever their names.
    if (dims !== undefined) make.graph.learn(name, { elementType: output.elementType, dims });
    return name;
  }
  if (dims?.every((dim) => dim === 1) !== true)
    throw new Failure(
      'bad-input',
      `output "${output.name}": expected a scalar, got dims [${dims?.map((dim) => declaredDim(dim) ?? '?').join(', ') ?? 'unknown'}]; name a cotangent for the vector–Jacobian product`,
      'output',
    );
  return make.graph.constant(output.elementType, dims.map(Number), [1]);
}

function checkRequest(
  graph: Graph,
  output: string,
  withRespectTo: readonly string[],
  reserved: readonly string[],
): ValueDeclaration {
  const list = (names: Iterable<string>): string => [...names].slice(0, 12).join(', ');
  const found = graph.outputs.find(({ name }) => name === output);
  if (found === undefined) {
    const outputs = list(graph.outputs.map(({ name }) => name));
    throw new Failure('bad-input', `expected an output of the model (${outputs}), got "${output}"`, 'output');
  }
  if (!isFloat(found.elementType))
    throw new Failure('bad-input', `output "${output}": expected floating point, got ${found.elementType}`, 'output');
  if (withRespectTo.length === 0)
    throw new Failure('bad-input', 'expected at least one name to differentiate by, got none', 'wrt');
  withRespectTo.forEach((name, index) => {
    if (withRespectTo.indexOf(name) < index) throw new Failure('bad-input', `"${name}" is named twice`, 'wrt');
    const type = graph.initializers.get(name) ?? graph.inputs.find((input) => input.name === name);
    if (type === undefined) {
      const inputs = list(graph.inputs.map((input) => input.name));
      const expected = `an input or initializer of the model (inputs: ${inputs})`;
      throw new Failure('bad-input', `expected ${expected}, got "${name}"`, 'wrt');
    }
    if (!isFloat(type.elementType))
      throw new Failure('bad-input', `"${name}": expected floating point, got ${type.elementType}`, 'wrt');
  });
  const taken = new Set([...graph.inputs.map(({ name }) => name), ...withRespectTo, output]);
  const clash = reserved.find((name) => name === '' || taken.has(name));
  if (clash !== undefined)
    throw new Failure('bad-input', `expected a free name, the model has an input or output named "${clash}"`);
  const twice = reserved.find((name, index) => reserved.indexOf(name) < index);
  if (twice !== undefined)
    throw new Failure('bad-input', `expected a free name for the cotangent, a gradient is named "${twice}"`);
  return found;
}
