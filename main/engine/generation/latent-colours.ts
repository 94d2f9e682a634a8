import { solveLinearSystem } from '../tensor/linear-system.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Picture } from './generation-request.ts';

/**
 * A linear guess of what a latent looks like: for each of red, green and blue one weight a channel and a constant, fitted
 * by least squares to pictures that the decoder made. Previews at a thousandth of the decoder's cost, one pixel a latent.
 */
export interface LatentColours {
  readonly channels: number;
  /** [3][channels + 1], the constant last. */
  readonly weights: readonly (readonly number[])[];
}

/** Keeps the equations solvable where a channel never varies. */
const ridge = 1e-3;

/**
 * @param latents [B, C, h, w]
 * @param images [B, 3, h · s, w · s] that the decoder made of them, in −1 … 1
 */
export function fitLatentColours(latents: Tensor, images: Tensor): LatentColours {
  const [batch = 0, channels = 0, height = 0, width = 0] = latents.dims;
  const [, , imageHeight = 0, imageWidth = 0] = images.dims;
  const size = channels + 1;
  const plane = height * width;
  const step = imageWidth / width;
  // Normal equations AᵀA w = Aᵀb over every latent pixel.
  const products = Array.from({ length: size }, (_, at) =>
    Array.from({ length: size }, (_unused, other) => (at === other ? ridge * plane * batch : 0)),
  );
  const targets = Array.from({ length: 3 }, () => new Array<number>(size).fill(0));
  const row = new Array<number>(size).fill(1);
  for (let image = 0; image < batch; image++) {
    for (let at = 0; at < plane; at++) {
      for (let channel = 0; channel < channels; channel++)
        row[channel] = latents.data[(image * channels + channel) * plane + at] ?? 0;
      products.forEach((line, i) => {
        for (let j = 0; j < size; j++) line[j] = (line[j] ?? 0) + (row[i] ?? 0) * (row[j] ?? 0);
      });
      const middle =
        Math.floor((Math.floor(at / width) + 0.5) * step) * imageWidth + Math.floor(((at % width) + 0.5) * step);
      targets.forEach((target, colour) => {
        const value = images.data[(image * 3 + colour) * imageHeight * imageWidth + middle] ?? 0;
        for (let i = 0; i < size; i++) target[i] = (target[i] ?? 0) + (row[i] ?? 0) * value;
      });
    }
  }
  return { channels, weights: targets.map((target) => solveLinearSystem(products, target)) };
}

/** One image of a batch of latents as a small picture. */
export function colourLatent({ channels, weights }: LatentColours, latents: Tensor, image: number): Picture {
  const [, , height = 0, width = 0] = latents.dims;
  const plane = height * width;
  const pixels = new Uint8Array(3 * plane);
  for (let at = 0; at < plane; at++) {
    weights.forEach((line, colour) => {
      let value = line[channels] ?? 0;
      for (let channel = 0; channel < channels; channel++)
        value += (line[channel] ?? 0) * (latents.data[(image * channels + channel) * plane + at] ?? 0);
      pixels[3 * at + colour] = Math.round(Math.min(Math.max((value + 1) * 127.5, 0), 255));
    });
  }
  return { width, height, pixels };
}
