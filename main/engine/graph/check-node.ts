import { Failure } from '../../contract/failures.ts';
import type { ElementType } from './element-type.ts';
import { describeNode, type Node } from './model.ts';
import type { Parameter, Signature } from './signatures.ts';

/**
 * Holds a node against its operator's definition: how many inputs and outputs, which attributes of which kind, which
 * element types (`typeOf` undefined: not known). Throws `model-broken` with what was expected and what came.
 */
export function checkNode(node: Node, signature: Signature, typeOf: (name: string) => ElementType | undefined): void {
  checkCount(node, signature, 'input');
  checkCount(node, signature, 'output');
  checkAttributes(node, signature);
  checkTypes(node, signature, typeOf);
}

function checkCount(node: Node, signature: Signature, what: 'input' | 'output'): void {
  const parameters = what === 'input' ? signature.inputs : signature.outputs;
  const given = what === 'input' ? node.inputs : node.outputs;
  // Omitted ones at the end need not be written.
  const count = given.findLastIndex((name) => name !== '') + 1;
  const last = parameters.at(-1);
  const repeats = last?.kind === 'repeated';
  const most = repeats || !signature.complete ? Infinity : parameters.length;
  const needed = parameters.findLastIndex(({ kind }) => kind === 'required') + 1;
  const least = repeats && last.least > 0 ? Math.max(needed, parameters.length - 1 + last.least) : needed;
  const broken = (expected: string, came: string): Failure =>
    new Failure('model-broken', `${describeNode(node)}: expected ${expected}, got ${came}`);
  parameters.forEach(({ name, kind }, index) => {
    if (kind === 'required' && (given[index] ?? '') === '')
      throw broken(`the ${what} "${name}" (${rangeOf(least, most, what)})`, `${count} without it`);
  });
  if (count < least || count > most) throw broken(rangeOf(least, most, what), String(count));
}

function rangeOf(least: number, most: number, what: string): string {
  const things = (most === Infinity ? least : most) === 1 ? what : `${what}s`;
  if (least === most) return `${least} ${things}`;
  return most === Infinity ? `at least ${least} ${things}` : `${least} to ${most} ${things}`;
}

function checkAttributes(node: Node, { attributes, complete }: Signature): void {
  const where = describeNode(node);
  for (const [name, { kind, required }] of attributes)
    if (required && node.attributes[name] === undefined)
      throw new Failure('model-broken', `${where}: expected the attribute "${name}" (${kind}), got none`);
  for (const [name, { kind }] of Object.entries(node.attributes)) {
    const expected = attributes.get(name);
    if (expected === undefined) {
      // Names that begin so are anybody's.
      if (!complete || name.startsWith('__')) continue;
      const names = [...attributes.keys()].join(', ');
      throw new Failure(
        'model-broken',
        `${where}: expected ${names === '' ? 'no attributes' : `attributes among ${names}`}, got "${name}"`,
      );
    }
    if (expected.kind !== kind)
      throw new Failure('model-broken', `${where}: expected the attribute "${name}" as ${expected.kind}, got ${kind}`);
  }
}

function checkTypes(node: Node, signature: Signature, typeOf: (name: string) => ElementType | undefined): void {
  const where = describeNode(node);
  /** The type that each type name stands for here, and the input that said so. */
  const bound = new Map<string, { readonly type: ElementType; readonly input: string }>();
  node.inputs.forEach((input, index) => {
    const parameter = parameterAt(signature.inputs, index);
    const type = input === '' ? undefined : typeOf(input);
    if (parameter === undefined || type === undefined) return;
    const allowed = signature.types.get(parameter.typeName);
    if (allowed !== undefined && !allowed.has(type))
      throw new Failure(
        'model-broken',
        `${where}: expected ${listOf(allowed)} for the input "${parameter.name}", got ${type} ("${input}")`,
      );
    if (allowed === undefined || !parameter.alike) return;
    const earlier = bound.get(parameter.typeName);
    if (earlier !== undefined && earlier.type !== type)
      throw new Failure(
        'model-broken',
        `${where}: expected inputs of one element type, got ${earlier.type} ("${earlier.input}") and ${type} ("${input}")`,
      );
    bound.set(parameter.typeName, { type, input });
  });
}

function listOf(types: ReadonlySet<ElementType>): string {
  return types.size === 0 ? 'a sequence or map' : [...types].join(', ');
}

function parameterAt(parameters: readonly Parameter[], index: number): Parameter | undefined {
  const last = parameters.at(-1);
  return parameters[index] ?? (last?.kind === 'repeated' ? last : undefined);
}
