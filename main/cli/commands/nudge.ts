import { randomInt } from 'node:crypto';
import { Argument, Option } from 'commander';
import { Failure } from '../../contract/failures.ts';
import type { ImageRecord } from '../../contract/images.ts';
import { defaultNudge, type NudgeReport } from '../../contract/nudge.ts';
import { samplerNames, type GenerationRequest, type GenerationSettings } from '../../contract/settings.ts';
import { defaultModel } from '../../studio/models.ts';
import { nudgeOne, nudgeReport, type NudgeRunEvent } from '../../studio/nudge.ts';
import { differencesFrom, recordInFile } from '../../studio/repeat.ts';
import { differenceNote } from '../../studio/picture-difference.ts';
import { settingsForModel } from '../../studio/settings-of-request.ts';
import { openWorkshop, readPictureFile, type Workshop } from '../../studio/workshop.ts';
import { nudgedFolder } from '../../studio/write-nudged.ts';
import { interruptible } from '../interruption.ts';
import { counted, decimalNumber, nonEmptyPath, wholeNumber } from '../numbers.ts';
import { ProgressLine, withTimeLeft } from '../progress.ts';
import type { Register } from './register.ts';

interface Options {
  readonly from?: string;
  readonly prompt?: string;
  readonly negative?: string;
  readonly seed?: number;
  readonly index?: number;
  readonly samplingSteps?: number;
  readonly sampler?: GenerationRequest['sampler'];
  readonly guidanceScale?: number;
  readonly model?: string;
  readonly budget?: number;
  readonly steps?: number;
  readonly slope?: 'neighbours' | 'predictor';
  readonly provider?: string;
  readonly out: string;
  readonly json?: boolean;
}

type Direction = 'typical' | 'unusual';

export const nudge: Register = (program) => {
  program
    .command('nudge')
    .description('make one image again from noise a little aside, towards typical or unusual: before and after as PNGs')
    .addArgument(new Argument('[direction]', "which way; the file's own when absent").choices(['typical', 'unusual']))
    .option('--from <png>', 'the image, made by Gamut; other options change its settings')
    .option('--prompt <text>', 'or what to make')
    .option('--negative <text>', 'what to move away from')
    .option('--seed <number>', 'decides the noise; a random one when absent', wholeNumber(0))
    .option('--index <number>', "the image's place in the batch of this seed", wholeNumber(0))
    .option(
      '--sampling-steps <number>',
      'steps from noise to image; what the model recommends, else 20, when absent',
      wholeNumber(1, 1000),
    )
    .addOption(new Option('--sampler <name>', "the model's own when absent").choices([...samplerNames]))
    .option(
      '--guidance-scale <number>',
      '1 means none; what the model recommends, else 3, when absent',
      decimalNumber(0, 100),
    )
    .option('--model <id|dir>', 'the built-in one when absent')
    .option(
      '--budget <number>',
      `farthest that any value of the noise may move, in its deviations (${defaultNudge.budget})`,
      decimalNumber(1e-6, 4),
    )
    .option('--steps <number>', `gradient steps within the budget (${defaultNudge.stepCount})`, wholeNumber(1, 200))
    .addOption(
      new Option(
        '--slope <name>',
        'whose slope: distances to the nearest references, or a network that learned densities',
      ).choices(['neighbours', 'predictor']),
    )
    .option('--provider <name>', 'execution provider: dml, cuda, coreml, webgpu or cpu')
    .requiredOption('--out <dir>', 'folder for the two images', nonEmptyPath)
    .option('--json', 'one JSON document on standard output')
    .action(run);
};

async function run(direction: Direction | undefined, options: Options): Promise<void> {
  using workshop = openWorkshop({ provider: options.provider ?? null });
  const origin = options.from === undefined ? null : await recordInFile(options.from);
  const settings = settingsOf(direction, options, origin, workshop.folders);
  const progress = new ProgressLine();
  // Before the work: a folder that cannot be written to is not found out after minutes.
  const folder = await nudgedFolder(options.out);
  let nudged: Extract<NudgeRunEvent, { kind: 'nudged' }> | undefined;
  const index = options.index ?? (options.seed === undefined ? (origin?.index ?? 0) : 0);
  for await (const event of nudgeOne(settings, index, workshop, { signal: interruptible() }))
    switch (event.kind) {
      case 'started':
        progress.line(
          `${event.sampler}, ${counted(settings.stepCount, 'step')}, on ${event.provider.chosen}; seed ${settings.seed}`,
        );
        for (const note of event.notes) progress.line(note);
        break;
      case 'progress':
        progress.update(withTimeLeft(`nudge ${event.done} of ${event.all}`, event.secondsLeft));
        break;
      case 'nudged':
        nudged = event;
        break;
    }
  progress.clear();
  if (nudged === undefined) throw new Failure('engine-gone', 'The nudge ended without an answer.');
  const notes = origin === null ? [] : differencesFrom(origin, nudged.after.record);
  // Only where nothing was changed is the file's picture the one before.
  if (options.from !== undefined && origin !== null && isUnchanged(origin, nudged.before.record)) {
    const note = differenceNote(await readPictureFile(options.from), nudged.before.picture);
    if (note !== null) notes.push(note);
  }
  for (const note of notes) progress.line(note);
  const files = await folder.write(nudged);
  const report = nudgeReport(nudged);
  const picture = (file: string, { record }: { record: ImageRecord }) => ({
    file,
    ...record.scores,
  });
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify({
          ...report,
          prompt: settings.prompt,
          seed: settings.seed,
          index,
          model: settings.model,
          provider: nudged.after.record.provider,
          before: picture(files.before, nudged.before),
          after: picture(files.after, nudged.after),
        })}\n`
      : table(report, files.before, files.after),
  );
}

/** Whether both records ask for the same pixels; a dial or weight only chose among images. */
function isUnchanged(origin: ImageRecord, before: ImageRecord): boolean {
  const asked = ({ settings, index }: ImageRecord): string => {
    const {
      count: _count,
      batchSize: _size,
      dial: _dial,
      densityWeight: _weight,
      densityThreshold: _threshold,
      attemptLimit: _limit,
      ...pixels
    } = settings;
    return JSON.stringify({ ...pixels, index });
  };
  return asked(origin) === asked(before);
}

function settingsOf(
  direction: Direction | undefined,
  options: Options,
  origin: ImageRecord | null,
  folders: Workshop['folders'],
): GenerationSettings {
  if (origin === null && options.prompt === undefined)
    throw new Failure('bad-input', 'from: expected --from PNG (or --prompt TEXT), got neither', 'from');
  const earlier = origin?.settings.nudge ?? null;
  const towards = direction ?? earlier?.direction;
  if (towards === undefined)
    throw new Failure('bad-input', 'direction: expected typical or unusual, got none', 'direction');
  const request: GenerationRequest = {
    ...(origin === null
      ? { model: options.model ?? defaultModel(folders), prompt: '', seed: randomInt(2 ** 32) }
      : { ...origin.settings, dial: null, densityWeight: 1 }),
    ...(options.prompt !== undefined && { prompt: options.prompt }),
    ...(options.negative !== undefined && { negativePrompt: options.negative }),
    ...(options.seed !== undefined && { seed: options.seed }),
    ...(options.samplingSteps !== undefined && { stepCount: options.samplingSteps }),
    ...(options.sampler !== undefined && { sampler: options.sampler }),
    ...(options.guidanceScale !== undefined && { guidanceScale: options.guidanceScale }),
    ...(options.model !== undefined && { model: options.model }),
    count: 1,
    nudge: {
      direction: towards,
      budget: options.budget ?? earlier?.budget ?? defaultNudge.budget,
      stepCount: options.steps ?? earlier?.stepCount ?? defaultNudge.stepCount,
      slope: options.slope ?? earlier?.slope ?? defaultNudge.slope,
    },
  };
  return settingsForModel(request, folders);
}

function table(
  { before, after, settings, references, largestChange, warning, notes, moved }: NudgeReport,
  ...files: readonly string[]
): string {
  const line = (
    name: string,
    { densityPercentile, pseudoDensity }: NudgeReport['before'],
    file: string | undefined,
  ): string =>
    `  ${name}  percentile ${(densityPercentile ?? NaN).toFixed(1)}, pseudo density ${(pseudoDensity ?? NaN).toPrecision(4)}  ${file ?? ''}`;
  return [
    `towards ${settings.direction}, among ${references}`,
    line('before', before, files[0]),
    line('after ', after, files[1]),
    ...(moved ? [] : ['  no step within the budget moved the density the way that was asked']),
    `largest change of the noise ${largestChange} of ${settings.budget}, ${counted(settings.stepCount, 'step')}`,
    ...notes.map((note) => `note: ${note}`),
    warning,
    '',
  ].join('\n');
}
