import { Failure } from '../../contract/failures.ts';
import type { GenerationSettings } from '../../contract/settings.ts';
import { predictorSlope, neighbourSlope } from '../features/density-slopes.ts';
import type { DensityPredictor } from '../features/density-predictor.ts';
import type { Features } from '../features/features.ts';
import type { DensityReference } from '../features/pseudo-density.ts';
import type { Denoiser } from '../diffusion/denoiser.ts';
import { linearSampler, pullBackThroughSampler, type DenoiserProduct } from '../diffusion/linear-sampler.ts';
import type { Slope } from '../diffusion/nudge.ts';
import { denoisedOf } from '../diffusion/parameterization.ts';
import type { NoiseSource } from '../diffusion/noise-source.ts';
import { samplers } from '../diffusion/samplers/index.ts';
import type { SamplingPlan } from '../diffusion/sampling-plan.ts';
import type { ModelSession } from '../runtime/session.ts';
import { combine, scale } from '../tensor/arithmetic.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { LatentSpace } from './diffusion-model.ts';
import { cotangent } from './gradient-model.ts';
import { runUnet } from './unet-network.ts';

/** How an image encoder is given pictures in −1 … 1, and what of it are the features. */
export interface FeatureWiring {
  readonly input: string;
  readonly output: string;
  /** input = factor · picture + offset, a channel each. */
  readonly factor: readonly number[];
  readonly offset: readonly number[];
}

/** What densities are told by. */
export interface DensityRuler {
  readonly references: Features;
  readonly reference: DensityReference;
  /** The learned density whose slope is followed where it can be trusted; null: that of the distances everywhere. */
  readonly predictor: DensityPredictor | null;
}

/** Everything between one image's starting noise and its density. */
export interface NoiseChain {
  readonly plan: SamplingPlan;
  readonly startStep: number;
  /** Encoded start picture [1, C, h, w]; null: from noise. */
  readonly start: Tensor | null;
  /** What a stochastic sampler adds on the way: from its beginning, so that every run adds the same. */
  readonly stepNoise: () => NoiseSource;
  readonly denoise: Denoiser;
  readonly unet: ModelSession;
  readonly decoder: ModelSession;
  readonly latent: LatentSpace;
  readonly conditional: Tensor;
  readonly unconditional: Tensor;
  readonly settings: Pick<GenerationSettings, 'guidanceScale' | 'guidanceInterval'>;
  /** The image encoder with the gradient of its features. */
  readonly features: FeatureWiring & { readonly session: ModelSession };
  readonly ruler: DensityRuler;
  readonly signal: AbortSignal;
}

/** Runs the sampler from the noise. */
export interface Run {
  readonly latents: Tensor;
  /** The samples that the denoiser was asked about. */
  readonly inputs: readonly Tensor[];
}

/** The image's latent [1, C, h, w] from its starting noise. */
export async function runFromNoise(
  { plan, startStep, start, stepNoise, denoise, signal }: NoiseChain,
  noise: Tensor,
): Promise<Run> {
  const inputs: Tensor[] = [];
  const recording: Denoiser = (x, sigma) => {
    inputs.push(x);
    return denoise(x, sigma);
  };
  const sigma = plan.sigmas[startStep] ?? 0;
  let x = start === null ? scale(plan.startScale, noise) : combine([1, start], [sigma, noise]);
  const options = { ...plan.options, noise: stepNoise(), startStep, signal };
  for await (const step of samplers[plan.sampler](recording, x, plan.sigmas, options)) x = step.x;
  return { latents: scale(plan.endScale, x), inputs };
}

/**
 * log pseudo density of the picture that starting noise becomes, and its gradient by the noise: through sampler, guidance,
 * decoder, clipping, feature encoder and density, each by its own vector–Jacobian product. Rounding to 8 bits is passed
 * straight through. Memory: the samples between two calls of the network, and one call's graph at a time.
 *
 * @returns a function of noise [1, C, h, w]; it throws Failure `non-finite` and `interrupted`
 */
export async function densityOfNoise(chain: NoiseChain): Promise<(noise: Tensor) => Promise<Slope>> {
  const { plan, startStep, start, latent, signal } = chain;
  const linear = await linearSampler(plan, startStep);
  const product = guidedProduct(chain);
  const noiseScale = start === null ? plan.startScale : (plan.sigmas[startStep] ?? 0);
  return async (noise) => {
    const { latents, inputs } = await runFromNoise(chain, noise);
    const codes = {
      dims: latents.dims,
      data: Float32Array.from(latents.data, (value) => value / latent.scalingFactor + latent.shiftFactor),
    };
    const { sample } = await chain.decoder.run(
      { latent_sample: codes, [cotangent]: emptyPicture(codes, latent) },
      ['sample'],
      signal,
    );
    if (sample === undefined) throw missing(chain.decoder, 'sample');
    const { logDensity, gradient } = await densityOfPicture(chain, sample);
    const { grad_latent_sample: byCodes } = await chain.decoder.run(
      { latent_sample: codes, [cotangent]: gradient },
      ['grad_latent_sample'],
      signal,
    );
    if (byCodes === undefined) throw missing(chain.decoder, 'grad_latent_sample');
    const byEnd = scale(plan.endScale / latent.scalingFactor, byCodes);
    const byStart = await pullBackThroughSampler(linear, inputs, byEnd, product);
    return { value: logDensity, gradient: scale(noiseScale, byStart) };
  };
}

function emptyPicture({ dims }: Tensor, { downscale }: LatentSpace): Tensor {
  const [, , height = 0, width = 0] = dims;
  const picture = [1, 3, height * downscale, width * downscale];
  return { dims: picture, data: new Float32Array(3 * height * width * downscale * downscale) };
}

function missing({ name }: ModelSession, output: string): Failure {
  return new Failure('model-broken', `${name}: expected an output "${output}"`);
}

/** The density of a picture [1, 3, H, W] in −1 … 1, and its gradient by it. Beyond the range a picture is clipped. */
async function densityOfPicture({ features, ruler, signal }: NoiseChain, picture: Tensor) {
  const { session, input, output, factor, offset } = features;
  const plane = picture.data.length / 3;
  const pixels = Float32Array.from(picture.data, (value, at) => {
    const channel = Math.floor(at / plane);
    return (factor[channel] ?? NaN) * Math.min(1, Math.max(-1, value)) + (offset[channel] ?? NaN);
  });
  const feed = { dims: picture.dims, data: pixels };
  const width = ruler.references.width;
  const none = { dims: [1, width], data: new Float32Array(width) };
  const { [output]: found } = await session.run({ [input]: feed, [cotangent]: none }, [output], signal);
  if (found === undefined) throw missing(session, output);
  const { logDensity, gradient } = await slopeOf({ count: 1, width, values: found.data }, ruler);
  const cotangents = { dims: [1, width], data: Float32Array.from(gradient) };
  const name = `grad_${input}`;
  const { [name]: byPixels } = await session.run({ [input]: feed, [cotangent]: cotangents }, [name], signal);
  if (byPixels === undefined) throw missing(session, name);
  const byPicture = byPixels.data.map((value, at) => {
    const shown = picture.data[at] ?? NaN;
    return shown < -1 || shown > 1 ? 0 : value * (factor[Math.floor(at / plane)] ?? NaN);
  });
  return { logDensity, gradient: { dims: picture.dims, data: byPicture } };
}

/**
 * The value is always that of the distances, which is what pictures are judged by. The slope is the predictor's where there
 * is one and it can be trusted: within the references' range of densities, and no farther from them than they are from
 * each other (PAPERS.md §3f); else that of the distances.
 */
async function slopeOf(query: Features, { references, reference, predictor }: DensityRuler) {
  const byDistance = await neighbourSlope(query, references, reference);
  if (predictor === null) return byDistance;
  const farthest = reference.meanDistances.reduce((most, distance) => Math.max(most, distance), 0);
  const learned = byDistance.meanDistance > farthest ? null : predictorSlope(predictor, query);
  return { logDensity: byDistance.logDensity, gradient: (learned ?? byDistance).gradient };
}

/**
 * vᵀ ∂D/∂x of a denoiser under classifier-free guidance, D = (1 − g) D_u + g D_c: both halves in one run, as the denoiser
 * itself makes them.
 */
function guidedProduct({ unet, plan, conditional, unconditional, settings, signal }: NoiseChain): DenoiserProduct {
  const { parameterization } = plan;
  const { guidanceScale, guidanceInterval } = settings;
  return async (x, sigma, v) => {
    const acts = guidanceInterval === null || (sigma > guidanceInterval.low && sigma <= guidanceInterval.high);
    const parts: readonly (readonly [Tensor, number])[] =
      guidanceScale === 1 || !acts
        ? [[conditional, 1]]
        : [
            [conditional, guidanceScale],
            [unconditional, 1 - guidanceScale],
          ];
    const inputScale = parameterization.inputScale(sigma);
    const data = new Float32Array(parts.length * v.data.length);
    parts.forEach(([, weight], at) => {
      data.set(scale(weight, v).data, at * v.data.length);
    });
    const more = { [cotangent]: { dims: [parts.length, ...v.dims.slice(1)], data } };
    const outputs = await runUnet(
      unet,
      scale(inputScale, x),
      parameterization.timestep(sigma),
      parts.map(([condition]) => condition),
      signal,
      ['grad_sample'],
      more,
    );
    const byScaled = outputs.map(({ grad_sample: gradient }) => {
      if (gradient === undefined) throw missing(unet, 'grad_sample');
      return [inputScale, gradient] as const;
    });
    // x0 is linear in x and in the output, and the halves' weights add up to 1: the same factors join v and the products.
    return denoisedOf(parameterization, v, combine(...byScaled), sigma);
  };
}
