import { describe, expect, it } from 'vitest';
import { pixelValues } from '../../../main/engine/features/pixel-values.ts';

const normalisation = { rescaleFactor: 1 / 255, mean: [0.1, 0.2, 0.3], deviation: [0.5, 1, 2] } as const;

describe('pixel values of a batch', () => {
  it('are planes of R, G, B, picture after picture', () => {
    const pixels = Uint8Array.from({ length: 2 * 2 * 3 * 3 }, (_, at) => (at * 7) % 256);
    const values = pixelValues({ count: 2, width: 3, height: 2, pixels }, normalisation);
    expect(values).toHaveLength(36);
    for (let picture = 0; picture < 2; picture++)
      for (const channel of [0, 1, 2] as const)
        for (let at = 0; at < 6; at++) {
          const pixel = pixels[picture * 18 + 3 * at + channel] ?? NaN;
          const expected = (pixel / 255 - normalisation.mean[channel]) / normalisation.deviation[channel];
          expect(values[picture * 18 + channel * 6 + at]).toBeCloseTo(expected, 6);
        }
  });

  it('of too few pixels are refused', () => {
    const batch = { count: 1, width: 2, height: 2, pixels: new Uint8Array(11) };
    expect(() => pixelValues(batch, normalisation)).toThrow('pictures: expected [1, 2, 2, 3] bytes, got 11');
  });
});
