import { attributesOf, type GivenAttributes } from '../../main/engine/graph/builder.ts';
import { constantOf } from '../../main/engine/graph/constants.ts';
import type { ElementType } from '../../main/engine/graph/element-type.ts';
import type { DeclaredDim, Model, Node, TensorConstant, ValueDeclaration } from '../../main/engine/graph/model.ts';

/** `op('Add', ['a', 'b'], 'y')` */
export function op(
  operator: string,
  inputs: readonly string[],
  output: string | readonly string[],
  given: GivenAttributes = {},
): Node {
  const outputs = typeof output === 'string' ? [output] : output;
  return { name: '', operator, domain: '', inputs, outputs, attributes: attributesOf(given) };
}

/** `value('x', [2, 'n'])`, of float32 unless said otherwise. */
export function value(
  name: string,
  dims: readonly DeclaredDim[] | undefined,
  elementType: ElementType = 'float32',
): ValueDeclaration {
  return { name, elementType, dims };
}

/** A model of these nodes; constants as `[type, dims, numbers]`. */
export function modelOf(
  nodes: readonly Node[],
  inputs: readonly ValueDeclaration[],
  outputs: readonly ValueDeclaration[],
  constants: Readonly<Record<string, readonly [ElementType, readonly number[], readonly number[]]>> = {},
  opset = 18,
): Model {
  const initializers = new Map<string, TensorConstant>(
    Object.entries(constants).map(([name, [type, dims, numbers]]) => [name, constantOf(type, dims, numbers)]),
  );
  return {
    irVersion: 8,
    opsets: { '': opset },
    producer: 'test',
    metadata: {},
    graph: { name: 'test', inputs, outputs, initializers, declarations: new Map(), nodes },
  };
}

/** A float tensor for a session. */
export function floats(dims: readonly number[], numbers: readonly number[]) {
  return { type: 'float32', dims, data: Float32Array.from(numbers) } as const;
}

/** The same in double precision. */
export function doubles(dims: readonly number[], numbers: readonly number[]) {
  return { type: 'float64', dims, data: Float64Array.from(numbers) } as const;
}
