import { Failure } from '../../contract/failures.ts';
import { GraphBuilder } from '../graph/builder.ts';
import { textOf, type Dim } from '../graph/dimension.ts';
import { initializerToInput, pruneUnused } from '../graph/edit.ts';
import { isFloat } from '../graph/element-type.ts';
import type { DeclaredDim, Graph, Model, TensorType, ValueDeclaration } from '../graph/model.ts';
import { operatorsOn, type Operators } from '../graph/operators.ts';
import { upgradeOpset } from '../graph/upgrade.ts';
import { sortTopologically, verify } from '../graph/verify.ts';
import { prepare } from './prepare.ts';
import { pullBack } from './pull-back.ts';

/** What to differentiate, and by what. */
export interface Differentiation {
  /** An output of the model. */
  readonly output: string;
  /** Name of a new input of the output's dims: asks for the vector–Jacobian product instead of a scalar's gradient. */
  readonly cotangent?: string;
  /** Inputs or initializers of the model; initializers become inputs. */
  readonly withRespectTo: readonly string[];
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
  const sorted: Model = { ...model, graph: sortTopologically(model.graph) };
  verify(sorted);
  const upgraded = upgradeOpset(sorted);
  const output = checkRequest(upgraded.graph, request);
  const forward = pruneUnused({ ...withWeightsAsInputs(upgraded.graph, request.withRespectTo), outputs: [output] });

  const builder = new GraphBuilder(forward, upgraded.opsets[''] ?? 0);
  prepare(builder, forward, request.withRespectTo);
  const make = operatorsOn(builder);
  const nodes = [...builder.nodes];
  const seed = seedOf(make, output, request);
  const gradients = pullBack(make, nodes, new Map([[output.name, seed]]), request.withRespectTo);

  const outputs = request.withRespectTo.map((name): ValueDeclaration => {
    const gradient = gradients.get(name) ?? make.fullLike(name, 0);
    return { ...declarationOf(make, forward, name), name: named(make, gradient, `grad_${name}`) };
  });
  const graph = pruneUnused(builder.build(forward.name, [output, ...outputs]));
  const result: Model = { ...upgraded, producer: 'gamut', graph };
  verify(result);
  return result;
}

/** Gives a value a name of its own. */
function named(make: Operators, value: string, name: string): string {
  make.graph.append({ name: '', operator: 'Identity', domain: '', inputs: [value], outputs: [name], attributes: {} });
  return name;
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
function seedOf(make: Operators, output: ValueDeclaration, { cotangent }: Differentiation): string {
  const dims = make.graph.factOf(output.name)?.dims;
  if (cotangent !== undefined) {
    const declared = output.dims ?? dims?.map(declaredDim);
    const name = make.graph.input({ name: cotangent, elementType: output.elementType, dims: declared });
    // The same extents as the output, whatever their names.
    if (dims !== undefined) make.graph.learn(name, { elementType: output.elementType, dims });
    return name;
  }
  if (dims?.every((dim) => dim === 1) !== true)
    throw new Failure(
      'bad-input',
      `output "${output.name}": expected a scalar, got dims [${dims?.map(textOf).join(', ') ?? 'unknown'}]; name a cotangent for the vector–Jacobian product`,
      'output',
    );
  return make.graph.constant(output.elementType, dims.map(Number), [1]);
}

function checkRequest(graph: Graph, { output, cotangent, withRespectTo }: Differentiation): ValueDeclaration {
  const list = (names: Iterable<string>): string => [...names].slice(0, 12).join(', ');
  const found = graph.outputs.find(({ name }) => name === output);
  if (found === undefined)
    throw new Failure(
      'bad-input',
      `expected an output of the model (${list(graph.outputs.map(({ name }) => name))}), got "${output}"`,
      'output',
    );
  if (!isFloat(found.elementType))
    throw new Failure('bad-input', `output "${output}": expected floating point, got ${found.elementType}`, 'output');
  if (withRespectTo.length === 0)
    throw new Failure('bad-input', 'expected at least one name to differentiate by, got none', 'wrt');
  const taken = new Set([...graph.inputs.map(({ name }) => name), ...graph.initializers.keys()]);
  withRespectTo.forEach((name, index) => {
    if (withRespectTo.indexOf(name) < index) throw new Failure('bad-input', `"${name}" is named twice`, 'wrt');
    const type = graph.initializers.get(name) ?? graph.inputs.find((input) => input.name === name);
    if (type === undefined)
      throw new Failure(
        'bad-input',
        `expected an input or initializer of the model (inputs: ${list(graph.inputs.map((input) => input.name))}), got "${name}"`,
        'wrt',
      );
    if (!isFloat(type.elementType))
      throw new Failure('bad-input', `"${name}": expected floating point, got ${type.elementType}`, 'wrt');
  });
  for (const node of graph.nodes) for (const name of node.outputs) taken.add(name);
  for (const name of [...withRespectTo.map((each) => `grad_${each}`), ...(cotangent === undefined ? [] : [cotangent])])
    if (name === '' || taken.has(name)) throw new Failure('bad-input', `the model has a value named "${name}" already`);
  return found;
}
