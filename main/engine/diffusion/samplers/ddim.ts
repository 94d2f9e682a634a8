import { combine, scale } from '../../tensor/arithmetic.ts';
import { ancestralStep } from './ancestral.ts';
import { noiseOf, steps, type Sampler } from './sampler.ts';

/**
 * Song et al. 2021 (DDIM), eq 12, in sigma: x0 estimate + down · eps + up · noise, where eta sets the split.
 *
 * Reads `eta`, `noise` (only when eta > 0), `limit`, `noiseFromLimited` and `landings`.
 */
export const ddim: Sampler = (denoise, x, sigmas, options = {}) =>
  steps(x, sigmas, options, async (x, i, sigma, sigmaNext) => {
    const raw = await denoise(x, sigma);
    const denoised = options.limit?.(raw) ?? raw;
    // The noise is the model's own, even where its x0 estimate was clipped, unless told otherwise.
    const noiseOrigin = options.noiseFromLimited === true ? denoised : raw;
    const landing = options.landings?.[i] ?? { sigma: sigmaNext, relabel: 1 };
    const { down, up } = ancestralStep(sigma, landing.sigma, options.eta ?? 0);
    const ratio = down / sigma;
    const next = combine(
      [1, denoised],
      [ratio, x],
      [-ratio, noiseOrigin],
      ...(up > 0 ? ([[up, noiseOf(options)(x)]] as const) : []),
    );
    return { x: landing.relabel === 1 ? next : scale(landing.relabel, next), denoised };
  });
