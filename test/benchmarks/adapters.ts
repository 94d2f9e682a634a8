import { constantOf } from '../../main/engine/graph/constants.ts';
import type { Model, Node } from '../../main/engine/graph/model.ts';

/** A model with low-rank adapters, and the names of their weights. */
export interface Adapted {
  readonly model: Model;
  /** `<projection>.down` [in, rank] and `<projection>.up` [rank, out], initializers of the model. */
  readonly weights: readonly string[];
}

/**
 * Puts a low-rank adapter (Hu et al. 2021) on every attention projection of a U-Net: x·W becomes x·W + (x·down)·up. The
 * projections' own weights stay as they are; those of the adapters are small numbers, none of them zero.
 */
export function withAdapters(model: Model, rank: number): Adapted {
  const initializers = new Map(model.graph.initializers);
  const weights: string[] = [];
  const nodes = model.graph.nodes.flatMap((node): Node[] => {
    const [x = '', weight = ''] = node.inputs;
    const [inner = 0, outer = 0] = model.graph.initializers.get(weight)?.dims ?? [];
    if (node.operator !== 'MatMul' || !weight.includes('attention')) return [node];
    const name = weight.replace(/\.weight\.transposed$/, '');
    const [down, up] = [`${name}.down`, `${name}.up`];
    for (const [own, dims] of [
      [down, [inner, rank]],
      [up, [rank, outer]],
    ] as const) {
      const numbers = Array.from({ length: dims[0] * dims[1] }, (_, index) => 0.05 * Math.sin(1.3 * index + dims[0]));
      initializers.set(own, constantOf('float32', dims, numbers));
      weights.push(own);
    }
    const part = (suffix: string): string => `${name}/${suffix}`;
    return [
      { ...node, outputs: [part('base')] },
      product(x, down, part('down')),
      product(part('down'), up, part('up')),
      { ...product(part('base'), part('up'), node.outputs[0] ?? ''), operator: 'Add' },
    ];
  });
  return { model: { ...model, graph: { ...model.graph, initializers, nodes } }, weights };
}

function product(a: string, b: string, output: string): Node {
  return { name: '', operator: 'MatMul', domain: '', inputs: [a, b], outputs: [output], attributes: {} };
}
