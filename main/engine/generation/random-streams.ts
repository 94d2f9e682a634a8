import type { GenerationSettings } from '../../contract/settings.ts';
import { philoxStream } from '../tensor/philox.ts';
import type { RandomStream } from '../tensor/philox.ts';
import { torchCpuStream } from '../tensor/torch-random.ts';

/** The random numbers of one image: its start noise, and what a stochastic sampler adds on the way. */
export interface ImageStreams {
  readonly start: RandomStream;
  readonly step: RandomStream;
  readonly cads: RandomStream;
}

/**
 * The streams of the image `index` of a batch with `seed`, whatever its batch size or order. PyTorch's stream is one
 * generator an image, seeded with seed + index, as a list of generators is in diffusers; all draws come from it in turn.
 * CADS always draws from Philox: diffusers has nothing to agree with there.
 */
export function streamsOf(kind: GenerationSettings['randomStream'], seed: number, index: number): ImageStreams {
  const cads = philoxStream(seed, index, 'cads');
  if (kind === 'torch-cpu') {
    const stream = torchCpuStream(seed + index);
    return { start: stream, step: stream, cads };
  }
  return { start: philoxStream(seed, index, 'start'), step: philoxStream(seed, index, 'step'), cads };
}

/** The stream that a stochastic sampler draws an image's noise from, as it is when the `startSize` numbers of the start are drawn. */
export function stepStreamOf(
  kind: GenerationSettings['randomStream'],
  seed: number,
  index: number,
  startSize: number,
): RandomStream {
  const { start, step } = streamsOf(kind, seed, index);
  if (start === step) start.normal(new Float32Array(startSize));
  return step;
}
