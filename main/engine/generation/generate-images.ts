import { Failure, toFailure } from '../../contract/failures.ts';
import { note } from '../../contract/notes.ts';
import { batchNoise } from '../diffusion/noise-source.ts';
import type { NoiseSource } from '../diffusion/noise-source.ts';
import { samplers } from '../diffusion/samplers/index.ts';
import type { SamplingPlan } from '../diffusion/sampling-plan.ts';
import type { EngineContext } from '../protocol.ts';
import { combine, scale } from '../tensor/arithmetic.ts';
import { sizeOf } from '../tensor/tensor.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { decodeLatents, encodeImage } from './autoencoder.ts';
import type { GenerationEvent, GenerationInput } from './generation-request.ts';
import { guidanceOfSettings } from './guidance-of-settings.ts';
import type { GuidanceParts } from './guidance-of-settings.ts';
import { ofLiveRows, takeRows } from './live-rows.ts';
import { loadPipeline } from './load-pipeline.ts';
import type { Pipeline } from './load-pipeline.ts';
import { fromPicture, repeatRows, toPicture } from './pictures.ts';
import { planOfSettings, startStepOf } from './plan-of-settings.ts';
import { Previews } from './previews.ts';
import { streamsOf } from './random-streams.ts';
import { encodePrompt, sameLength } from './text-condition.ts';
import { unetDenoiser } from './unet-network.ts';

/** What stays the same for every batch of one request. */
interface Prepared {
  readonly input: GenerationInput;
  readonly context: EngineContext;
  readonly pipeline: Pipeline;
  readonly plan: SamplingPlan;
  readonly startStep: number;
  readonly conditional: Tensor;
  readonly unconditional: Tensor;
  readonly guiding: { readonly pipeline: Pipeline; readonly condition: Tensor } | null;
  /** Encoded start picture [1, C, h, w]; null: from noise. */
  readonly start: Tensor | null;
  readonly previews: Previews | null;
  /** Calls of the runtime since the request began, and their seconds. */
  readonly spent: () => { readonly calls: number; readonly seconds: number };
}

/**
 * Makes the images of `input.indices`, a batch at a time: text to image, or image to image from `input.start`. An image
 * whose numbers stop being finite fails alone; the others are made.
 *
 * @throws Failure `interrupted` after a stop, and whatever keeps every image from being made (a broken model, a bad size)
 */
export async function* generateImages(
  input: GenerationInput,
  context: EngineContext,
): AsyncGenerator<GenerationEvent, void, void> {
  const prepared = await prepare(input, context);
  const { pipeline, plan } = prepared;
  const stepCount = plan.sigmas.length - 1 - prepared.startStep;
  yield { kind: 'started', provider: pipeline.unet.provider, sampler: plan.sampler, stepCount };
  for (let from = 0; from < input.indices.length; from += input.settings.batchSize)
    yield* batchOrSingles(prepared, input.indices.slice(from, from + input.settings.batchSize));
  const { calls, seconds } = prepared.spent();
  yield { kind: 'cost', modelCalls: calls, modelSeconds: seconds };
}

async function prepare(input: GenerationInput, context: EngineContext): Promise<Prepared> {
  const { settings, model, provider } = input;
  const { signal, sessions } = context;
  const before = sessions.cost;
  checkSize(input);
  const plan = planOfSettings(model, settings);
  const pipeline = await loadPipeline(model, sessions, provider);
  const [prompt, negative] = sameLength(input.prompt, input.negative, input.empty);
  const conditional = await encodePrompt(pipeline.textEncoder, prompt, signal);
  const unconditional = await encodePrompt(pipeline.textEncoder, negative, signal);
  let guiding: Prepared['guiding'] = null;
  if (input.guiding !== null) {
    const weaker = await loadPipeline(input.guiding.model, sessions, provider);
    guiding = { pipeline: weaker, condition: await encodePrompt(weaker.textEncoder, input.guiding.prompt, signal) };
  }
  let start: Tensor | null = null;
  if (input.start !== null)
    start = await encodeImage(await pipeline.vaeEncoder(), fromPicture(input.start), model.latent, signal);
  return {
    input,
    context,
    pipeline,
    plan,
    startStep: start === null ? 0 : startStepOf(settings, plan),
    conditional,
    unconditional,
    guiding,
    start,
    previews: input.previews ? new Previews(context.now) : null,
    spent: () => ({
      calls: sessions.cost.calls - before.calls,
      seconds: sessions.cost.seconds - before.seconds,
    }),
  };
}

function checkSize({ width, height, model }: GenerationInput): void {
  const { downscale } = model.latent;
  if (width % downscale !== 0 || height % downscale !== 0)
    throw new Failure('bad-input', `size: expected multiples of ${downscale}, got ${width}x${height}`, 'size');
}

/** One batch; when its numbers stop being finite, each of its images alone, so that only those at fault fail. */
async function* batchOrSingles(
  prepared: Prepared,
  indices: readonly number[],
): AsyncGenerator<GenerationEvent, void, void> {
  try {
    yield* oneBatch(prepared, indices);
  } catch (error) {
    const failure = toFailure(error);
    if (failure.code !== 'non-finite') throw error;
    if (indices.length > 1) for (const index of indices) yield* batchOrSingles(prepared, [index]);
    else for (const index of indices) yield { kind: 'image-failed', index, failure: failure.toRecord() };
  }
}

async function* oneBatch(prepared: Prepared, indices: readonly number[]): AsyncGenerator<GenerationEvent, void, void> {
  const { input, plan, startStep, start, pipeline, context, previews } = prepared;
  const { settings, model, width, height } = input;
  const { signal } = context;
  const streams = indices.map((index) => streamsOf(settings.randomStream, settings.seed, index));
  const dims = [indices.length, model.latent.channels, height / model.latent.downscale, width / model.latent.downscale];
  const noise = batchNoise(streams.map((stream) => stream.start))({ dims, data: new Float32Array(sizeOf(dims)) });
  const sigma = plan.sigmas[startStep] ?? 0;
  let x =
    start === null ? scale(plan.startScale, noise) : combine([1, repeatRows(start, indices.length)], [sigma, noise]);

  let live: readonly number[] = indices.map((_, row) => row);
  const denoise = guidanceOfSettings(
    guidanceParts(prepared, batchNoise(streams.map((stream) => stream.cads)), () => live),
    settings,
  );
  const stepCount = plan.sigmas.length - 1 - startStep;
  const options = { ...plan.options, noise: batchNoise(streams.map((stream) => stream.step)), startStep, signal };
  for await (const done of samplers[plan.sampler](denoise, x, plan.sigmas, options)) {
    x = done.x;
    const step = done.step - startStep;
    const wanted = live.map((row) => indices[row] ?? NaN);
    yield { kind: 'step', indices: wanted, step, stepCount, modelCalls: prepared.spent().calls };
    if (step === lookStep(input, stepCount)) {
      live = yield* look(prepared, done.denoised, indices, step, stepCount);
      if (live.length === 0) return;
    }
    if (previews === null || step === stepCount || !previews.due()) continue;
    const estimates = takeRows(done.denoised, live);
    if (!previews.ready) previews.learn(estimates, await decode(prepared, estimates));
    const shown = live.map((row) => indices[row] ?? NaN);
    yield* previews.of(estimates, shown, step);
  }
  const latents = scale(plan.endScale, takeRows(x, live));
  const decoded = await decodeLatents(pipeline.vaeDecoder, latents, model.latent, signal, pipeline.decoderAtFloat32);
  previews?.learn(latents, decoded.images);
  const notes = [...providerNotes(pipeline), ...decoded.notes];
  for (const [at, row] of live.entries())
    yield { kind: 'image', index: indices[row] ?? NaN, picture: toPicture(decoded.images, at), notes };
}

/** The step after which a batch is looked at; 0: none. */
function lookStep({ look: asked }: GenerationInput, stepCount: number): number {
  return asked === undefined ? 0 : Math.min(stepCount - 1, Math.max(1, Math.round(asked.share * stepCount)));
}

/** Shows a batch's denoised estimates and waits for the verdict. Returns the rows that go on. */
async function* look(
  { input, context, pipeline }: Prepared,
  denoised: Tensor,
  indices: readonly number[],
  step: number,
  stepCount: number,
): AsyncGenerator<GenerationEvent, readonly number[], void> {
  const { ticket = '' } = input.look ?? {};
  if (context.verdicts === undefined) throw new Failure('internal', 'look: nobody answers in this context');
  const { images } = await decodeLatents(
    pipeline.vaeDecoder,
    denoised,
    input.model.latent,
    context.signal,
    pipeline.decoderAtFloat32,
  );
  // The wait begins before the question is out, so that no answer can be missed.
  const verdict = context.verdicts.expect(ticket, context.signal);
  const estimates = indices.map((index, row) => ({ index, picture: toPicture(images, row) }));
  yield { kind: 'estimates', step, stepCount, estimates };
  const dropped = await verdict;
  return indices.flatMap((index, row) => (dropped.includes(index) ? [] : [row]));
}

/** Parts that fell back to another provider than the denoiser, which is the one that is reported. */
function providerNotes({ unet, textEncoder, vaeDecoder }: Pipeline): string[] {
  return [textEncoder, vaeDecoder]
    .filter(({ provider }) => provider.chosen !== unet.provider.chosen)
    .map(({ name, provider }) => {
      const reason = provider.tried.find((tried) => tried.provider === unet.provider.chosen)?.reason ?? 'not tried';
      return note('partElsewhere', { part: name, provider: provider.chosen, instead: unet.provider.chosen, reason });
    });
}

/** A look at unfinished latents, for fitting preview colours; one image is enough. */
async function decode({ pipeline, input, context }: Prepared, latents: Tensor): Promise<Tensor> {
  const [, ...rest] = latents.dims;
  const one = { dims: [1, ...rest], data: latents.data.subarray(0, sizeOf(rest)) };
  const { vaeDecoder, decoderAtFloat32 } = pipeline;
  return (await decodeLatents(vaeDecoder, one, input.model.latent, context.signal, decoderAtFloat32)).images;
}

function guidanceParts(prepared: Prepared, cadsNoise: NoiseSource, live: () => readonly number[]): GuidanceParts {
  const { pipeline, plan, guiding, conditional, unconditional, context } = prepared;
  const model = ofLiveRows(unetDenoiser(pipeline.unet, plan.parameterization, context.signal), live);
  const parts = { model, conditional, unconditional, plan, cadsNoise };
  if (guiding === null) return { ...parts, guiding: null };
  const weaker = ofLiveRows(unetDenoiser(guiding.pipeline.unet, plan.parameterization, context.signal), live);
  return {
    ...parts,
    guiding: async (x, sigma) => {
      const [estimate] = await weaker(x, sigma, [guiding.condition]);
      if (estimate === undefined) throw new RangeError('guiding model: expected one estimate');
      return estimate;
    },
  };
}
