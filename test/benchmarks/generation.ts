/**
 * What generation costs beyond the model itself. All comparisons are within one run; the model is the built-in one, or the
 * one that GAMUT_BENCHMARK_MODEL names. `repeats` medians tame a machine that does other things too.
 */
import { availableParallelism, cpus } from 'node:os';
import { defaultRuntimeSettings } from '../../main/engine/runtime/settings.ts';
import type { RuntimeSettings } from '../../main/engine/runtime/settings.ts';
import { openSession } from '../../main/engine/runtime/open-session.ts';
import { openPackage } from '../../main/model-packages/resolve.ts';
import type { GenerationRequest } from '../../main/contract/settings.ts';
import { generateCandidates } from '../../main/studio/generate-candidates.ts';
import { defaultModel } from '../../main/studio/models.ts';
import { prepareGeneration } from '../../main/studio/prepare-generation.ts';
import { settingsOfRequest } from '../../main/studio/settings-of-request.ts';
import { openWorkshop } from '../../main/studio/workshop.ts';

const repeats = 5;
const stepCount = 20;
using workshop = openWorkshop({ provider: 'cpu' });
const model = process.env['GAMUT_BENCHMARK_MODEL'] ?? defaultModel(workshop.folders);

function report(figure: string, values: Readonly<Record<string, unknown>>): void {
  console.log(JSON.stringify({ benchmark: 'generation', figure, model, ...values }));
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? NaN)
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}

const round = (value: number, digits = 3): number => Number(value.toFixed(digits));

/** One whole generation: everything between settings and pixels. */
async function run(asked: Partial<GenerationRequest>): Promise<{ whole: number; inModel: number; calls: number }> {
  const settings = settingsOfRequest({
    model,
    prompt: 'a tall matte vase',
    seed: 1,
    stepCount,
    guidanceScale: 3,
    ...asked,
  });
  const started = performance.now();
  const prepared = await prepareGeneration(settings, workshop, 'benchmark');
  const indices = Array.from({ length: settings.count }, (_, index) => index);
  for await (const event of generateCandidates(prepared, indices, workshop)) {
    if (event.kind === 'image-failed') throw new Error(event.failure.message);
    if (event.kind === 'cost')
      return { whole: (performance.now() - started) / 1000, inModel: event.modelSeconds, calls: event.modelCalls };
  }
  throw new Error('generation ended without a cost');
}

async function overhead(batchSize: number): Promise<void> {
  await run({ count: batchSize, batchSize });
  const runs = [];
  for (let repeat = 0; repeat < repeats; repeat++) runs.push(await run({ count: batchSize, batchSize }));
  const percent = median(runs.map(({ whole, inModel }) => 100 * (whole / inModel - 1)));
  const whole = median(runs.map((one) => one.whole));
  report('overhead over the raw session runs', {
    batchSize,
    percent: round(percent, 2),
    wholeSeconds: round(whole),
    sessionSeconds: round(median(runs.map(({ inModel }) => inModel))),
    imagesPerSecond: round(batchSize / whole),
  });
}

/** An interval that covers half of the steps, by the noise levels the model's own scheduler takes. */
async function guidanceInterval(): Promise<void> {
  const { planSampling } = await import('../../main/engine/diffusion/sampling-plan.ts');
  const { parseSchedulerConfig } = await import('../../main/engine/diffusion/scheduler-config.ts');
  const { scheduler } = openPackage(model, workshop.folders).model;
  const { sigmas } = planSampling(parseSchedulerConfig(scheduler), { stepCount });
  const interval = { low: sigmas[(3 * stepCount) / 4] ?? 0, high: sigmas[stepCount / 4] ?? 1 };
  for (const batchSize of [1, 8]) {
    const full: number[] = [];
    const half: number[] = [];
    for (let repeat = 0; repeat <= repeats; repeat++) {
      const a = await run({ count: batchSize, batchSize });
      const b = await run({ count: batchSize, batchSize, guidanceInterval: interval });
      // The first pair warms up.
      if (repeat > 0) full.push(a.whole);
      if (repeat > 0) half.push(b.whole);
    }
    report('full guidance over guidance on half of the steps', {
      batchSize,
      ratio: round(median(full.map((seconds, at) => seconds / (half[at] ?? NaN)))),
      fullSeconds: round(median(full)),
      halfSeconds: round(median(half)),
    });
  }
}

/** One U-Net call under each setting of the runtime: the table behind `defaultRuntimeSettings`. */
async function runtimeSettings(): Promise<void> {
  const modelPackage = openPackage(model, workshop.folders);
  const { files, latent } = modelPackage.model;
  const [height, width] = [modelPackage.size.height / latent.downscale, modelPackage.size.width / latent.downscale];
  const [window = []] = modelPackage.readPrompt('a tall matte vase').windows;
  const base = defaultRuntimeSettings();
  const table: readonly Partial<RuntimeSettings>[] = [
    {},
    ...[1, 2, 4, 8].filter((threads) => threads <= 2 * availableParallelism()).map((threads) => ({ threads })),
    { executionMode: 'parallel' },
    { arena: false },
    { memoryPattern: false },
    { spinning: true },
    { graphOptimization: 'disabled' },
    { graphOptimization: 'basic' },
    { graphOptimization: 'extended' },
  ];
  const textEncoder = await openSession({ kind: 'file', path: files.textEncoder }, base, 'cpu');
  const encoded = await textEncoder.run({ input_ids: { dims: [1, window.length], data: window } });
  const condition = encoded['last_hidden_state'];
  if (condition === undefined) throw new Error('the text encoder has no last_hidden_state');
  for (const change of table) {
    const settings = { ...base, ...change };
    const session = await openSession({ kind: 'file', path: files.unet }, settings, 'cpu');
    const milliseconds: Record<string, number> = {};
    for (const rows of [2, 16]) {
      const sample = Float32Array.from({ length: rows * latent.channels * height * width }, (_, at) => Math.sin(at));
      const context = new Float32Array(rows * condition.data.length);
      for (let row = 0; row < rows; row++) context.set(condition.data, row * condition.data.length);
      const feeds = {
        sample: { dims: [rows, latent.channels, height, width], data: sample },
        timestep: { dims: [rows], data: new Float32Array(rows).fill(500) },
        encoder_hidden_states: { dims: [rows, ...condition.dims.slice(1)], data: context },
      };
      await session.run(feeds);
      const times: number[] = [];
      for (let repeat = 0; repeat < 7; repeat++) {
        const before = session.cost.seconds;
        await session.run(feeds);
        times.push(1000 * (session.cost.seconds - before));
      }
      milliseconds[`batch${rows}`] = round(median(times), 1);
    }
    await session.release();
    report('one U-Net call', { changed: change, settings, milliseconds });
  }
}

/** Memory of the engine's process: the most it ever held at batch 8, and whether 200 images make it grow. */
async function memory(): Promise<void> {
  const about = async (): Promise<{ rss: number; peakRss: number }> => {
    for await (const answer of workshop.engine.request('about', {})) return answer;
    throw new Error('the engine did not answer');
  };
  await run({ count: 40, batchSize: 8, stepCount: 4 });
  const before = await about();
  await run({ count: 200, batchSize: 8, stepCount: 4 });
  const after = await about();
  const megabytes = (bytes: number): number => round(bytes / 1e6, 1);
  report('memory of the engine process', {
    batchSize: 8,
    peakMegabytes: megabytes(after.peakRss),
    after40Megabytes: megabytes(before.rss),
    after240Megabytes: megabytes(after.rss),
    growthPercent: round(100 * (after.rss / before.rss - 1), 2),
  });
}

/** By name, so that one can be run alone: `node test/benchmarks/generation.ts memory`. */
const figures = {
  overhead: async () => {
    await overhead(1);
    await overhead(8);
  },
  interval: guidanceInterval,
  settings: runtimeSettings,
  memory,
} satisfies Record<string, () => Promise<void>>;

report('machine', { processor: cpus()[0]?.model ?? 'unknown', processors: availableParallelism() });
const asked = process.argv.slice(2);
for (const [name, figure] of Object.entries(figures)) if (asked.length === 0 || asked.includes(name)) await figure();
