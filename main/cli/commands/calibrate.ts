import { InvalidArgumentError } from 'commander';
import type { Calibration } from '../../studio/calibration.ts';
import { describeGuidance } from '../../studio/calibration-guidance.ts';
import { writePresets } from '../../studio/calibration-presets.ts';
import { calibrate as calibrateDial, type CalibrationSettings } from '../../studio/calibrate.ts';
import { openWorkshop } from '../../studio/workshop.ts';
import { interruptible } from '../interruption.ts';
import { decimalNumber, scaleList, wholeNumber } from '../numbers.ts';
import { clockTime } from '../progress.ts';
import type { Register } from './register.ts';

type Options = Omit<CalibrationSettings, 'reference' | 'briefs' | 'minutes' | 'planOnly' | 'command'> & {
  readonly reference?: string;
  readonly briefs?: string;
  readonly minutes?: number;
  readonly plan?: boolean;
  readonly presets?: string;
  readonly json?: boolean;
};

const help = `
Every brief gets as many candidates at every guidance as are kept (rounded up to whole batches); the guidances at
the path's two ends then get up to --pool, for the reweighting to choose from. A stop is measured on
brief-count × kept images: 24 × 42 = 1008. What is made is remembered: after Ctrl-C, or with other options, the
same candidates are not made again. --plan says beforehand how many images and minutes it takes; --minutes
begins nothing that would not be done in time and calibrates on what is there.

Precision and recall at every stop, guidance alone for comparison, and whether it beats the path anywhere are in
calibration.json and calibration.svg, beside the model.`;

export const calibrate: Register = (program) => {
  program
    .command('calibrate')
    .description('measure the dial’s path of a model and write it beside the model; goes on where it was cut off')
    .requiredOption('--model <id|dir>', 'the model')
    .option('--reference <dir|npy>', 'references instead of the model’s own')
    .option('--briefs <file>', 'a brief a line; chosen from the references when absent')
    .option('--brief-count <number>', 'how many briefs', wholeNumber(2, 1000), 24)
    .option('--kept <number>', 'images kept a brief for each measurement', wholeNumber(4, 512), 42)
    .option('--pool <number>', 'candidates a brief at the two ends’ guidances', wholeNumber(4, 512), 96)
    .option('--scales <list>', 'guidance scales, separated by commas', scaleList, [1, 1.5, 2, 3, 4.5, 6])
    .option('--interval-scales <list>', 'scales that guide within --interval only, or none', scalesOrNone, [3, 6])
    .option('--interval <low,high>', 'noise levels (sigma) of --interval-scales', interval, { low: 0.28, high: 5.4 })
    .option('--steps <number>', 'sampling steps', wholeNumber(1, 1000), 20)
    .option('--seed <number>', 'of the candidates', wholeNumber(0), 0)
    .option('--batch-size <number>', 'images a model call', wholeNumber(1, 64), 8)
    .option('--minutes <number>', 'time for making candidates', decimalNumber(0))
    .option('--plan', 'only say how many images and minutes it takes')
    .option('--presets <folder>', 'also write three presets with the figures of their stops')
    .option('--json', 'the calibration as one JSON document')
    .addHelpText('after', help)
    .action(async ({ reference, briefs, minutes, plan, presets, json, ...settings }: Options) => {
      using workshop = openWorkshop();
      const asked = {
        ...settings,
        reference: reference ?? null,
        briefs: briefs ?? null,
        minutes: minutes ?? null,
        planOnly: plan === true,
        command: commandOf(settings, reference, briefs),
      };
      for await (const event of calibrateDial(asked, workshop, interruptible()))
        switch (event.kind) {
          case 'plan': {
            const { images, remembered, seconds } = event;
            const time = seconds === null ? 'nothing' : `about ${Math.ceil(seconds / 60)} minutes`;
            tell(`${images} images to make (${time}), ${remembered} remembered`);
            if (plan === true && json === true)
              process.stdout.write(`${JSON.stringify({ images, remembered, seconds })}\n`);
            break;
          }
          case 'pool': {
            const { done, all, brief, guidance, secondsLeft } = event;
            tell(`${done} of ${all}: ${brief}, ${describeGuidance(guidance)}, ${clockTime(secondsLeft)} left`);
            break;
          }
          case 'out-of-time':
            tell(`the time is up at ${describeGuidance(event.missing)}; measuring what is there`);
            break;
          case 'measuring':
            tell(`measuring ${event.settings} settings`);
            break;
          case 'stop': {
            const { stop } = event;
            const figures = stop.measures.map(({ name, value }) => `${name} ${value?.toPrecision(3) ?? '–'}`);
            tell(
              `dial ${stop.dial}: ${describeGuidance(stop)}, weight ${stop.densityWeight.toPrecision(3)} at ${stop.densityThreshold.toFixed(2)} %: ${figures.join(', ')}, acceptance ${stop.acceptance?.toFixed(2) ?? '–'}`,
            );
            break;
          }
          case 'complete': {
            const { calibration, file, plot } = event;
            tellVerdict(calibration);
            const written = presets === undefined ? [] : await writePresets(presets, calibration);
            if (json === true) process.stdout.write(`${JSON.stringify(calibration)}\n`);
            else process.stdout.write(`${[file, plot, ...written].join('\n')}\n`);
            break;
          }
        }
    });
};

function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}

function tellVerdict({ verdict: { precisionApart, recallApart, backwards, dominated } }: Calibration): void {
  tell(`ends ${precisionApart.toFixed(3)} apart in precision, ${recallApart.toFixed(3)} in recall`);
  for (const step of backwards) tell(`goes backwards: ${step}`);
  for (const stop of dominated) tell(`beaten by guidance alone: dial ${stop}`);
}

function commandOf(settings: Omit<Options, 'reference' | 'briefs'>, reference?: string, briefs?: string): string {
  const { model, briefCount, kept, pool, scales, intervalScales, interval: within, steps, seed, batchSize } = settings;
  return [
    `gamut calibrate --model ${model}`,
    ...(reference === undefined ? [] : [`--reference ${reference}`]),
    ...(briefs === undefined ? [] : [`--briefs ${briefs}`]),
    `--brief-count ${briefCount} --kept ${kept} --pool ${pool} --scales ${scales.join(',')}`,
    intervalScales.length === 0 || within === null
      ? '--interval-scales none'
      : `--interval-scales ${intervalScales.join(',')} --interval ${within.low},${within.high}`,
    `--steps ${steps} --seed ${seed} --batch-size ${batchSize}`,
  ].join(' ');
}

function scalesOrNone(text: string): number[] {
  return text === 'none' ? [] : scaleList(text);
}

function interval(text: string): { low: number; high: number } {
  const [low, high, ...rest] = text.split(',').map(decimalNumber(0));
  if (low === undefined || high === undefined || rest.length > 0)
    throw new InvalidArgumentError(`Expected LOW,HIGH in sigma, got "${text}".`);
  return { low, high };
}
