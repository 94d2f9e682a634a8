import { Option } from 'commander';
import type { LikelihoodReport, PromptLikelihood } from '../../contract/likelihood.ts';
import { imageLikelihood } from '../../studio/likelihood.ts';
import { defaultModel } from '../../studio/models.ts';
import { openWorkshop } from '../../studio/workshop.ts';
import { interruptible } from '../interruption.ts';
import { counted, decimalNumber, wholeNumber } from '../numbers.ts';
import { ProgressLine, withTimeLeft } from '../progress.ts';
import type { Register } from './register.ts';
import { likelihoodReport } from './likelihood-report.ts';

interface Options {
  readonly image?: string;
  readonly prompt?: string;
  readonly confounder: readonly string[];
  readonly model?: string;
  readonly solver: 'rk4' | 'dormand-prince';
  readonly steps: number;
  readonly tolerance: number;
  readonly probes: number;
  readonly seed: number;
  readonly method?: 'vector-jacobian' | 'finite-differences';
  readonly json?: boolean;
}

export const likelihood: Register = (program) => {
  const command = program
    .command('likelihood')
    .description('how surprising an image is to the model under its prompt, under none and under confounders')
    // Options after `report` are that command's own.
    .enablePositionalOptions()
    .option('--image <png>', 'the image, of a size that the model makes (required)')
    .option('--prompt <text>', 'its prompt (required)')
    .option('--confounder <text>', 'a prompt it could be confused with; may be repeated', collected, [])
    .option('--model <id|dir>', 'the built-in one when absent')
    .addOption(
      new Option('--solver <name>', 'rk4: steps even in log sigma; dormand-prince: as long as --tolerance allows')
        .choices(['rk4', 'dormand-prince'])
        .default('rk4'),
    )
    .option('--steps <number>', 'of rk4: integration steps, four evaluations each', wholeNumber(1, 1000), 20)
    .option(
      '--tolerance <number>',
      'of dormand-prince: error of one step, absolute and relative',
      decimalNumber(1e-6, 0.1),
      1e-3,
    )
    .option('--probes <number>', 'random directions; with one there is no standard error', wholeNumber(1, 256), 4)
    .option('--seed <number>', 'of the probes', wholeNumber(0), 0)
    .addOption(
      new Option('--method <name>', 'how the divergence is had; exact products where the model allows them').choices([
        'vector-jacobian',
        'finite-differences',
      ]),
    )
    .option('--json', 'one JSON document')
    .action(async (options: Options) => {
      const { image, prompt, confounder, solver, steps, tolerance, probes, seed, json, model, method } = options;
      // Not `requiredOption`: that would ask for them before `report` too.
      if (image === undefined) command.error("error: required option '--image <png>' not specified");
      if (prompt === undefined) command.error("error: required option '--prompt <text>' not specified");
      const idle = solver === 'rk4' ? 'tolerance' : 'steps';
      if (command.getOptionValueSource(idle) === 'cli')
        command.error(`error: option '--${idle} <number>' does not go with '--solver ${solver}'`);
      using workshop = openWorkshop();
      const settings = {
        image,
        prompt,
        seed,
        model: model ?? defaultModel(workshop.folders),
        confounders: confounder,
        solver,
        tolerance,
        stepCount: steps,
        probeCount: probes,
        method: method ?? null,
      };
      const progress = new ProgressLine();
      for await (const event of imageLikelihood(settings, workshop, interruptible()))
        if (event.kind === 'complete') {
          progress.clear();
          process.stdout.write(json === true ? `${JSON.stringify(event.report)}\n` : table(event.report));
        } else progress.update(withTimeLeft(`${event.done} of ${event.all} evaluations`, event.secondsLeft));
    });
  likelihoodReport(command);
};

function collected(value: string, earlier: readonly string[]): readonly string[] {
  return [...earlier, value];
}

function table(report: LikelihoodReport): string {
  const { conditional, unconditional, confounders, differences, notes, model, width, height } = report;
  const rows = [conditional, unconditional, ...confounders];
  return [
    `surprise of ${report.image} to ${model} (${width}x${height}, ${report.dimensions} latent values)`,
    ...rows.map(lineOf),
    'more likely under its prompt than under:',
    ...differences.map(
      ({ than, nats, natsStandardError, bitsPerDimension }) =>
        `  ${named(than)}  ${signed(nats, 3)}${error(natsStandardError, 3)} nats, ${signed(bitsPerDimension, 5)} bits/dimension`,
    ),
    `${report.evaluations} network evaluations: ${counted(report.stepCount, 'step')}${report.tolerance === null ? '' : ` of Dormand–Prince (tolerance ${report.tolerance})`}, ${counted(report.probeCount, 'shared probe')} (seed ${report.seed}), sigma ${report.sigmaMin.toPrecision(3)} to ${report.sigmaMax.toPrecision(3)}, by ${report.method === 'vector-jacobian' ? 'vector–Jacobian products' : 'finite differences'} on ${report.provider.chosen}`,
    ...notes.map((note) => `note: ${note}`),
    report.warning,
    '',
  ].join('\n');
}

function lineOf(row: PromptLikelihood): string {
  const { prompt, nats, natsStandardError, bitsPerDimension, bitsPerDimensionStandardError, textImageScore } = row;
  const words = row.unknownWords.length === 0 ? '' : `  unknown words: ${row.unknownWords.join(', ')}`;
  const alarm = row.aboveBound ? '  above what is possible: an error of the network, or of too few steps' : '';
  const score = textImageScore === null ? '' : `  text-image score ${textImageScore.toFixed(3)}`;
  return `  ${named(prompt)}  ${bitsPerDimension.toFixed(4)}${error(bitsPerDimensionStandardError, 4)} bits/dimension, log p ${nats.toFixed(1)}${error(natsStandardError)} nats${score}${words}${alarm}`;
}

function named(prompt: string): string {
  return prompt.trim() === '' ? '(no prompt)' : `"${prompt}"`;
}

function signed(value: number, digits = 2): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(digits)}`;
}

function error(value: number | null, digits = 2): string {
  return value === null ? '' : ` ± ${value.toFixed(digits)}`;
}
