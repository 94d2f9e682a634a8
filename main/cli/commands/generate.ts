import { randomInt, randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
import { Failure } from '../../contract/failures.ts';
import type { FailureRecord } from '../../contract/failures.ts';
import type { ImageRecord, ProviderReport } from '../../contract/images.ts';
import { samplerNames, sigmaSpacings } from '../../contract/settings.ts';
import type { GenerationRequest } from '../../contract/settings.ts';
import { generateBatch } from '../../studio/generate-batch.ts';
import { defaultModel } from '../../studio/models.ts';
import { differencesFrom, recordInFile } from '../../studio/repeat.ts';
import { settingsForModel } from '../../studio/settings-of-request.ts';
import { openWorkshop } from '../../studio/workshop.ts';
import { writeBatch } from '../../studio/write-batch.ts';
import type { WriteEvent } from '../../studio/write-batch.ts';
import { interruptible } from '../interruption.ts';
import { decimalNumber, nonEmptyPath, positiveNumber, wholeNumber } from '../numbers.ts';
import { clockTime, ProgressLine } from '../progress.ts';
import type { Register } from './register.ts';
import { lineOf } from './measure.ts';

/** Options as commander parsed them: absent means not given, so that `--from` keeps what the image says. */
interface Options {
  readonly prompt?: string;
  readonly negative?: string;
  readonly count?: number;
  readonly seed?: number;
  readonly steps?: number;
  readonly sampler?: GenerationRequest['sampler'];
  readonly sigmaSpacing?: GenerationRequest['sigmaSpacing'];
  readonly eta?: number;
  readonly guidanceScale?: number;
  readonly guidanceInterval?: { readonly low: number; readonly high: number };
  readonly guidanceRescale?: number;
  readonly guidingModel?: string;
  readonly dial?: number;
  readonly densityWeight?: number;
  readonly densityThreshold?: number;
  readonly size?: { readonly width: number; readonly height: number };
  readonly model?: string;
  readonly adapter?: readonly string[];
  readonly image?: string;
  readonly strength?: number;
  readonly from?: string;
  readonly pruneRisk?: number;
  readonly batchSize?: number;
  readonly randomStream?: GenerationRequest['randomStream'];
  readonly provider?: string;
  readonly out: string;
  readonly json?: boolean;
}

export const generate: Register = (program) => {
  program
    .command('generate')
    .description('make a batch of images from a prompt: PNGs with their settings inside, manifests, a contact sheet')
    .option('--prompt <text>', 'what to make')
    .option('--negative <text>', 'what to move away from')
    .option('--count <number>', 'images wanted', wholeNumber(1, 10_000))
    .option('--seed <number>', 'decides the noise; a random one when absent', wholeNumber(0))
    .option('--steps <number>', 'sampling steps; what the model recommends, else 20, when absent', wholeNumber(1, 1000))
    .addOption(new Option('--sampler <name>', "the model's own when absent").choices(samplerNames))
    .addOption(new Option('--sigma-spacing <name>', 'how noise levels are spaced').choices(sigmaSpacings))
    .option(
      '--eta <number>',
      'stochasticity of DDIM and ancestral samplers (0: the sampler’s own)',
      decimalNumber(0, 1),
    )
    .option(
      '--guidance-scale <number>',
      '1 means none; what the model recommends, else 3, when absent',
      decimalNumber(0, 100),
    )
    .option('--guidance-interval <low,high>', 'noise levels (sigma) between which guidance acts', interval)
    .option('--guidance-rescale <number>', 'share of the rescaled estimate', decimalNumber(0, 1))
    .option('--guiding-model <id|dir>', 'a weaker model that guides in place of the unconditional pass')
    .option('--dial <number>', '-1 fidelity … 1 diversity', decimalNumber(-1, 1))
    .option('--density-weight <number>', 'weight of typical candidates; 1 means none', positiveNumber)
    .option(
      '--density-threshold <percent>',
      'percentile of the references that counts as typical',
      decimalNumber(0, 100),
    )
    .option('--size <WxH>', "pixels; the model's own when absent", sizeOf)
    .option('--model <id|dir>', 'the built-in one when absent')
    .option('--adapter <file...>', 'adapter files made by `gamut tune`')
    .option('--image <file>', 'start from this picture')
    .option('--strength <number>', 'how far to leave it: 0 not at all, 1 wholly', decimalNumber(0, 1))
    .option('--from <png>', 'take the settings of an image made by Gamut; other options change them')
    .option(
      '--prune-risk <number>',
      'give candidates up halfway when their chance to be kept is at most this, 0.02 say; pays where few are kept',
      decimalNumber(1e-6, 0.5),
    )
    .option('--batch-size <number>', 'images a model call', wholeNumber(1, 64))
    .addOption(new Option('--random-stream <name>', 'which noise').choices(['philox', 'torch-cpu']))
    .option('--provider <name>', 'execution provider: dml, cuda, coreml, webgpu or cpu')
    .requiredOption('--out <dir>', 'folder for the images', nonEmptyPath)
    .option('--json', 'one JSON document on standard output')
    .action(run);
};

async function run(options: Options): Promise<void> {
  using workshop = openWorkshop({ provider: options.provider ?? null });
  const origin = options.from === undefined ? null : await recordInFile(options.from);
  const request = requestOf(options, origin, () => defaultModel(workshop.folders));
  const settings = settingsForModel(request, workshop.folders);
  // A plain repeat makes the one image; a count or a seed asks for a batch of its own.
  const repeatsOne = origin !== null && options.count === undefined && options.seed === undefined;
  const indices = repeatsOne ? { indices: [origin.index] } : {};
  const batch = randomUUID();
  const events = generateBatch(settings, workshop, {
    signal: interruptible(),
    batch,
    ...indices,
    ...(options.pruneRisk !== undefined && { pruneRisk: options.pruneRisk }),
  });
  const report = new Report(repeatsOne ? 1 : settings.count, settings.seed);
  for await (const event of writeBatch(events, options.out, { batch })) {
    if (event.kind === 'image' && repeatsOne)
      for (const note of differencesFrom(origin, event.record)) report.note(note);
    report.hear(event);
  }
  report.close(options.json === true, batch, options.out);
}

function requestOf(options: Options, origin: ImageRecord | null, model: () => string): GenerationRequest {
  if (options.prompt === undefined && origin === null)
    throw new Failure('bad-input', 'prompt: expected --prompt TEXT (or --from PNG), got neither', 'prompt');
  if (options.strength !== undefined && options.image === undefined && origin?.settings.image == null)
    throw new Failure('bad-input', 'strength: expected --image PNG with --strength, got none', 'strength');
  const given: Partial<GenerationRequest> = {
    ...(options.prompt !== undefined && { prompt: options.prompt }),
    ...(options.negative !== undefined && { negativePrompt: options.negative }),
    ...(options.count !== undefined && { count: options.count }),
    ...(options.seed !== undefined && { seed: options.seed }),
    ...(options.steps !== undefined && { stepCount: options.steps }),
    ...(options.sampler !== undefined && { sampler: options.sampler }),
    ...(options.sigmaSpacing !== undefined && { sigmaSpacing: options.sigmaSpacing }),
    ...(options.eta !== undefined && { eta: options.eta }),
    ...(options.guidanceScale !== undefined && { guidanceScale: options.guidanceScale }),
    ...(options.guidanceInterval !== undefined && { guidanceInterval: options.guidanceInterval }),
    ...(options.guidanceRescale !== undefined && { guidanceRescale: options.guidanceRescale }),
    ...(options.guidingModel !== undefined && { guidingModel: options.guidingModel }),
    ...(options.dial !== undefined && { dial: options.dial }),
    ...(options.densityWeight !== undefined && { densityWeight: options.densityWeight }),
    ...(options.densityThreshold !== undefined && { densityThreshold: options.densityThreshold }),
    ...(options.size !== undefined && options.size),
    ...(options.model !== undefined && { model: options.model }),
    ...(options.adapter !== undefined && {
      adapters: options.adapter.map((file) => ({ file, strength: 1 })),
    }),
    ...(options.image !== undefined && {
      image: { source: resolve(options.image), strength: options.strength ?? 0.6 },
    }),
    ...(options.batchSize !== undefined && { batchSize: options.batchSize }),
    ...(options.randomStream !== undefined && { randomStream: options.randomStream }),
  };
  if (origin !== null) {
    // The record holds the knobs as they acted; a dial or reweighting of its batch was spent in choosing this image.
    const { image } = origin.settings;
    const restrengthened =
      image !== null && options.image === undefined && options.strength !== undefined
        ? { image: { ...image, strength: options.strength } }
        : {};
    return { ...origin.settings, count: 1, dial: null, densityWeight: 1, ...restrengthened, ...given };
  }
  // Below 2^48, the most that `randomInt` draws from.
  return { prompt: '', model: options.model ?? model(), seed: randomInt(2 ** 32), ...given };
}

/** Tells a person on standard error, and collects the JSON document. */
class Report {
  readonly #progress = new ProgressLine();
  readonly #count: number;
  readonly #seed: number;
  readonly #notes: string[] = [];
  readonly #failed: { index: number; failure: FailureRecord }[] = [];
  #provider: ProviderReport | undefined;
  #complete: Extract<WriteEvent, { kind: 'complete' }> | undefined;
  #written = 0;
  #rejected = 0;
  #secondsLeft = 0;

  constructor(count: number, seed: number) {
    this.#count = count;
    this.#seed = seed;
  }

  note(text: string): void {
    this.#notes.push(text);
    this.#progress.line(text);
  }

  hear(event: WriteEvent): void {
    switch (event.kind) {
      case 'started':
        this.#provider = event.provider;
        this.#progress.line(
          `${event.sampler}, ${event.stepCount} steps, on ${event.provider.chosen}; seed ${this.#seed}`,
        );
        for (const note of event.notes) this.note(note);
        break;
      case 'step':
        this.#secondsLeft = event.secondsLeft;
        this.#progress.update(
          `step ${event.step} of ${event.stepCount}, ${this.#written} of ${this.#count} images, ${clockTime(event.secondsLeft)} left`,
        );
        break;
      case 'written':
        this.#written += 1;
        this.#progress.line(
          `${event.path}  (${this.#written} of ${this.#count}, ${clockTime(this.#secondsLeft)} left)`,
        );
        break;
      case 'image':
        if (event.record.prompt.unknownWords.length > 0 && this.#written === 0)
          this.note(`The model does not know: ${event.record.prompt.unknownWords.join(', ')}.`);
        break;
      case 'image-failed':
        this.#failed.push({ index: event.index, failure: event.failure });
        this.#progress.line(`image ${event.index} failed: ${event.failure.message}`);
        break;
      case 'rejected':
        this.#rejected += 1;
        this.#progress.line(`candidate ${event.index} rejected  (${this.#rejected} so far)`);
        break;
      case 'note':
        this.note(event.message);
        break;
      case 'complete':
        this.#complete = event;
        break;
      case 'preview':
      case 'measured':
      case 'finished':
        break;
    }
  }

  /** @throws Failure when not a single image was made */
  close(json: boolean, batch: string, out: string): void {
    this.#progress.clear();
    const { images = [], measures = [], cost = null } = this.#complete ?? {};
    if (json) {
      const document = {
        batch,
        out,
        seed: this.#seed,
        provider: this.#provider ?? null,
        images: images.map(({ file, record }) => ({
          file,
          index: record.index,
          width: record.width,
          height: record.height,
        })),
        failed: this.#failed,
        measures,
        cost,
        notes: this.#notes,
      };
      process.stdout.write(`${JSON.stringify(document)}\n`);
    } else if (cost !== null) {
      for (const measure of measures) process.stdout.write(`${lineOf(measure)}\n`);
      const each = cost.secondsPerKept === null ? '' : `, ${cost.secondsPerKept.toFixed(2)} s each`;
      const rejected = cost.rejected === 0 ? '' : `, ${cost.rejected} candidates rejected`;
      process.stderr.write(
        `${cost.kept} of ${cost.asked} images kept${rejected}, in ${cost.seconds.toFixed(1)} s${each}: ${out}\n`,
      );
    }
    const [first] = this.#failed;
    if (first !== undefined && images.length === 0) throw Failure.fromRecord(first.failure);
  }
}

function sizeOf(text: string): { width: number; height: number } {
  const match = /^(\d+)(?:x(\d+))?$/i.exec(text);
  if (match === null) throw new InvalidArgumentError(`Expected WIDTHxHEIGHT in pixels, got "${text}".`);
  return { width: Number(match[1]), height: Number(match[2] ?? match[1]) };
}

function interval(text: string): { low: number; high: number } {
  const [low = NaN, high = NaN, ...rest] = text.split(',').map((part) => (part.trim() === '' ? NaN : Number(part)));
  if (rest.length > 0 || !Number.isFinite(low) || !Number.isFinite(high) || low < 0 || high < low)
    throw new InvalidArgumentError(`Expected LOW,HIGH with 0 <= LOW <= HIGH, got "${text}".`);
  return { low, high };
}
