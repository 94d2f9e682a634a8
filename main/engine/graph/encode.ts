import { create, toBinary } from '@bufbuild/protobuf';
import { codeOf } from './element-type.ts';
import {
  AttributeProtoSchema,
  AttributeProto_AttributeType as Kind,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  TensorProtoSchema,
  TensorProto_DataLocation,
  TensorShapeProtoSchema,
  TensorShapeProto_DimensionSchema,
  TypeProtoSchema,
  TypeProto_TensorSchema,
  ValueInfoProtoSchema,
  type AttributeProto,
  type GraphProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from './generated/onnx-ml_pb.js';
import type { Attribute, DeclaredDim, Graph, Model, Node, TensorConstant, ValueDeclaration } from './model.ts';

const utf8 = new TextEncoder();

/** Writes a model as the bytes of an ONNX file. External data stays external. */
export function encode(model: Model): Uint8Array {
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: BigInt(model.irVersion),
      opsetImport: Object.entries(model.opsets).map(([domain, version]) =>
        create(OperatorSetIdProtoSchema, { domain, version: BigInt(version) }),
      ),
      producerName: model.producer,
      metadataProps: entriesOf(model.metadata),
      graph: encodeGraph(model.graph),
    }),
  );
}

function entriesOf(record: Readonly<Record<string, string>>) {
  return Object.entries(record).map(([key, value]) => create(StringStringEntryProtoSchema, { key, value }));
}

function encodeGraph(graph: Graph): GraphProto {
  return create(GraphProtoSchema, {
    name: graph.name,
    input: graph.inputs.map(encodeDeclaration),
    output: graph.outputs.map(encodeDeclaration),
    initializer: [...graph.initializers].map(([name, constant]) => encodeTensor(constant, name)),
    valueInfo: [...graph.declarations].map(([name, type]) => encodeDeclaration({ name, ...type })),
    node: graph.nodes.map(encodeNode),
  });
}

function encodeDeclaration({ name, elementType, dims }: ValueDeclaration): ValueInfoProto {
  const shape = dims === undefined ? {} : { shape: create(TensorShapeProtoSchema, { dim: dims.map(encodeDim) }) };
  const tensor = create(TypeProto_TensorSchema, { elemType: codeOf(elementType), ...shape });
  const type = create(TypeProtoSchema, { value: { case: 'tensorType', value: tensor } });
  return create(ValueInfoProtoSchema, { name, type });
}

function encodeDim(dim: DeclaredDim) {
  if (dim === undefined) return create(TensorShapeProto_DimensionSchema, {});
  return create(TensorShapeProto_DimensionSchema, {
    value: typeof dim === 'number' ? { case: 'dimValue', value: BigInt(dim) } : { case: 'dimParam', value: dim },
  });
}

function encodeTensor({ elementType, dims, content }: TensorConstant, name: string): TensorProto {
  const tensor = create(TensorProtoSchema, { name, dims: dims.map(BigInt), dataType: codeOf(elementType) });
  switch (content.kind) {
    case 'bytes':
      tensor.rawData = content.bytes;
      return tensor;
    case 'strings':
      tensor.stringData = content.strings.map((text) => utf8.encode(text));
      return tensor;
    case 'external':
      tensor.dataLocation = TensorProto_DataLocation.EXTERNAL;
      tensor.externalData = entriesOf({
        location: content.location,
        offset: String(content.offset),
        length: String(content.length),
      });
      return tensor;
  }
}

function encodeNode(node: Node): NodeProto {
  return create(NodeProtoSchema, {
    name: node.name,
    opType: node.operator,
    domain: node.domain,
    input: [...node.inputs],
    output: [...node.outputs],
    attribute: Object.entries(node.attributes).map(([name, attribute]) => encodeAttribute(name, attribute)),
  });
}

function encodeAttribute(name: string, attribute: Attribute): AttributeProto {
  switch (attribute.kind) {
    case 'float':
      return create(AttributeProtoSchema, { name, type: Kind.FLOAT, f: attribute.value });
    case 'int':
      return create(AttributeProtoSchema, { name, type: Kind.INT, i: int64(attribute.value) });
    case 'string':
      return create(AttributeProtoSchema, { name, type: Kind.STRING, s: utf8.encode(attribute.value) });
    case 'tensor':
      return create(AttributeProtoSchema, { name, type: Kind.TENSOR, t: encodeTensor(attribute.value, '') });
    case 'graph':
      return create(AttributeProtoSchema, { name, type: Kind.GRAPH, g: encodeGraph(attribute.value) });
    case 'floats':
      return create(AttributeProtoSchema, { name, type: Kind.FLOATS, floats: [...attribute.value] });
    case 'ints':
      return create(AttributeProtoSchema, { name, type: Kind.INTS, ints: attribute.value.map(int64) });
    case 'strings': {
      const strings = attribute.value.map((text) => utf8.encode(text));
      return create(AttributeProtoSchema, { name, type: Kind.STRINGS, strings });
    }
    case 'graphs':
      return create(AttributeProtoSchema, { name, type: Kind.GRAPHS, graphs: attribute.value.map(encodeGraph) });
  }
}

/** 2^63 stands for the largest int64, which a double cannot hold. */
function int64(value: number): bigint {
  return value >= 2 ** 63 ? 2n ** 63n - 1n : BigInt(value);
}
