import { fromBinary } from '@bufbuild/protobuf';
import { Failure } from '../../contract/failures.ts';
import { decodeTensor } from './decode-tensor.ts';
import { elementTypeOf } from './element-type.ts';
import {
  AttributeProto_AttributeType as Kind,
  ModelProtoSchema,
  type AttributeProto,
  type GraphProto,
  type NodeProto,
  type OperatorSetIdProto,
  type ValueInfoProto,
} from './generated/onnx-ml_pb.js';
import { inlineFunctions, type LocalFunction } from './inline-functions.ts';
import {
  describeNode,
  type Attribute,
  type DeclaredDim,
  type Graph,
  type Model,
  type Node,
  type TensorType,
  type ValueDeclaration,
} from './model.ts';

/** How much of a file is believed before it is refused. The defaults hold every published diffusion model. */
export interface DecodeLimits {
  readonly bytes: number;
  readonly nodes: number;
  readonly rank: number;
}

export const defaultLimits: DecodeLimits = { bytes: 2 ** 31, nodes: 200_000, rank: 16 };

const utf8 = new TextDecoder('utf-8');

/**
 * Reads an ONNX model. Weights stay views of `bytes`; external data stays a reference. Local functions are inlined.
 * A file that is not ONNX, or larger than the limits, is a `model-broken` failure; what ONNX allows but nothing here
 * understands (sequence inputs, sparse weights) is `unsupported`.
 */
export function decode(bytes: Uint8Array, limits: DecodeLimits = defaultLimits): Model {
  if (bytes.length > limits.bytes)
    throw new Failure('model-broken', `expected a model of at most ${limits.bytes} bytes, got ${bytes.length}`);
  const proto = parse(bytes);
  if (proto.graph === undefined)
    throw new Failure('model-broken', `expected an ONNX model, got ${bytes.length} bytes that hold no graph`);
  if (proto.graph.sparseInitializer.length > 0)
    throw new Failure('unsupported', 'expected dense weights, got sparse initializers');
  const opsets = decodeOpsets(proto.opsetImport);
  const functions: LocalFunction[] = proto.functions.map((each) => ({
    domain: each.domain,
    name: each.name,
    overload: each.overload,
    inputs: each.input,
    outputs: each.output,
    defaults: Object.fromEntries(
      each.attributeProto.map((attribute) => [attribute.name, decodeAttribute(attribute, limits)]),
    ),
    opsets: decodeOpsets(each.opsetImport),
    nodes: each.node.map((node) => ({
      ...decodeNode(node, limits),
      overload: node.overload,
      references: referencesOf(node),
    })),
  }));
  const graph = decodeGraph(proto.graph, limits);
  const model: Model = {
    irVersion: Number(proto.irVersion),
    opsets,
    producer: [proto.producerName, proto.producerVersion].filter((part) => part !== '').join(' '),
    metadata: Object.fromEntries(proto.metadataProps.map(({ key, value }) => [key, value])),
    graph,
  };
  const overloads = new Map(proto.graph.node.map((node, index) => [index, node.overload]));
  return functions.length === 0 ? model : inlineFunctions(model, functions, overloads, limits.nodes);
}

function parse(bytes: Uint8Array) {
  try {
    return fromBinary(ModelProtoSchema, bytes, { readUnknownFields: false });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Failure('model-broken', `expected an ONNX model, got ${bytes.length} bytes that do not parse: ${reason}`);
  }
}

/** ai.onnx is written both as '' and by its name. */
export function domainOf(domain: string): string {
  return domain === 'ai.onnx' ? '' : domain;
}

function decodeOpsets(imports: readonly OperatorSetIdProto[]): Record<string, number> {
  return Object.fromEntries(imports.map(({ domain, version }) => [domainOf(domain), Number(version)]));
}

function decodeGraph(proto: GraphProto, limits: DecodeLimits): Graph {
  if (proto.node.length > limits.nodes)
    throw new Failure('model-broken', `expected at most ${limits.nodes} nodes, got ${proto.node.length}`);
  const initializers = new Map<string, ReturnType<typeof decodeTensor>>();
  for (const tensor of proto.initializer) {
    if (tensor.name === '' || initializers.has(tensor.name))
      throw new Failure('model-broken', `expected every initializer to have a name of its own, got "${tensor.name}"`);
    initializers.set(tensor.name, decodeTensor(tensor, limits.rank));
  }
  const declarations = new Map<string, TensorType>();
  for (const value of proto.valueInfo) {
    const declaration = decodeDeclaration(value, limits);
    if (declaration !== undefined) declarations.set(value.name, typeOfDeclaration(declaration));
  }
  return {
    name: proto.name,
    inputs: proto.input.map((value) => required(decodeDeclaration(value, limits), value, 'input')),
    outputs: proto.output.map((value) => required(decodeDeclaration(value, limits), value, 'output')),
    initializers,
    declarations,
    nodes: proto.node.map((node) => decodeNode(node, limits)),
  };
}

function typeOfDeclaration({ elementType, dims }: ValueDeclaration): TensorType {
  return { elementType, dims };
}

function required(declaration: ValueDeclaration | undefined, value: ValueInfoProto, what: string): ValueDeclaration {
  if (declaration !== undefined) return declaration;
  throw new Failure(
    'unsupported',
    `${what} "${value.name}": expected a tensor, got ${value.type?.value.case ?? 'no type'}`,
  );
}

function decodeDeclaration(value: ValueInfoProto, limits: DecodeLimits): ValueDeclaration | undefined {
  const type = value.type?.value;
  if (type?.case !== 'tensorType') return undefined;
  const elementType = elementTypeOf(type.value.elemType);
  if (elementType === undefined) return undefined;
  const dims = type.value.shape?.dim.map(({ value: dim }): DeclaredDim => {
    if (dim.case === 'dimValue') return dim.value >= 0n ? Number(dim.value) : undefined;
    return dim.case === 'dimParam' && dim.value !== '' ? dim.value : undefined;
  });
  if (dims !== undefined && dims.length > limits.rank)
    throw new Failure('model-broken', `"${value.name}": expected at most ${limits.rank} dims, got ${dims.length}`);
  return { name: value.name, elementType, dims };
}

function referencesOf(node: NodeProto): Readonly<Record<string, string>> {
  return Object.fromEntries(
    node.attribute.filter(({ refAttrName }) => refAttrName !== '').map(({ name, refAttrName }) => [name, refAttrName]),
  );
}

function decodeNode(node: NodeProto, limits: DecodeLimits): Node {
  const bare: Node = {
    name: node.name,
    operator: node.opType,
    domain: domainOf(node.domain),
    inputs: node.input,
    outputs: node.output,
    attributes: {},
  };
  const own = node.attribute.filter(({ refAttrName }) => refAttrName === '');
  try {
    const decoded = own.map((attribute) => [attribute.name, decodeAttribute(attribute, limits)] as const);
    return { ...bare, attributes: Object.fromEntries(decoded) };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    throw new Failure(error.code, `${describeNode(bare)}: ${error.message}`, undefined, { cause: error });
  }
}

function decodeAttribute(attribute: AttributeProto, limits: DecodeLimits): Attribute {
  switch (attribute.type) {
    case Kind.FLOAT:
      return { kind: 'float', value: attribute.f };
    case Kind.INT:
      return { kind: 'int', value: wholeNumber(attribute.i, attribute.name) };
    case Kind.STRING:
      return { kind: 'string', value: utf8.decode(attribute.s) };
    case Kind.FLOATS:
      return { kind: 'floats', value: attribute.floats };
    case Kind.INTS:
      return { kind: 'ints', value: attribute.ints.map((value) => wholeNumber(value, attribute.name)) };
    case Kind.STRINGS:
      return { kind: 'strings', value: attribute.strings.map((value) => utf8.decode(value)) };
    case Kind.TENSOR:
      if (attribute.t !== undefined) return { kind: 'tensor', value: decodeTensor(attribute.t, limits.rank) };
      break;
    case Kind.GRAPH:
      if (attribute.g !== undefined) return { kind: 'graph', value: decodeGraph(attribute.g, limits) };
      break;
    case Kind.GRAPHS:
      return { kind: 'graphs', value: attribute.graphs.map((graph) => decodeGraph(graph, limits)) };
    default:
      throw new Failure('unsupported', `attribute "${attribute.name}": expected numbers, text, a tensor or a graph`);
  }
  throw new Failure('model-broken', `attribute "${attribute.name}" is empty`);
}

/** Doubles hold every whole number below 2^53; exporters write the ends of int64 for "no limit", which survive too. */
function wholeNumber(value: bigint, where: string): number {
  const number = Number(value);
  if (Number.isSafeInteger(number) || Math.abs(number) === 2 ** 63) return number;
  throw new Failure('unsupported', `attribute "${where}": expected a whole number below 2^53, got ${value}`);
}
