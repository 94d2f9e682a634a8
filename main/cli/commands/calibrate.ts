import { calibrate as calibrateDial, type CalibrationSettings } from '../../studio/calibrate.ts';
import { openWorkshop } from '../../studio/workshop.ts';
import { interruptible } from '../interruption.ts';
import { scaleList, wholeNumber } from '../numbers.ts';
import { clockTime } from '../progress.ts';
import type { Register } from './index.ts';

type Options = Omit<CalibrationSettings, 'reference' | 'briefs' | 'command'> & {
  readonly reference?: string;
  readonly briefs?: string;
  readonly json?: boolean;
};

export const calibrate: Register = (program) => {
  program
    .command('calibrate')
    .description('measure the dial’s path of a model and write it beside the model; goes on where it was cut off')
    .requiredOption('--model <id|dir>', 'the model')
    .option('--reference <dir|npy>', 'references instead of the model’s own')
    .option('--briefs <file>', 'a brief a line; chosen from the references when absent')
    .option('--brief-count <number>', 'how many briefs', wholeNumber(2, 1000), 24)
    .option('--pool <number>', 'candidates a brief and guidance scale', wholeNumber(4, 10_000), 128)
    .option('--kept <number>', 'images kept a brief for each measurement', wholeNumber(4, 10_000), 42)
    .option('--scales <list>', 'guidance scales, separated by commas', scaleList, [1, 1.5, 2, 3, 4.5, 6])
    .option('--steps <number>', 'sampling steps', wholeNumber(1, 1000), 20)
    .option('--seed <number>', 'of the candidates', wholeNumber(0), 0)
    .option('--batch-size <number>', 'images a model call', wholeNumber(1, 64), 16)
    .option('--json', 'the calibration as one JSON document')
    .action(async ({ reference, briefs, json, ...settings }: Options) => {
      using workshop = openWorkshop();
      const { model, briefCount, pool, kept, scales, steps, seed } = settings;
      const command = [
        `gamut calibrate --model ${model}`,
        ...(reference === undefined ? [] : [`--reference ${reference}`]),
        ...(briefs === undefined ? [] : [`--briefs ${briefs}`]),
        `--brief-count ${briefCount} --pool ${pool} --kept ${kept} --scales ${scales.join(',')} --steps ${steps} --seed ${seed}`,
      ].join(' ');
      const asked = { ...settings, reference: reference ?? null, briefs: briefs ?? null, command };
      for await (const event of calibrateDial(asked, workshop, interruptible()))
        switch (event.kind) {
          case 'pool':
            process.stderr.write(
              `${event.done} of ${event.all}: ${event.brief}, guidance ${event.guidanceScale}, ${clockTime(event.secondsLeft)} left\n`,
            );
            break;
          case 'measuring':
            process.stderr.write(`measured ${event.done} of ${event.all} settings\n`);
            break;
          case 'stop': {
            const { stop } = event;
            const figures = stop.measures
              .map(({ name, value }) => `${name} ${value?.toPrecision(3) ?? '–'}`)
              .join(', ');
            process.stderr.write(
              `dial ${stop.dial}: guidance ${stop.guidanceScale}, weight ${stop.densityWeight.toPrecision(3)} at ${stop.densityThreshold} %: ${figures}, acceptance ${stop.acceptance?.toFixed(2) ?? '–'}\n`,
            );
            break;
          }
          case 'complete':
            if (json === true) process.stdout.write(`${JSON.stringify(event.calibration)}\n`);
            else process.stdout.write(`${event.file}\n${event.plot}\n`);
            break;
        }
    });
};
