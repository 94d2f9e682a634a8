import { Failure } from '../contract/failures.ts';
import type { NudgeEncoder } from '../engine/generation/nudge-image.ts';
import type { FeatureEncoder, Preprocessing } from '../model-packages/feature-encoder.ts';

interface Size {
  readonly width: number;
  readonly height: number;
}

/**
 * A feature encoder as the engine differentiates it: preprocessing as one factor and offset a channel.
 *
 * @param size of the pictures; the encoder's own size is what comes back, and may be another
 */
export function nudgeEncoder(
  { imageModel, featureOutput, preprocessing, label }: FeatureEncoder,
  size: Size,
): NudgeEncoder {
  if (featureOutput === null)
    throw new Failure('unsupported', `nudge: ${label}: expected an encoder that names its features`, 'model');
  const { rescaleFactor, mean, deviation } = preprocessing;
  // A picture in −1 … 1 has the pixel values 127.5 (picture + 1).
  const channels = mean.map((centre, channel) => ({ centre, spread: deviation[channel] ?? 1 }));
  return {
    model: imageModel,
    input: 'pixel_values',
    output: featureOutput,
    ...sizeTaken(preprocessing, size),
    factor: channels.map(({ spread }) => (127.5 * rescaleFactor) / spread),
    offset: channels.map(({ centre, spread }) => (127.5 * rescaleFactor - centre) / spread),
  };
}

/** The size of the pictures that go into the encoder as they are: neither resized nor cropped. */
function sizeTaken({ resize, centreCrop }: Preprocessing, size: Size): Size {
  if (centreCrop !== null) return centreCrop;
  if (resize === null) return size;
  if (!('shortestEdge' in resize)) return resize;
  const { shortestEdge } = resize;
  return Math.min(size.width, size.height) === shortestEdge ? size : { width: shortestEdge, height: shortestEdge };
}
