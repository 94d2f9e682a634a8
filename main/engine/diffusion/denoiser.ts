import type { Tensor } from '../tensor/tensor.ts';

/**
 * D(x; sigma): the estimate of x0 for noised samples `x = x0 + sigma · noise` (EDM, Karras et al. 2022).
 *
 * @param x [B, C, H, W]; not modified
 * @param sigma noise level, the same for the whole batch
 * @returns denoised, of the dims and precision of `x`
 */
export type Denoiser = (x: Tensor, sigma: number) => Promise<Tensor>;
