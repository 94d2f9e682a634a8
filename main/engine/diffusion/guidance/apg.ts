import { combine } from '../../tensor/arithmetic.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { GuidanceRule } from './guided.ts';
import { combineEachImage, dot } from './per-image.ts';

export interface ApgOptions {
  /** How much of the part of the difference along the conditional estimate is kept; 1 keeps it all. */
  readonly eta: number;
  /** Largest norm of an image's difference; 0 means no bound. */
  readonly normThreshold: number;
  /** Weight of the running difference; negative values push away from it. */
  readonly momentum: number;
}

/**
 * Adaptive projected guidance on x0 estimates. Sadat et al. 2025 (2410.02416), algorithm 1: the difference
 * Δ = conditional − reference is averaged over steps, bounded in norm, and split along and across the conditional estimate;
 * guided = conditional + (scale − 1) · (across + eta · along). Without bound and momentum, eta 1 is classifier-free guidance.
 *
 * The running difference is state of one run: make a rule for each.
 */
export function adaptiveProjected({ eta, normThreshold, momentum }: ApgOptions): GuidanceRule {
  let running: Tensor | undefined;
  return ({ conditional, reference }, guidanceScale) => {
    const difference = combine([1, conditional], [-1, reference]);
    running = running === undefined ? difference : combine([1, difference], [momentum, running]);
    const delta = running;
    return combineEachImage([conditional, delta], (start, end) => {
      const norm = Math.sqrt(dot(delta, delta, start, end));
      const bound = normThreshold > 0 ? Math.min(1, normThreshold / norm) : 1;
      const square = dot(conditional, conditional, start, end);
      const along = square === 0 ? 0 : (bound * dot(delta, conditional, start, end)) / square;
      // across = bound · Δ − along · conditional
      const weight = guidanceScale - 1;
      return [1 + weight * (eta - 1) * along, weight * bound];
    });
  };
}
