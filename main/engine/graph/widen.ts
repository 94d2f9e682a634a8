import { constantOf, numbersOf } from './constants.ts';
import { pruneUnused } from './edit.ts';
import { elementTypeOf } from './element-type.ts';
import { intAttribute, type Graph, type TensorConstant } from './model.ts';

/**
 * Weights that are stored in half precision and cast to float32 before use, as float32 weights: what training needs, which
 * changes them by less than a half can show. The new weight has the name that the cast gave it.
 */
export function widenWeights(graph: Graph): Graph {
  const initializers = new Map<string, TensorConstant>(graph.initializers);
  const nodes = graph.nodes.filter((node) => {
    const [input = ''] = node.inputs;
    const stored = initializers.get(input);
    if (node.operator !== 'Cast' || stored === undefined) return true;
    const to = elementTypeOf(intAttribute(node, 'to', 0));
    if (to !== 'float32' || (stored.elementType !== 'float16' && stored.elementType !== 'bfloat16')) return true;
    const numbers = numbersOf(stored);
    if (numbers === undefined) return true;
    initializers.set(node.outputs[0] ?? '', constantOf(to, stored.dims, numbers));
    return false;
  });
  return pruneUnused({ ...graph, initializers, nodes });
}
