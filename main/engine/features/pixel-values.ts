import { Failure } from '../../contract/failures.ts';

/** How an encoder wants 8-bit pixels as numbers: (pixel · rescaleFactor − mean) / deviation, a channel each (R, G, B). */
export interface Normalisation {
  readonly rescaleFactor: number;
  readonly mean: readonly [number, number, number];
  readonly deviation: readonly [number, number, number];
}

/** Pictures of one size: `pixels` is [count, height, width, 3], 8 bits each. */
export interface PixelBatch {
  readonly count: number;
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

/**
 * Pictures as `pixel_values` [count, 3, height, width].
 *
 * @throws bad-input when there are more or fewer pixels than the sizes say
 */
export function pixelValues(
  { count, width, height, pixels }: PixelBatch,
  { rescaleFactor, mean, deviation }: Normalisation,
): Float32Array {
  const plane = width * height;
  const length = count * 3 * plane;
  if (pixels.length !== length)
    throw new Failure('bad-input', `pictures: expected [${count}, ${height}, ${width}, 3] bytes, got ${pixels.length}`);
  const values = new Float32Array(length);
  for (const channel of [0, 1, 2] as const) {
    const table = Float32Array.from(
      { length: 256 },
      (_, pixel) => (pixel * rescaleFactor - mean[channel]) / deviation[channel],
    );
    for (let picture = 0; picture < count; picture++) {
      const from = picture * 3 * plane;
      for (let at = 0; at < plane; at++)
        values[from + channel * plane + at] = table[pixels[from + 3 * at + channel] as number] as number;
    }
  }
  return values;
}
