import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { constantOf } from '../../main/engine/graph/constants.ts';
import { decode } from '../../main/engine/graph/decode.ts';
import { encode } from '../../main/engine/graph/encode.ts';
import { copiedPackage } from './packages.ts';
import { op } from './small-models.ts';

/**
 * The `flow` package whose network also mixes neighbouring latent values, so that its Jacobian is not diagonal and probes
 * differ: by the same amounts for every prompt, because the mixing is linear. With `withoutRule` an operator is on the way
 * that has no gradient rule (and adds nothing). With `repulsion` the velocity grows by so much of the sample, which makes
 * every density too high.
 */
export function mixingPackage(
  options: { readonly withoutRule?: boolean; readonly repulsion?: number } = {},
): { readonly path: string } & Disposable {
  const folder = copiedPackage('flow');
  const file = join(folder.path, 'unet/model.onnx');
  const model = decode(readFileSync(file));
  const { graph } = model;
  const channels = Number(graph.inputs.find(({ name }) => name === 'sample')?.dims?.[1]);
  const kernel = Array.from({ length: channels * 9 }, (_, at) => ((at * 5) % 7) / 7 - 0.4);
  const strange = [op('LRN', ['sample'], 'strange', { size: 3 }), op('Mul', ['strange', 'nothing'], 'nothing_much')];
  const nodes = [
    ...graph.nodes.map((node) => ({
      ...node,
      outputs: node.outputs.map((name) => (name === 'out_sample' ? 'unmixed' : name)),
    })),
    op('Conv', ['sample', 'mixing_kernel'], 'neighbours', { group: channels, pads: [1, 1, 1, 1] }),
    op('Mul', ['neighbours', 'small'], 'mixed'),
    op('Mul', ['sample', 'repulsion'], 'repelled'),
    op('Add', ['mixed', 'repelled'], 'mixture'),
    ...(options.withoutRule === true ? [...strange, op('Add', ['mixture', 'nothing_much'], 'addend')] : []),
    op('Add', ['unmixed', options.withoutRule === true ? 'addend' : 'mixture'], 'out_sample'),
  ];
  const initializers = new Map([
    ...graph.initializers,
    ['mixing_kernel', constantOf('float32', [channels, 1, 3, 3], kernel)],
    ['small', constantOf('float32', [], [0.1])],
    ['repulsion', constantOf('float32', [], [options.repulsion ?? 0])],
    ...(options.withoutRule === true ? [['nothing', constantOf('float32', [], [0])] as const] : []),
  ]);
  writeFileSync(file, encode({ ...model, graph: { ...graph, nodes, initializers } }));
  return folder;
}
