import { differentiateFile } from '../../studio/differentiate.ts';
import { nonEmptyPath } from '../numbers.ts';
import type { Register } from './register.ts';

interface Options {
  readonly output: string;
  readonly cotangent?: string;
  readonly wrt: readonly string[];
  readonly out: string;
  readonly json?: boolean;
}

export const differentiate: Register = (program) => {
  program
    .command('differentiate')
    .description('the gradient of an ONNX model as an ONNX model: outputs NAME and grad_<wrt> for each name')
    .argument('<model>', 'the ONNX file')
    .requiredOption('--output <name>', 'the output to differentiate: a scalar, unless a cotangent is named')
    .option('--cotangent <input>', 'name of a new input of the output’s shape: the vector–Jacobian product')
    .requiredOption('--wrt <names>', 'inputs or initializers, separated by commas; initializers become inputs', names)
    .requiredOption('--out <file>', 'where the gradient graph goes', nonEmptyPath)
    .option('--json', 'one JSON document: the files, their inputs and outputs, the number of nodes')
    .action((model: string, { output, cotangent, wrt, out, json }: Options) => {
      const report = differentiateFile({
        model,
        output,
        withRespectTo: wrt,
        out,
        ...(cotangent === undefined ? {} : { cotangent }),
      });
      if (json === true) process.stdout.write(`${JSON.stringify(report)}\n`);
      else
        process.stdout.write(
          `${report.path}: ${report.nodes.before} nodes in, ${report.nodes.after} out; inputs ${report.inputs.join(', ')}; outputs ${report.outputs.join(', ')}\n`,
        );
    });
};

/** Names between commas; a name of its own may be given again with another --wrt. */
function names(text: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, ...text.split(',').map((name) => name.trim())];
}
