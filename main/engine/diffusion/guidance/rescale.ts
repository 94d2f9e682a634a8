import { combine } from '../../tensor/arithmetic.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { denoisedCoefficients, type Parameterization } from '../parameterization.ts';
import type { GuidanceRule } from './guided.ts';
import { combineEachImage, standardDeviation } from './per-image.ts';

/**
 * A rule whose result has its contrast brought back towards the conditional one. Lin et al. 2023 (2305.08891), section 3.4:
 * the guided network output is scaled to the standard deviation of the conditional output, image by image, and mixed with
 * itself by `amount` (0 none, 1 full; the paper uses 0.7).
 */
export function rescaled(rule: GuidanceRule, amount: number, parameterization: Parameterization): GuidanceRule {
  if (amount === 0) return rule;
  return (estimates, guidanceScale) => {
    const { x, sigma, conditional } = estimates;
    const guided = rule(estimates, guidanceScale);
    const [cSkip, cOut] = denoisedCoefficients(parameterization.prediction, sigma, parameterization.sigmaData);
    // denoised = cSkip · x + cOut · output
    const outputOf = (denoised: Tensor): Tensor => combine([1 / cOut, denoised], [-cSkip / cOut, x]);
    const [conditionalOutput, guidedOutput] = [outputOf(conditional), outputOf(guided)];
    return combineEachImage([x, guidedOutput], (start, end) => {
      const ratio = standardDeviation(conditionalOutput, start, end) / standardDeviation(guidedOutput, start, end);
      return [cSkip, cOut * (amount * ratio + 1 - amount)];
    });
  };
}
