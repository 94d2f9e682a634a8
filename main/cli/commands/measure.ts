import { Option } from 'commander';
import type { Measure } from '../../contract/measures.ts';
import { measureSets, type MeasureSettings } from '../../studio/measure.ts';
import { openWorkshop } from '../../studio/workshop.ts';
import { interruptible } from '../interruption.ts';
import { decimalNumber, wholeNumber } from '../numbers.ts';
import type { Register } from './register.ts';

type Options = Omit<MeasureSettings, 'encoder' | 'brief'> & {
  readonly encoder?: string;
  readonly brief?: string;
  readonly json?: boolean;
};

const help = `
With --json: { k, convention, generated, reference, measures }. generated and reference have { from, count, width, skipped };
measures has precision, recall, density, coverage, frechetDistance, vendiScore, rke and meanPairwiseDistance, each with
{ name, value, low, high, generatedCount, referenceCount, features, note }. low and high bound a 95 % interval: other
generated sets of this size, references held fixed. What cannot be measured is null, and note says why, or what to mind.`;

export const measure: Register = (program) => {
  program
    .command('measure')
    .description('fidelity and diversity of generated pictures or feature rows against references, with intervals')
    .requiredOption('--generated <dir|npy>', 'folder of pictures, or feature rows')
    .requiredOption(
      '--reference <id|dir|npy>',
      'a model with its own references, a folder of pictures, or feature rows',
    )
    .option('--k <number>', 'neighbour that sets the radii', wholeNumber(1), 5)
    .addOption(
      new Option('--convention <name>', 'what lies inside a ball: distance < radius (prdc) or <= radius (NVIDIA)')
        .choices(['strict', 'less-equal'])
        .default('strict'),
    )
    .option('--vendi-order <q>', 'order of the Vendi score; Infinity is allowed', vendiOrder, 1)
    .option('--encoder <id|dir>', 'whose features are taken of pictures')
    .option('--brief <text>', 'measure against the references that satisfy this brief')
    .option('--seed <number>', 'of the intervals’ resampling', wholeNumber(0), 0)
    .option('--json', 'one JSON document')
    .addHelpText('after', help)
    .action(async ({ json, encoder, brief, ...settings }: Options) => {
      using workshop = openWorkshop();
      const report = await measureSets(
        workshop,
        { ...settings, encoder: encoder ?? null, brief: brief ?? null },
        {
          signal: interruptible(),
          onProgress: (done, all) => process.stderr.write(`encoded ${done} of ${all} pictures\n`),
        },
      );
      for (const { file, reason } of [...report.generated.skipped, ...report.reference.skipped])
        process.stderr.write(`skipped ${file}: ${reason}\n`);
      if (json === true) {
        process.stdout.write(`${JSON.stringify(report)}\n`);
        return;
      }
      const { generated, reference } = report;
      process.stdout.write(
        `${generated.count} generated (${generated.from}), ${reference.count} references (${reference.from})\n`,
      );
      for (const line of Object.values(report.measures).map(lineOf)) process.stdout.write(`${line}\n`);
    });
};

function vendiOrder(text: string): number {
  return text === 'Infinity' ? Infinity : decimalNumber(0)(text);
}

/** One measure for people: name, value, interval, note. */
export function lineOf({ name, value, low, high, note }: Measure): string {
  const shown = value === null ? 'not measured' : value.toPrecision(4);
  const interval = low === null || high === null ? '' : `  [${low.toPrecision(4)}, ${high.toPrecision(4)}]`;
  return `${name.padEnd(22)}${shown}${interval}${note === null ? '' : `  (${note})`}`;
}
