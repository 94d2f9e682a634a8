import { Failure, toFailure } from '../../contract/failures.ts';
import type { ProviderReport } from '../../contract/images.ts';
import { classifierFreePair, guided } from '../diffusion/guidance/guided.ts';
import { batchNoise } from '../diffusion/noise-source.ts';
import { nudge, type NudgeStep } from '../diffusion/nudge.ts';
import type { EngineContext } from '../protocol.ts';
import type { ModelSource } from '../runtime/session.ts';
import { sizeOf, type Tensor } from '../tensor/tensor.ts';
import { decodeLatents, decodesWhole, encodeImage } from './autoencoder.ts';
import {
  densityOfNoise,
  runFromNoise,
  type DensityRuler,
  type FeatureWiring,
  type NoiseChain,
} from './density-of-noise.ts';
import type { GenerationInput, Picture } from './generation-request.ts';
import { gradientModel } from './gradient-model.ts';
import { loadPipeline, type Pipeline } from './load-pipeline.ts';
import { refuseObstacles } from './nudge-obstacle.ts';
import { fromPicture, toPicture } from './pictures.ts';
import { planOfSettings, startStepOf } from './plan-of-settings.ts';
import { stepStreamOf, streamsOf } from './random-streams.ts';
import { encodePrompt, sameLength } from './text-condition.ts';
import { unetGradient } from './unet-flow.ts';
import { unetDenoiser } from './unet-network.ts';

/** The encoder whose features tell densities, on disk. */
export interface NudgeEncoder extends FeatureWiring {
  readonly model: string;
  /** Size of the pictures it takes as they are. */
  readonly width: number;
  readonly height: number;
}

/** What the engine needs to nudge one image: `generation.settings.nudge` says how, `generation.indices` which. Plain data. */
export interface NudgeInput {
  readonly generation: GenerationInput;
  readonly encoder: NudgeEncoder;
  readonly ruler: DensityRuler;
}

export type NudgeEvent =
  | { readonly kind: 'started'; readonly provider: ProviderReport; readonly sampler: string }
  | ({ readonly kind: 'step' } & NudgeStep)
  | {
      readonly kind: 'nudged';
      /** From the noise as it was drawn, and from the nudged noise. */
      readonly before: Picture;
      readonly after: Picture;
      /** Largest change of any value of the noise; at most the budget. */
      readonly largestChange: number;
      readonly notes: readonly string[];
      /** Calls of any model. */
      readonly modelCalls: number;
    };

/**
 * Nudges one image's starting noise towards typical or unusual pictures within its budget, and makes the picture from the
 * noise before and after (`nudge`, `densityOfNoise`).
 *
 * @throws Failure `unsupported`, in one line, where the way from noise to picture has no gradient or too many steps;
 *   `interrupted` between two calls of the network
 */
export async function* nudgeImage(
  { generation, encoder, ruler }: NudgeInput,
  context: EngineContext,
): AsyncGenerator<NudgeEvent, void, void> {
  const { settings, model, indices, width, height } = generation;
  const { signal } = context;
  const [index] = indices;
  if (settings.nudge === null || index === undefined || indices.length !== 1)
    throw new Failure('bad-input', `nudge: expected its settings and one image, got ${indices.length}`, 'nudge');
  const callsBefore = context.sessions.cost.calls;
  await refuseObstacles(model, settings, { width, height }, encoder);
  const { chain, pipeline } = await openChain(generation, encoder, ruler, context);
  yield { kind: 'started', provider: pipeline.unet.provider, sampler: chain.plan.sampler };

  const { downscale, channels } = model.latent;
  const dims = [1, channels, height / downscale, width / downscale];
  const stream = streamsOf(settings.randomStream, settings.seed, index).start;
  const noise = batchNoise([stream])({ dims, data: new Float32Array(sizeOf(dims)) });
  const { direction, budget, stepCount } = settings.nudge;
  const steps = nudge(noise, await densityOfNoise(chain), {
    budget,
    stepCount,
    direction: direction === 'typical' ? 'up' : 'down',
    signal,
  });
  let step = await steps.next();
  for (; step.done !== true; step = await steps.next()) yield { kind: 'step', ...step.value };
  const { x, largestChange } = step.value;

  const before = await pictureOf(chain, pipeline, noise);
  const after = await pictureOf(chain, pipeline, x);
  const notes = [...new Set([...before.notes, ...after.notes])];
  const modelCalls = context.sessions.cost.calls - callsBefore;
  yield { kind: 'nudged', before: before.picture, after: after.picture, largestChange, notes, modelCalls };
}

/**
 * Opens everything between an image's noise and its density.
 *
 * @param generation of one image
 */
export async function openChain(
  generation: GenerationInput,
  encoder: NudgeEncoder,
  ruler: DensityRuler,
  { sessions, signal }: EngineContext,
): Promise<{ readonly chain: NoiseChain; readonly pipeline: Pipeline }> {
  const { settings, model, indices, provider, width, height } = generation;
  const { files, latent } = model;
  const [index] = indices;
  if (index === undefined) throw new RangeError('nudge: expected one image, got none');
  const latentSize = (latent.channels * height * width) / latent.downscale ** 2;
  const plan = planOfSettings(model, settings);
  const startStep = generation.start === null ? 0 : startStepOf(settings, plan);
  const pipeline = await loadPipeline(model, sessions, provider);
  if (!decodesWhole(pipeline.vaeDecoder, height / latent.downscale, width / latent.downscale))
    throw new Failure('unsupported', `nudge: pictures of ${width}x${height} are decoded in tiles`, 'size');
  const [prompt, negative] = sameLength(generation.prompt, generation.negative, generation.empty);
  const conditional = await encodePrompt(pipeline.textEncoder, prompt, signal);
  const unconditional = await encodePrompt(pipeline.textEncoder, negative, signal);
  const start =
    generation.start === null
      ? null
      : await encodeImage(await pipeline.vaeEncoder(), fromPicture(generation.start), latent, signal);
  const open = async (source: ModelSource, what: string) => {
    try {
      return await sessions.open(source, provider);
    } catch (error) {
      const { code, message, where } = toFailure(error);
      throw new Failure(code, `nudge: the ${what} has no gradient here: ${message}`, where, { cause: error });
    }
  };
  const denoise = guided(
    classifierFreePair(unetDenoiser(pipeline.unet, plan.parameterization, signal), conditional, unconditional),
    { guidanceScale: settings.guidanceScale, interval: settings.guidanceInterval ?? undefined },
  );
  const chain: NoiseChain = {
    plan,
    startStep,
    start,
    stepNoise: () => batchNoise([stepStreamOf(settings.randomStream, settings.seed, index, latentSize)]),
    denoise,
    unet: await open(unetGradient(files.unet), 'denoiser'),
    decoder: await open(gradientModel(files.vaeDecoder, 'sample', 'latent_sample'), 'decoder'),
    latent,
    conditional,
    unconditional,
    settings,
    features: {
      ...encoder,
      session: await open(gradientModel(encoder.model, encoder.output, encoder.input), 'feature encoder'),
    },
    ruler,
    signal,
  };
  return { chain, pipeline };
}

/** The picture by the very steps of an ordinary generation. */
async function pictureOf(chain: NoiseChain, { vaeDecoder, decoderAtFloat32 }: Pipeline, noise: Tensor) {
  const { latents } = await runFromNoise(chain, noise);
  const { images, notes } = await decodeLatents(vaeDecoder, latents, chain.latent, chain.signal, decoderAtFloat32);
  return { picture: toPicture(images, 0), notes };
}
