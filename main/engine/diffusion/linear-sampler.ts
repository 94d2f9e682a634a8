import { Failure } from '../../contract/failures.ts';
import { combine, scale } from '../tensor/arithmetic.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Denoiser } from './denoiser.ts';
import type { NoiseSource } from './noise-source.ts';
import { samplers } from './samplers/index.ts';
import type { SamplingPlan } from './sampling-plan.ts';

/**
 * A sampler as what it is once its noise is drawn: each sample that the denoiser is asked about, and the last sample, are
 * fixed combinations of the start and the x0 estimates before, and of that noise. Weight 0 belongs to the start, weight k to
 * estimate k; the noise depends on neither, so it has no part in the gradient.
 */
export interface LinearSampler {
  readonly calls: readonly { readonly sigma: number; readonly weights: readonly number[] }[];
  readonly end: readonly number[];
}

/**
 * Reads the combinations off the sampler's own code: it is run on coefficients in place of samples, as if x were the unit
 * vectors. So the gradient is that of the very steps that make the image, for every sampler there is.
 *
 * @throws Failure `unsupported` for a sampler that limits its estimates
 */
export async function linearSampler(plan: SamplingPlan, startStep = 0): Promise<LinearSampler> {
  if (plan.options.limit !== undefined)
    throw new Failure(
      'unsupported',
      `nudge: expected a sampler that takes x0 estimates as they are; this model's scheduler clips or thresholds them (${plan.sampler})`,
      'sampler',
    );
  const callCount = (await coefficientsOf(plan, startStep, 1)).calls.length;
  return coefficientsOf(plan, startStep, callCount + 1);
}

/** Runs the sampler on vectors of `width` coefficients; estimates beyond the width count for nothing. */
async function coefficientsOf(plan: SamplingPlan, startStep: number, width: number): Promise<LinearSampler> {
  const unit = (at: number): Tensor<Float64Array> => {
    const data = new Float64Array(width);
    if (at < width) data[at] = 1;
    return { dims: [1, 1, 1, width], data };
  };
  const calls: { sigma: number; weights: number[] }[] = [];
  const denoise: Denoiser = async (x, sigma) => {
    calls.push({ sigma, weights: [...x.data] });
    return unit(calls.length);
  };
  const noise: NoiseSource = (like) => scale(0, like);
  let end = unit(0).data;
  for await (const { x } of samplers[plan.sampler](denoise, unit(0), plan.sigmas, {
    ...plan.options,
    startStep,
    noise,
  }))
    end = Float64Array.from(x.data);
  return { calls, end: [...end] };
}

/** vᵀ ∂D/∂x of a denoiser at a sample and noise level. */
export type DenoiserProduct = (x: Tensor, sigma: number, v: Tensor) => Promise<Tensor>;

/**
 * The vector–Jacobian product of a whole run: from the cotangent of its end to that of its start. Only the samples at the
 * denoiser's calls are kept; what the network computes inside is computed again, one call at a time.
 *
 * @param inputs the samples that the denoiser was asked about, in order
 */
export async function pullBackThroughSampler(
  { calls, end }: LinearSampler,
  inputs: readonly Tensor[],
  cotangent: Tensor,
  product: DenoiserProduct,
): Promise<Tensor> {
  if (inputs.length !== calls.length)
    throw new RangeError(`samples: expected one for each of ${calls.length} calls, got ${inputs.length}`);
  /** Cotangents that have arrived so far at the start and at each estimate, as terms of a sum. */
  const arrived: [weight: number, v: Tensor][][] = Array.from({ length: calls.length + 1 }, () => []);
  const spread = (weights: readonly number[], v: Tensor): void => {
    weights.forEach((weight, at) => {
      if (weight !== 0) arrived[at]?.push([weight, v]);
    });
  };
  spread(end, cotangent);
  for (let at = calls.length; at >= 1; at--) {
    const terms = arrived[at] ?? [];
    const { sigma, weights } = calls[at - 1] ?? { sigma: NaN, weights: [] };
    const x = inputs[at - 1];
    // An estimate that nothing later uses has no cotangent.
    if (terms.length === 0 || x === undefined) continue;
    spread(weights, await product(x, sigma, combine(...terms)));
    arrived[at] = [];
  }
  const terms = arrived[0] ?? [];
  return terms.length === 0 ? combine([0, cotangent]) : combine(...terms);
}
