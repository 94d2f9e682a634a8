import { expect, it } from 'vitest';
import { colourLatent, fitLatentColours } from '../../../main/engine/generation/latent-colours.ts';

it('learns a linear decoder and paints with it, one pixel a latent', () => {
  const [batch, channels, height, width, scale] = [2, 3, 4, 5, 8];
  const plane = height * width;
  const latents = {
    dims: [batch, channels, height, width],
    data: Float32Array.from({ length: batch * channels * plane }, (_, at) => Math.sin(1.7 * at)),
  };
  // red = 0.4 a − 0.1, green = 0.3 b + 0.2 c, blue = −0.5 c + 0.2
  const truth = (a: number, b: number, c: number): number[] => [0.4 * a - 0.1, 0.3 * b + 0.2 * c, -0.5 * c + 0.2];
  const latentAt = (image: number, at: number): [number, number, number] => {
    const value = (channel: number): number => latents.data[(image * channels + channel) * plane + at] ?? NaN;
    return [value(0), value(1), value(2)];
  };
  const images = {
    dims: [batch, 3, height * scale, width * scale],
    data: Float32Array.from({ length: batch * 3 * plane * scale * scale }, (_, at) => {
      const x = Math.floor((at % (width * scale)) / scale);
      const y = Math.floor((Math.floor(at / (width * scale)) % (height * scale)) / scale);
      const colour = Math.floor(at / (plane * scale * scale)) % 3;
      const image = Math.floor(at / (3 * plane * scale * scale));
      return truth(...latentAt(image, y * width + x))[colour] ?? NaN;
    }),
  };
  const colours = fitLatentColours(latents, images);
  const picture = colourLatent(colours, latents, 1);
  const expected = Array.from({ length: plane }, (_, at) =>
    truth(...latentAt(1, at)).map((value) => (value + 1) * 127.5),
  ).flat();
  expect([picture.width, picture.height]).toEqual([width, height]);
  picture.pixels.forEach((value, at) => {
    expect(Math.abs(value - (expected[at] ?? NaN))).toBeLessThan(1.5);
  });
});
