import type { RandomStream } from '../tensor/philox.ts';
import { emptyLike, sizeOf, type Tensor, type Values } from '../tensor/tensor.ts';

/** Fresh N(0, 1) noise of the dims and precision of `like`; each call is the next draw. */
export type NoiseSource = (like: Tensor) => Tensor;

/**
 * Noise for a batch from one stream an image, so that an image's noise does not depend on its batch.
 *
 * @param streams one for each image of the batch; the first dim of `like` must be their number
 */
export function batchNoise(streams: readonly RandomStream[]): NoiseSource {
  return (like) => {
    const [batch = 0, ...imageDims] = like.dims;
    if (batch !== streams.length)
      throw new RangeError(
        `noise: expected a batch of ${streams.length} (one stream each), got dims [${like.dims.join(', ')}]`,
      );
    const size = sizeOf(imageDims);
    const data = emptyLike<Values>(like.data);
    streams.forEach((stream, image) => stream.normal(data.subarray(image * size, (image + 1) * size)));
    return { dims: like.dims, data };
  };
}

/** Noise for a whole batch from one stream, in memory order, as PyTorch's `randn(shape)` draws it. */
export function streamNoise(stream: RandomStream): NoiseSource {
  return (like) => ({ dims: like.dims, data: stream.normal(emptyLike<Values>(like.data)) });
}
