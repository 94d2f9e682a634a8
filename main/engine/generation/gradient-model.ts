import { Failure } from '../../contract/failures.ts';
import { differentiate } from '../autodiff/differentiate.ts';
import { encode } from '../graph/encode.ts';
import { freeMemory, loadModelFile } from '../runtime/model-file.ts';
import type { ModelSource } from '../runtime/session.ts';

/** The further input of a gradient graph: what the output is multiplied by. */
export const cotangent = 'cotangent';

/** A gradient graph's session keeps its weights, those of the file they came from, and a layout of its own. */
const weightCopies = 3;

/**
 * A model with the vector–Jacobian product of an output by an input, at float32: it takes `cotangent` besides and gives
 * `grad_<input>` besides. Made once as long as its session is kept.
 *
 * Opening it throws Failure `unsupported` when an operator has no gradient rule or memory is short.
 */
export function gradientModel(path: string, output: string, input: string): ModelSource {
  const make = () => {
    const { model, externalData } = loadModelFile(path);
    const graph = encode(differentiate(model, { output, cotangent, withRespectTo: [input] }));
    const bytes = externalData.reduce((sum, { data }) => sum + data.length, graph.length);
    if (weightCopies * bytes > freeMemory())
      throw new Failure(
        'unsupported',
        `its gradient needs more than ${Math.round((weightCopies * bytes) / 2 ** 20)} MiB`,
      );
    return { kind: 'bytes', name: `gradient of ${path}`, bytes: graph, externalData } as const;
  };
  return { kind: 'derived', name: `gradient of ${output} by ${input}`, path, make };
}
