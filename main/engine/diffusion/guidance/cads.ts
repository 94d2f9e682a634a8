import { combine } from '../../tensor/arithmetic.ts';
import { emptyLike, type Tensor, type Values } from '../../tensor/tensor.ts';
import type { NoiseSource } from '../noise-source.ts';
import { forEachImage } from './per-image.ts';

export interface CadsOptions {
  /** Share of the run's time below which the condition is whole (tau1), and above which it is noise only (tau2). */
  readonly low: number;
  readonly high: number;
  /** Standard deviation of the noise that takes its place. */
  readonly scale: number;
  /** How far the result is brought back to the condition's own mean and standard deviation (psi). */
  readonly mix: number;
}

/**
 * Condition-annealed diffusion sampling, Sadat et al. 2024 (2310.17347), algorithm 1: early in a run the condition is mostly
 * noise, so that images of one condition differ more. ŷ = sqrt(gamma) y + scale · sqrt(1 − gamma) · n, then ŷ is brought to the
 * mean and standard deviation of y, image by image, and mixed with itself by `mix`.
 *
 * @param time 1 at the start of the run (noise), 0 at its end
 */
export function annealedCondition(
  y: Tensor,
  time: number,
  { low, high, scale, mix }: CadsOptions,
  noise: NoiseSource,
): Tensor {
  const gamma = time <= low ? 1 : time >= high ? 0 : (high - time) / (high - low);
  if (gamma === 1) return y;
  const noised = combine([Math.sqrt(gamma), y], [scale * Math.sqrt(1 - gamma), noise(y)]);
  const data = emptyLike<Values>(y.data);
  forEachImage(y, (start, end) => {
    const own = moments(y.data, start, end);
    const given = moments(noised.data, start, end);
    for (let i = start; i < end; i++) {
      const value = noised.data[i] ?? NaN;
      const restored =
        given.deviation === 0 ? own.mean : ((value - given.mean) / given.deviation) * own.deviation + own.mean;
      data[i] = mix * restored + (1 - mix) * value;
    }
  });
  return { dims: y.dims, data };
}

function moments(data: Values, start: number, end: number): { mean: number; deviation: number } {
  let sum = 0;
  for (let i = start; i < end; i++) sum += data[i] ?? NaN;
  const mean = sum / (end - start);
  let squares = 0;
  for (let i = start; i < end; i++) squares += ((data[i] ?? NaN) - mean) ** 2;
  return { mean, deviation: Math.sqrt(squares / (end - start)) };
}
