import { describe, expect, it } from 'vitest';
import { batchNoise, streamNoise } from '../../../main/engine/diffusion/noise-source.ts';
import { philoxStream } from '../../../main/engine/tensor/philox.ts';
import { torchCpuStream } from '../../../main/engine/tensor/torch-random.ts';
import type { Tensor } from '../../../main/engine/tensor/tensor.ts';

const like = (images: number): Tensor => ({ dims: [images, 2, 3], data: new Float32Array(images * 6) });
const streams = (indices: readonly number[]) => indices.map((index) => philoxStream(42, index, 'step'));

describe('noise for a batch', () => {
  it('is the same for an image in every batch size, order and split', () => {
    const together = batchNoise(streams([0, 1, 2, 3]));
    const reordered = batchNoise(streams([3, 1]));
    const alone = batchNoise(streams([1]));
    for (const draw of [1, 2, 3]) {
      const four = together(like(4)).data;
      const two = reordered(like(2)).data;
      const one = alone(like(1)).data;
      expect([...four.subarray(6, 12)], `draw ${draw}`).toEqual([...one]);
      expect([...two]).toEqual([...four.subarray(18, 24), ...four.subarray(6, 12)]);
    }
  });

  it('differs from draw to draw', () => {
    const noise = batchNoise(streams([0]));
    expect([...noise(like(1)).data]).not.toEqual([...noise(like(1)).data]);
  });

  it('has the precision of the sample', () => {
    const noise = streamNoise(torchCpuStream(1));
    expect(noise(like(2)).data).toBeInstanceOf(Float32Array);
    expect(noise({ dims: [4], data: new Float64Array(4) }).data).toBeInstanceOf(Float64Array);
  });

  it('refuses a batch of another size than its streams', () => {
    expect(() => batchNoise(streams([0, 1]))(like(3))).toThrow('batch of 2');
  });
});
