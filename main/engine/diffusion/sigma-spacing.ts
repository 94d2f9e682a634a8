import { betaQuantile } from '../tensor/beta-distribution.ts';
import { linspace } from './timestep-spacing.ts';

/** `count` noise levels from sigmaMax down to sigmaMin. */
export type SigmaSpacing = (sigmaMax: number, sigmaMin: number, count: number) => number[];

/** Even in sigma^(1/rho). Karras et al. 2022, eq 5. */
export function karrasSigmas(sigmaMax: number, sigmaMin: number, count: number, rho = 7): number[] {
  const [from, to] = [sigmaMax ** (1 / rho), sigmaMin ** (1 / rho)];
  return linspace(0, 1, count).map((ramp) => (from + ramp * (to - from)) ** rho);
}

/** Even in log sigma. */
export const exponentialSigmas: SigmaSpacing = (sigmaMax, sigmaMin, count) =>
  linspace(Math.log(sigmaMax), Math.log(sigmaMin), count).map(Math.exp);

/** Even in lambda = −log sigma, which is even in log sigma. Lu et al. 2022 (DPM-Solver), with rho = 1. */
export const luSigmas: SigmaSpacing = exponentialSigmas;

/** Quantiles of a beta distribution: dense at both ends. Lee et al. 2024 (2407.12173), with alpha = beta = 0.6. */
export const betaSigmas: SigmaSpacing = (sigmaMax, sigmaMin, count) =>
  linspace(0, 1, count).map((ramp) => sigmaMin + betaQuantile(1 - ramp, 0.6, 0.6) * (sigmaMax - sigmaMin));
