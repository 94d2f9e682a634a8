import { Failure } from '../../contract/failures.ts';
import { constantOf } from './constants.ts';
import {
  intsAttribute,
  stringAttribute,
  type Attribute,
  type Graph,
  type Model,
  type Node,
  type TensorConstant,
} from './model.ts';

/** The oldest version of ai.onnx that a model can be raised from without its operators changing meaning. */
const oldest = 13;
/** From here on axes of every reduction are an input, and Split says its number of parts. */
const target = 18;

const movedAxes: ReadonlySet<string> = new Set(
  'ReduceMean ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceSumSquare'.split(' '),
);

/**
 * Raises a model to version 18 of ai.onnx where it is older, so that one form of each operator is left to deal with.
 * Below 13 operators mean something else (Softmax, Squeeze): `unsupported`.
 */
export function upgradeOpset(model: Model): Model {
  const opset = model.opsets[''] ?? 0;
  if (opset >= target) return model;
  if (opset < oldest)
    throw new Failure('unsupported', `expected operators of ai.onnx version ${oldest} or newer, got version ${opset}`);
  return {
    ...model,
    irVersion: Math.max(model.irVersion, 8),
    opsets: { ...model.opsets, '': target },
    graph: upgradeGraph(model.graph),
  };
}

function upgradeGraph(graph: Graph): Graph {
  const initializers = new Map(graph.initializers);
  const taken = new Set([...initializers.keys(), ...graph.nodes.flatMap(({ outputs }) => outputs)]);
  const addConstant = (near: string, constant: TensorConstant): string => {
    let name = `${near}_axes`;
    while (taken.has(name)) name = `${name}_`;
    taken.add(name);
    initializers.set(name, constant);
    return name;
  };
  const nodes = graph.nodes.map((node) => upgradeNode(node, addConstant));
  return { ...graph, initializers, nodes };
}

function upgradeNode(node: Node, addConstant: (near: string, constant: TensorConstant) => string): Node {
  const entries = Object.entries(node.attributes).map(([name, attribute]): [string, Attribute] =>
    attribute.kind === 'graph' ? [name, { kind: 'graph', value: upgradeGraph(attribute.value) }] : [name, attribute],
  );
  const same = { ...node, attributes: Object.fromEntries(entries) };
  if (node.domain !== '') return same;
  if (movedAxes.has(node.operator)) {
    const axes = intsAttribute(node, 'axes');
    if (axes === undefined) return same;
    const input = addConstant(node.outputs[0] ?? node.name, constantOf('int64', [axes.length], axes));
    const attributes = Object.fromEntries(entries.filter(([name]) => name !== 'axes'));
    return { ...node, inputs: [node.inputs[0] ?? '', input], attributes };
  }
  if (node.operator === 'Split' && (node.inputs[1] ?? '') === '')
    return { ...same, attributes: { ...same.attributes, num_outputs: { kind: 'int', value: node.outputs.length } } };
  if (node.operator === 'RoiAlign' && stringAttribute(node, 'coordinate_transformation_mode', '') === '')
    return {
      ...same,
      attributes: {
        ...same.attributes,
        coordinate_transformation_mode: { kind: 'string', value: 'output_half_pixel' },
      },
    };
  return same;
}
