import type { Tensor } from '../tensor/tensor.ts';
import type { GenerationEvent } from './generation-request.ts';
import { colourLatent, fitLatentColours } from './latent-colours.ts';
import type { LatentColours } from './latent-colours.ts';

/** Milliseconds between two previews of a batch. */
const interval = 200;

/** Previews of unfinished images, at most five a second: learnt from what the decoder made, then one pixel a latent. */
export class Previews {
  readonly #now: () => number;
  #last = -Infinity;
  #colours: LatentColours | null = null;

  /** @param now monotonic milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Whether the colours are known. */
  get ready(): boolean {
    return this.#colours !== null;
  }

  due(): boolean {
    return this.#now() - this.#last >= interval;
  }

  /**
   * @param latents [B, C, h, w], of which the first rows are
   * @param images [≤ B, 3, H, W], decoded
   */
  learn(latents: Tensor, images: Tensor): void {
    const dims = [images.dims[0] ?? 0, ...latents.dims.slice(1)];
    this.#colours = fitLatentColours({ ...latents, dims }, images);
  }

  *of(denoised: Tensor, indices: readonly number[], step: number): Generator<GenerationEvent> {
    this.#last = this.#now();
    if (this.#colours === null) return;
    for (const [row, index] of indices.entries())
      yield { kind: 'preview', index, step, picture: colourLatent(this.#colours, denoised, row) };
  }
}
