import { densityOfFiles } from '../../studio/density.ts';
import { EngineProcess } from '../../studio/engine-process.ts';
import { interruptible } from '../interruption.ts';
import { positiveNumber, wholeNumber } from '../numbers.ts';
import type { Register } from './register.ts';

interface Options {
  readonly reference: string;
  readonly query: string;
  readonly k: number;
  readonly exponent: number;
  readonly json?: boolean;
}

const help = `
Files: .npy, little-endian float32 or float64 (or float16), two-dimensional, C order, one row a picture. References are
not counted among their own neighbours; queries are compared with all of them.

With --json: { k, exponent, referenceCount, queryCount, width, densities, percentiles, referenceDensities }. densities has
one number a query row, in order, and percentiles its place among the references (0 unusual … 100 typical);
referenceDensities has one a reference row, with mean 1. Without, a density a line.`;

export const density: Register = (program) => {
  program
    .command('density')
    .description('pseudo density of each query row: how typical it is of the references (mean 1 over them)')
    .requiredOption('--reference <npy>', 'feature rows of the references')
    .requiredOption('--query <npy>', 'feature rows to score')
    .option('--k <number>', 'nearest references that count', wholeNumber(1), 20)
    .option('--exponent <number>', 'density = (1 / mean distance) ^ exponent', positiveNumber, 1)
    .option('--json', 'one JSON document: densities, percentiles and what they rest on')
    .addHelpText('after', help)
    .action(async ({ reference, query, k, exponent, json }: Options) => {
      using engine = new EngineProcess();
      const report = await densityOfFiles(engine, { reference, query }, { k, exponent }, interruptible());
      if (json === true) process.stdout.write(`${JSON.stringify(report)}\n`);
      else for (const value of report.densities) process.stdout.write(`${value}\n`);
    });
};
