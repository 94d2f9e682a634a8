import { defaultModel } from '../../studio/models.ts';
import { measureGuidance as measureEffect, type GuidanceReport } from '../../studio/measure-guidance.ts';
import { settingsOfRequest } from '../../studio/settings-of-request.ts';
import { openWorkshop } from '../../studio/workshop.ts';
import { interruptible } from '../interruption.ts';
import { scaleList, wholeNumber } from '../numbers.ts';
import type { Register } from './register.ts';

interface Options {
  readonly prompt: string;
  readonly model?: string;
  readonly scales: readonly number[];
  readonly count: number;
  readonly steps: number;
  readonly seed: number;
  readonly json?: boolean;
}

const help = `
With --json: { prompt, seed, count, stated, steps, knee, unguided }. steps has one entry a scale: guidanceScale, reciprocal
{ mean, logMean, interval, quantile99, effectiveSampleSize, largestShare, count } of 1/P, meanProbability, spread, change
{ mean, interval } of 1/P against the first scale, worse (positions of the seeds whose P fell) and worseShare. knee is the
scale at which the spread has halved; unguided compares mean 1/P at scale 1 with 1/prior { expected, found, consistent }.`;

export const measureGuidance: Register = (program) => {
  program
    .command('measure-guidance')
    .description(
      'what guidance does for a brief: the same seeds at every scale, mean 1/P, spread, the seeds made worse',
    )
    .requiredOption('--prompt <text>', 'the brief; what it states is judged by the model’s own heads')
    .option('--model <id|dir>', 'the built-in one when absent')
    .option('--scales <list>', 'guidance scales, separated by commas', scaleList, [1, 1.5, 2, 3, 5])
    .option('--count <number>', 'seeds', wholeNumber(2, 10_000), 32)
    .option('--steps <number>', 'sampling steps', wholeNumber(1, 1000), 20)
    .option('--seed <number>', 'of the batch', wholeNumber(0), 0)
    .option('--json', 'one JSON document')
    .addHelpText('after', help)
    .action(async ({ prompt, model, scales, count, steps, seed, json }: Options) => {
      using workshop = openWorkshop();
      const settings = settingsOfRequest({
        prompt,
        model: model ?? defaultModel(workshop.folders),
        count,
        stepCount: steps,
        seed,
      });
      for await (const event of measureEffect(settings, scales, workshop, interruptible()))
        if (event.kind === 'scale')
          process.stderr.write(`guidance ${event.guidanceScale}: ${event.done} of ${event.all} scales\n`);
        else process.stdout.write(json === true ? `${JSON.stringify(event.report)}\n` : table(event.report));
    });
};

function table({ steps, knee, stated, count, unguided }: GuidanceReport): string {
  const lines = steps.map(({ guidanceScale, reciprocal, meanProbability, spread, worse }) => {
    const { mean, interval, effectiveSampleSize } = reciprocal;
    const range = interval === null ? '' : ` [${interval.low.toPrecision(3)}, ${interval.high.toPrecision(3)}]`;
    return `${String(guidanceScale).padEnd(6)}mean 1/P ${mean.toPrecision(4)}${range} (rests on ${effectiveSampleSize.toFixed(1)} of ${count})  mean P ${meanProbability.toFixed(3)}  spread ${spread?.toPrecision(3) ?? '–'}  made worse: ${worse.length === 0 ? 'none' : worse.join(' ')}`;
  });
  return [
    `stated: ${stated.join(', ')}; the same ${count} seeds at every scale. An average: it does not hold for each image.`,
    ...lines,
    knee === null
      ? 'The spread did not halve within these scales.'
      : `The spread halves at guidance ${knee.toPrecision(3)}.`,
    ...(unguided === null
      ? []
      : [
          `At scale 1, mean 1/P should be 1/prior = ${unguided.expected.toPrecision(3)}; ${unguided.consistent ? 'it is, within the interval' : 'it is not: read the averages with care'}.`,
        ]),
    '',
  ].join('\n');
}
