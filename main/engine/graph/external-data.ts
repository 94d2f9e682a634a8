import { Failure } from '../../contract/failures.ts';
import type { Attribute, ExternalContent, Graph, Model } from './model.ts';

/** Every reference to external data in a model, with the name of its constant, subgraphs included. */
export function externalReferences(model: Model): { readonly name: string; readonly content: ExternalContent }[] {
  return referencesIn(model.graph);
}

function referencesIn(graph: Graph): { readonly name: string; readonly content: ExternalContent }[] {
  const found: { name: string; content: ExternalContent }[] = [];
  for (const [name, { content }] of graph.initializers) if (content.kind === 'external') found.push({ name, content });
  const visit = (attribute: Attribute, where: string): void => {
    if (attribute.kind === 'graph') found.push(...referencesIn(attribute.value));
    if (attribute.kind === 'graphs') for (const each of attribute.value) found.push(...referencesIn(each));
    if (attribute.kind === 'tensor' && attribute.value.content.kind === 'external')
      found.push({ name: where, content: attribute.value.content });
  };
  for (const node of graph.nodes)
    for (const attribute of Object.values(node.attributes)) visit(attribute, node.outputs[0] ?? node.name);
  return found;
}

/**
 * Checks every external reference before anything is loaded: the location stays inside the model's folder, and the file
 * holds offset + length bytes.
 *
 * @param sizeOfFile the size in bytes of a file by its location relative to the model's folder; undefined: no such file
 * @returns the distinct locations in use
 */
export function checkExternalData(model: Model, sizeOfFile: (location: string) => number | undefined): string[] {
  const sizes = new Map<string, number>();
  for (const { name, content } of externalReferences(model)) {
    const { location, offset, length } = content;
    let size = sizes.get(location);
    if (size === undefined) {
      if (!staysInside(location))
        throw new Failure(
          'model-broken',
          `weight "${name}": expected a file inside the model's folder, got "${location}"`,
        );
      size = sizeOfFile(location);
      if (size === undefined)
        throw new Failure(
          'not-found',
          `weight "${name}": expected the file "${location}" beside the model, found none`,
        );
      sizes.set(location, size);
    }
    if (offset + length > size)
      throw new Failure(
        'model-broken',
        `weight "${name}": expected ${offset + length} bytes in "${location}", the file has ${size} (an unfinished download?)`,
      );
  }
  return [...sizes.keys()];
}

/** Relative, with neither a drive nor a way up; both kinds of slash count. */
function staysInside(location: string): boolean {
  if (location === '' || location.includes('\0') || /^[a-zA-Z]:/.test(location) || /^[\\/]/.test(location))
    return false;
  return !location.split(/[\\/]/).includes('..');
}
