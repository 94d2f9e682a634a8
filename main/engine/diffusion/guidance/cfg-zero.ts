import { combine, scale } from '../../tensor/arithmetic.ts';
import type { Denoiser } from '../denoiser.ts';
import { denoisedCoefficients, type Parameterization } from '../parameterization.ts';
import type { GuidanceRule } from './guided.ts';
import { combineEachImage, dot } from './per-image.ts';

/**
 * CFG-Zero*, Fan et al. 2025 (2503.18886), eq 13: the unconditional network output u is scaled by its projection
 * s = ⟨c, u⟩/‖u‖² from the conditional output c, image by image: guided = s u + scale · (c − s u).
 */
export function cfgZeroStar(parameterization: Parameterization): GuidanceRule {
  return ({ x, sigma, conditional, reference }, guidanceScale) => {
    const [cSkip] = denoisedCoefficients(parameterization.prediction, sigma, parameterization.sigmaData);
    // denoised − cSkip · x is the output times cOut, and the factor cancels in s.
    const c = combine([1, conditional], [-cSkip, x]);
    const u = combine([1, reference], [-cSkip, x]);
    return combineEachImage([x, c, u], (start, end) => {
      const square = dot(u, u, start, end);
      const s = square === 0 ? 0 : dot(c, u, start, end) / square;
      return [cSkip, guidanceScale, (1 - guidanceScale) * s];
    });
  };
}

/**
 * A denoiser that answers as a network with output 0 would, without calling it, at noise levels above `above`: the zeroed first
 * steps of CFG-Zero*. A flow then stays where it is.
 */
export function zeroedAbove(denoise: Denoiser, above: number, parameterization: Parameterization): Denoiser {
  return async (x, sigma) => {
    if (sigma <= above) return denoise(x, sigma);
    const [cSkip] = denoisedCoefficients(parameterization.prediction, sigma, parameterization.sigmaData);
    return scale(cSkip, x);
  };
}

/** The noise level above which the first `share` of a run's steps lie; infinite for a share of 0. */
export function sigmaAfterShare(sigmas: readonly number[], share: number): number {
  const count = Math.round(share * (sigmas.length - 1));
  return count === 0 ? Infinity : (sigmas[count] ?? 0);
}
