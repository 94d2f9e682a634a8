import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { decode } from '../graph/decode.ts';
import { encode } from '../graph/encode.ts';
import { fromHalves } from '../graph/half.ts';
import type { Attribute, Attributes, Graph, Node, TensorConstant, ValueDeclaration } from '../graph/model.ts';
import type { MadeSource } from './session.ts';

/** ONNX's codes of the types in a Cast's `to`. */
const float16Code = 10;
const float32Code = 1;

/** Bytes of an external tensor: location relative to the model, offset and length in bytes. */
type ReadExternal = (location: string, offset: number, length: number) => Uint8Array;

/**
 * A model file with every half-precision weight, value and cast turned to float32; null when it has none. For graphs that
 * overflow at half precision (65504), as some autoencoders do.
 */
export function sourceAtFloat32(path: string): MadeSource | null {
  const model = decode(readFileSync(path));
  if (!usesHalf(model.graph)) return null;
  const files = new Map<string, Uint8Array>();
  const readExternal: ReadExternal = (location, offset, length) => {
    const bytes = files.get(location) ?? readFileSync(join(dirname(path), location));
    files.set(location, bytes);
    return bytes.subarray(offset, offset + length);
  };
  const bytes = encode({ ...model, graph: graphAtFloat32(model.graph, readExternal) });
  return { kind: 'bytes', name: `${path} at float32`, bytes };
}

function usesHalf(graph: Graph): boolean {
  const constants = [...graph.initializers.values()];
  return [...constants, ...graph.inputs, ...graph.outputs].some(({ elementType }) => elementType === 'float16');
}

function graphAtFloat32(graph: Graph, read: ReadExternal): Graph {
  return {
    ...graph,
    inputs: graph.inputs.map(single),
    outputs: graph.outputs.map(single),
    initializers: new Map([...graph.initializers].map(([name, value]) => [name, constantAtFloat32(value, read)])),
    declarations: new Map([...graph.declarations].map(([name, type]) => [name, single({ name, ...type })])),
    nodes: graph.nodes.map((node) => nodeAtFloat32(node, read)),
  };
}

function single(declaration: ValueDeclaration): ValueDeclaration {
  return declaration.elementType === 'float16' ? { ...declaration, elementType: 'float32' } : declaration;
}

function nodeAtFloat32(node: Node, read: ReadExternal): Node {
  const attributes: Attributes = Object.fromEntries(
    Object.entries(node.attributes).map(([name, attribute]) => [name, attributeAtFloat32(name, attribute, read)]),
  );
  return { ...node, attributes };
}

function attributeAtFloat32(name: string, attribute: Attribute, read: ReadExternal): Attribute {
  switch (attribute.kind) {
    case 'int':
      return (name === 'to' || name === 'dtype') && attribute.value === float16Code
        ? { kind: 'int', value: float32Code }
        : attribute;
    case 'tensor':
      return { kind: 'tensor', value: constantAtFloat32(attribute.value, read) };
    case 'graph':
      return { kind: 'graph', value: graphAtFloat32(attribute.value, read) };
    case 'graphs':
      return { kind: 'graphs', value: attribute.value.map((graph) => graphAtFloat32(graph, read)) };
    default:
      return attribute;
  }
}

/** Brings external content in as well: the new model lives in memory, where it has no folder. */
function constantAtFloat32(constant: TensorConstant, read: ReadExternal): TensorConstant {
  const { content, elementType } = constant;
  if (content.kind === 'strings') return constant;
  const bytes = content.kind === 'bytes' ? content.bytes : read(content.location, content.offset, content.length);
  if (elementType !== 'float16') return { ...constant, content: { kind: 'bytes', bytes } };
  // A copy, because a view of a file need not begin at an even byte; and not `slice`, which on a Buffer is a view.
  const halves = new Uint16Array(new Uint8Array(bytes).buffer);
  return {
    ...constant,
    elementType: 'float32',
    content: { kind: 'bytes', bytes: new Uint8Array(fromHalves(halves).buffer) },
  };
}
