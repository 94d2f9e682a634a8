import { select as selectPictures, type SelectSettings } from '../../studio/select.ts';
import { openWorkshop } from '../../studio/workshop.ts';
import { interruptible } from '../interruption.ts';
import { decimalNumber, nonEmptyPath, wholeNumber } from '../numbers.ts';
import type { Register } from './register.ts';

type Options = Omit<SelectSettings, 'encoder' | 'brief' | 'out'> & {
  readonly encoder?: string;
  readonly brief?: string;
  readonly out?: string;
  readonly json?: boolean;
};

const help = `
Pictures are nearly the same where their features are as near as --duplicate-share says, or where they look alike when
shrunk: a copy in another format or size. One of each such group can be chosen, the most typical.

With --json: { chosen, ranking, nearDuplicates, skipped, value, bound, k } and the options. chosen and ranking (all
candidates, most typical first) list { item, density, percentile }, item being a file's name or a row; nearDuplicates lists
groups of items; skipped lists { file, reason }; value is what the choice is worth and bound what none can exceed.`;

export const select: Register = (program) => {
  program
    .command('select')
    .description('choose pictures of a folder, typical or different, without near-duplicates')
    .requiredOption('--from <dir|npy>', 'folder of PNG, JPEG or WebP pictures, or feature rows')
    .requiredOption('--reference <id|dir|npy>', 'what is typical: a model’s references, a folder, or feature rows')
    .requiredOption('--count <number>', 'how many to choose', wholeNumber(1))
    .option('--dial <number>', '-1 the most typical … 1 the most different', decimalNumber(-1, 1), 0)
    .option('--encoder <id|dir>', 'whose features are taken of pictures')
    .option('--brief <text>', 'typical of the references that satisfy this brief')
    .option(
      '--duplicate-share <number>',
      'nearer than this share of the references’ usual nearest distance is the same; 0: equal features only',
      decimalNumber(0, 1),
      0.3,
    )
    .option('--out <dir>', 'copy the chosen pictures here, with a contact sheet', nonEmptyPath)
    .option('--json', 'one JSON document: chosen, ranking, near-duplicates')
    .addHelpText('after', help)
    .action(async ({ json, encoder, brief, out, ...settings }: Options) => {
      using workshop = openWorkshop();
      const selection = await selectPictures(
        workshop,
        { ...settings, encoder: encoder ?? null, brief: brief ?? null, out: out ?? null },
        {
          signal: interruptible(),
          onProgress: (done, all) => process.stderr.write(`encoded ${done} of ${all} pictures\n`),
        },
      );
      for (const { file, reason } of selection.skipped) process.stderr.write(`skipped ${file}: ${reason}\n`);
      if (json === true) {
        process.stdout.write(`${JSON.stringify({ ...settings, ...selection })}\n`);
        return;
      }
      for (const group of selection.nearDuplicates) process.stderr.write(`nearly the same: ${group.join(', ')}\n`);
      for (const { item, percentile } of selection.chosen) process.stdout.write(`${item}\t${percentile.toFixed(1)}\n`);
    });
};
