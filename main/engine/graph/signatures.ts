import { Failure } from '../../contract/failures.ts';
import type { ElementType } from './element-type.ts';
import stored from './generated/operators.json' with { type: 'json' };
import type { Attribute, Node } from './model.ts';

/** One input or output as an operator's definition has it. */
export interface Parameter {
  readonly name: string;
  readonly kind: 'required' | 'optional' | 'repeated';
  /** Of a repeated one: how many at least, and whether all of one type. */
  readonly least: number;
  readonly alike: boolean;
  /** Parameters with the same type name have the same type; '' where nothing is asked. */
  readonly typeName: string;
}

/** What a version of an operator takes, gives and is set by. */
export interface Signature {
  readonly inputs: readonly Parameter[];
  readonly outputs: readonly Parameter[];
  readonly attributes: ReadonlyMap<string, { readonly kind: Attribute['kind']; readonly required: boolean }>;
  /** The element types that a type name stands for. */
  readonly types: ReadonlyMap<string, ReadonlySet<ElementType>>;
  /** Whether that is all: of com.microsoft, newer versions take more. */
  readonly complete: boolean;
}

/** [since, inputs, outputs, attributes, type sets]; see schema/operators.py. */
type StoredVersion = readonly [number, string?, string?, string?, Readonly<Record<string, number>>?];
type StoredTable = Readonly<Record<string, readonly StoredVersion[]>>;

const onnx = stored.onnx as unknown as StoredTable;
const microsoft = stored.microsoft as unknown as StoredTable;
const typeSets = stored.typeSets.map((text) => new Set(words(text) as ElementType[]));
const parsed = new Map<StoredVersion, Signature>();

/**
 * The signature of a node's operator in this version of ai.onnx; undefined for one that the definitions do not have
 * (ONNX Runtime has some of its own) or no longer have.
 */
export function signatureOf(node: Node, opset: number): Signature | undefined {
  const table = node.domain === '' ? onnx : node.domain === 'com.microsoft' ? microsoft : {};
  if (!Object.hasOwn(table, node.operator)) return undefined;
  const limit = node.domain === '' ? opset : Infinity;
  const version = table[node.operator]?.findLast(([since]) => since <= limit);
  if (version === undefined || version.length === 1) return undefined;
  const signature = parsed.get(version) ?? parse(version, node.domain === '');
  parsed.set(version, signature);
  return signature;
}

function parse(
  [, inputs = '', outputs = '', attributes = '', types = {}]: StoredVersion,
  complete: boolean,
): Signature {
  return {
    inputs: words(inputs).map(parameter),
    outputs: words(outputs).map(parameter),
    attributes: new Map(
      words(attributes).map((word) => {
        const [name = '', kind = ''] = word.split(':');
        const required = name.endsWith('!');
        return [required ? name.slice(0, -1) : name, { kind: kind as Attribute['kind'], required }];
      }),
    ),
    types: new Map(Object.entries(types).map(([name, set]) => [name, typeSets[set] ?? new Set()])),
    complete,
  };
}

function words(text: string): string[] {
  return text === '' ? [] : text.split(' ');
}

function parameter(word: string): Parameter {
  const [, name = '', mark = '', least = '1', typeName = ''] =
    /^([\w.-]+)([?*~]?)(?:(\d+)!)?(?::([\w()]+))?$/.exec(word) ?? [];
  if (name === '') throw new Failure('internal', `the stored parameter "${word}" does not parse`);
  const kind = mark === '?' ? 'optional' : mark === '' ? 'required' : 'repeated';
  return { name, kind, least: Number(least), alike: mark !== '~', typeName };
}
