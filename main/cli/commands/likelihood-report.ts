import { captionTest, type CaptionTestReport } from '../../studio/likelihood-report.ts';
import { defaultModel } from '../../studio/models.ts';
import { openWorkshop } from '../../studio/workshop.ts';
import { interruptible } from '../interruption.ts';
import { counted, wholeNumber } from '../numbers.ts';
import { ProgressLine, withTimeLeft } from '../progress.ts';
import type { Register } from './register.ts';

interface Options {
  readonly images: string;
  readonly model?: string;
  readonly count?: number;
  readonly confounders: number;
  readonly vary?: string;
  readonly steps: number;
  readonly probes: number;
  readonly seed: number;
  readonly json?: boolean;
}

/** `gamut likelihood report`: does the likelihood pick the right caption, does the text-image score? */
export const likelihoodReport: Register = (program) => {
  program
    .command('report')
    .description(
      'does the likelihood pick each picture’s own caption among confounders, and does the text-image score?',
    )
    .requiredOption('--images <dir|reference>', 'pictures with captions: a folder, or those that the model ships')
    .option('--model <id|dir>', 'the built-in one when absent')
    .option(
      '--count <number>',
      'pictures, the first by name (200, or all where there are fewer)',
      wholeNumber(1, 100_000),
    )
    .option('--confounders <number>', 'for each picture', wholeNumber(1, 64), 3)
    .option('--vary <head>', 'exchange this attribute in the caption (color, category, …); else other captions')
    .option('--steps <number>', 'integration steps, four evaluations each', wholeNumber(1, 1000), 10)
    .option('--probes <number>', 'random directions', wholeNumber(1, 256), 1)
    .option('--seed <number>', 'of the probes and the choice of confounders', wholeNumber(0), 0)
    .option('--json', 'one JSON document, every picture’s figures in it')
    .action(async ({ images, model, count, confounders, vary, steps, probes, seed, json }: Options) => {
      using workshop = openWorkshop();
      const settings = {
        images,
        model: model ?? defaultModel(workshop.folders),
        count: count ?? null,
        confounderCount: confounders,
        vary: vary ?? null,
        stepCount: steps,
        probeCount: probes,
        seed,
      };
      const progress = new ProgressLine();
      for await (const event of captionTest(settings, workshop, interruptible()))
        if (event.kind === 'complete') {
          progress.clear();
          process.stdout.write(json === true ? `${JSON.stringify(event.report)}\n` : table(event.report));
        } else progress.line(withTimeLeft(`${event.done} of ${event.all} pictures`, event.secondsLeft));
    });
};

function table(report: CaptionTestReport): string {
  const { likelihood, textImageScore, imageCount, captionCount, chance, vary, exchangedCount } = report;
  const rest =
    vary === null || exchangedCount === imageCount
      ? ''
      : ` (in ${exchangedCount} of ${imageCount}; the rest does not state it, and has captions of other pictures)`;
  const what = vary === null ? 'captions of other pictures' : `the caption with another ${vary}${rest}`;
  return [
    `${counted(imageCount, 'picture')} (${report.images}), each with its own caption and ${counted(captionCount - 1, 'other')}: ${what}; guessing: ${percent(chance)}`,
    `surprise (log p)   ${rankingLine(likelihood)}, margin ${likelihood.meanMargin.toFixed(2)} nats`,
    textImageScore === null
      ? 'text-image score   not measured: the model has no encoder pair'
      : `text-image score   ${rankingLine(textImageScore)}, margin ${textImageScore.meanMargin.toFixed(3)}`,
    `${report.evaluations} network evaluations: ${counted(report.stepCount, 'step')}, ${counted(report.probeCount, 'shared probe')} (seed ${report.seed}), by ${report.method === 'vector-jacobian' ? 'vector–Jacobian products' : 'finite differences'}`,
    ...report.notes.map((note) => `note: ${note}`),
    report.warning,
    '',
  ].join('\n');
}

function rankingLine({
  accuracy,
  accuracyInterval: [low, high],
  meanReciprocalRank,
}: CaptionTestReport['likelihood']): string {
  return `right ${percent(accuracy)} [${percent(low)}, ${percent(high)}], mean reciprocal rank ${meanReciprocalRank.toFixed(3)}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
