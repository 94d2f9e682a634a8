import { lerp } from '../../tensor/arithmetic.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { Denoiser } from '../denoiser.ts';

/**
 * x0 estimates of the same x under several conditions, one tensor a condition, in their order. Whether that is one run of a
 * larger batch or several runs is the model's business.
 */
export type ConditionedDenoiser<Condition> = (
  x: Tensor,
  sigma: number,
  conditions: readonly Condition[],
) => Promise<readonly Tensor[]>;

/** Two denoisers of which guidance moves the first away from the second. */
export interface GuidancePair {
  readonly conditional: Denoiser;
  /** Both estimates, in one run where that is possible. */
  readonly both: (x: Tensor, sigma: number) => Promise<readonly [conditional: Tensor, reference: Tensor]>;
}

/** What a rule combines: estimates of x0 at the sample x of noise level sigma. */
export interface Estimates {
  readonly x: Tensor;
  readonly sigma: number;
  readonly conditional: Tensor;
  readonly reference: Tensor;
}

/** How two estimates become a guided one. A scale of 1 must give the conditional estimate. */
export type GuidanceRule = (estimates: Estimates, guidanceScale: number) => Tensor;

export interface GuidanceOptions {
  /** 1 means none, and costs one pass. */
  readonly guidanceScale: number;
  /** Noise levels low < sigma <= high where guidance acts; everywhere when absent. Kynkäänniemi et al. 2024 (2404.07724). */
  readonly interval?: { readonly low: number; readonly high: number } | undefined;
  /** `classifierFree` when absent. */
  readonly rule?: GuidanceRule | undefined;
}

/** reference + scale · (conditional − reference). Ho & Salimans 2022, written so that 1 means none. */
export const classifierFree: GuidanceRule = ({ conditional, reference }, guidanceScale) =>
  lerp(reference, conditional, guidanceScale);

/** The pair of classifier-free guidance: one model under a condition, and under none (or a negative one). */
export function classifierFreePair<Condition>(
  model: ConditionedDenoiser<Condition>,
  conditional: Condition,
  unconditional: Condition,
): GuidancePair {
  return {
    conditional: async (x, sigma) => only(await model(x, sigma, [conditional])),
    both: async (x, sigma) => {
      const [first, second] = await model(x, sigma, [conditional, unconditional]);
      return [only([first]), only([second])];
    },
  };
}

/** The pair of autoguidance: a model and a weaker version of itself. Karras et al. 2024 (2406.02507). */
export function autoguidancePair(model: Denoiser, guiding: Denoiser): GuidancePair {
  return {
    conditional: model,
    both: async (x, sigma) => [await model(x, sigma), await guiding(x, sigma)],
  };
}

/** A denoiser guided by a pair. Outside the interval, and at scale 1, the reference is not computed. */
export function guided(
  pair: GuidancePair,
  { guidanceScale, interval, rule = classifierFree }: GuidanceOptions,
): Denoiser {
  return async (x, sigma) => {
    const acts = interval === undefined || (sigma > interval.low && sigma <= interval.high);
    if (guidanceScale === 1 || !acts) return pair.conditional(x, sigma);
    const [conditional, reference] = await pair.both(x, sigma);
    return rule({ x, sigma, conditional, reference }, guidanceScale);
  };
}

function only(estimates: readonly (Tensor | undefined)[]): Tensor {
  const [first] = estimates;
  if (first === undefined) throw new RangeError('conditioned denoiser: expected one estimate for each condition');
  return first;
}
