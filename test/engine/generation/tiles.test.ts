import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mapTiles, tileStarts } from '../../../main/engine/generation/tiles.ts';
import type { Tensor } from '../../../main/engine/tensor/tensor.ts';

const tilings = fc
  .record({ overlap: fc.integer({ min: 0, max: 6 }), extra: fc.integer({ min: 1, max: 8 }) })
  .map(({ overlap, extra }) => ({ tile: overlap + extra, overlap }));

describe('tiles', () => {
  it('cover every length from start to end, overlapping at least as asked', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), tilings, (length, tiling) => {
        const starts = tileStarts(length, tiling);
        const tile = Math.min(tiling.tile, length);
        expect(starts[0]).toBe(0);
        expect((starts.at(-1) ?? NaN) + tile).toBe(length);
        for (let at = 1; at < starts.length; at++) {
          const shared = (starts[at - 1] ?? NaN) + tile - (starts[at] ?? NaN);
          expect(shared).toBeGreaterThanOrEqual(tiling.overlap);
          expect(starts[at]).toBeGreaterThan(starts[at - 1] ?? NaN);
        }
      }),
    );
  });

  it('of a map that works value by value blend to the map of the whole', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 30 }),
        tilings,
        async (height, width, tiling) => {
          const data = Float32Array.from({ length: 2 * height * width }, (_, at) => Math.sin(at));
          const whole = { dims: [1, 2, height, width], data };
          const blended = await mapTiles(whole, tiling, 2, (tile) => Promise.resolve(doubled(tile)));
          const truth = doubled(whole);
          expect(blended.dims).toEqual(truth.dims);
          blended.data.forEach((value, at) => {
            expect(Math.abs(value - (truth.data[at] ?? NaN))).toBeLessThan(1e-5);
          });
        },
      ),
      { numRuns: 40 },
    );
  });
});

/** Three times the value, each in a square of 2 × 2. */
function doubled(x: Tensor): Tensor {
  const [, channels = 0, height = 0, width = 0] = x.dims;
  const data = new Float32Array(channels * height * width * 4);
  for (let at = 0; at < data.length; at++) {
    const column = Math.floor((at % (2 * width)) / 2);
    const row = Math.floor((Math.floor(at / (2 * width)) % (2 * height)) / 2);
    const channel = Math.floor(at / (4 * height * width));
    data[at] = 3 * (x.data[(channel * height + row) * width + column] ?? NaN);
  }
  return { dims: [1, channels, 2 * height, 2 * width], data };
}
