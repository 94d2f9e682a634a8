import { Failure } from '../../contract/failures.ts';
import { note } from '../../contract/notes.ts';
import type { ModelSession } from '../runtime/session.ts';
import { isFiniteTensor } from '../tensor/arithmetic.ts';
import { sizeOf } from '../tensor/tensor.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { LatentSpace } from './diffusion-model.ts';
import { rowOf } from './pictures.ts';
import { mapTiles } from './tiles.ts';
import type { Tiling } from './tiles.ts';

/** Latent values in one decoder call: 512 × 512 pixels at a downscale of 8. More would need memory for no speed. */
const latentsPerCall = 64 * 64;
/** Above this side in latent values (768 pixels at 8) pictures are decoded in tiles. */
const largestSide = 96;
const tiling: Tiling = { tile: 64, overlap: 16 };

/** A decoded batch, and whether single precision had to help out. */
export interface Decoded {
  readonly images: Tensor;
  readonly notes: readonly string[];
}

/**
 * Decodes latents to images in −1 … 1, a few at a time, large ones in tiles. A half-precision decoder that overflowed is
 * tried again at float32, and a note says so.
 *
 * @param latents [B, C, h, w]
 * @param atFloat32 the same decoder at single precision; null when it is that already
 * @returns images [B, 3, H, W]
 * @throws Failure `non-finite` when the pictures are not finite at float32 either
 */
export async function decodeLatents(
  decoder: ModelSession,
  latents: Tensor,
  space: LatentSpace,
  signal: AbortSignal,
  atFloat32: () => Promise<ModelSession | null>,
): Promise<Decoded> {
  const images = await decodeWith(decoder, latents, space, signal);
  if (isFiniteTensor(images)) return { images, notes: [] };
  const single = await atFloat32();
  if (single !== null) {
    const again = await decodeWith(single, latents, space, signal);
    if (isFiniteTensor(again)) return { images: again, notes: [note('decoderOverflowed')] };
  }
  throw new Failure('non-finite', `${decoder.name}: the decoded picture is not finite (all steps done, sigma 0)`);
}

async function decodeWith(
  decoder: ModelSession,
  latents: Tensor,
  space: LatentSpace,
  signal: AbortSignal,
): Promise<Tensor<Float32Array>> {
  const [batch = 0, , height = 0, width = 0] = latents.dims;
  const codes = affine(latents, 1 / space.scalingFactor, space.shiftFactor);
  const run = (tile: Tensor): Promise<Tensor> => runCoder(decoder, 'latent_sample', ['sample'], tile, signal);
  if (!decodesWhole(decoder, height, width)) {
    const side = fixedSide(decoder);
    const cut = side === null ? tiling : { tile: side, overlap: Math.floor(side / 4) };
    const rows: Tensor[] = [];
    for (let row = 0; row < batch; row++) rows.push(await mapTiles(rowOf(codes, row), cut, space.downscale, run));
    return stack(rows);
  }
  const atOnce = Math.max(1, Math.floor(latentsPerCall / (height * width)));
  const parts: Tensor[] = [];
  for (let from = 0; from < batch; from += atOnce) parts.push(await run(rowsOf(codes, from, atOnce)));
  return stack(parts);
}

/**
 * Encodes an image to latents: the mean of the autoencoder's distribution (`latent_parameters`: mean and log variance, one
 * above the other), or the sample that older exports draw themselves (`latent_sample`).
 *
 * @param image [1, 3, H, W] in −1 … 1
 * @returns [1, C, h, w]
 */
export async function encodeImage(
  encoder: ModelSession,
  image: Tensor,
  space: LatentSpace,
  signal: AbortSignal,
): Promise<Tensor> {
  const [, , height = 0, width = 0] = image.dims;
  const run = (tile: Tensor): Promise<Tensor> =>
    runCoder(encoder, 'sample', ['latent_parameters', 'latent_sample'], tile, signal);
  const pixels = { tile: tiling.tile * space.downscale, overlap: tiling.overlap * space.downscale };
  const large = Math.max(height, width) > largestSide * space.downscale;
  const codes = large ? await mapTiles(image, pixels, 1 / space.downscale, run) : await run(image);
  const [, channels = 0, h = 0, w = 0] = codes.dims;
  if (channels !== space.channels && channels !== 2 * space.channels)
    throw new Failure('model-broken', `${encoder.name}: expected ${space.channels} latent channels, got ${channels}`);
  const mean = { dims: [1, space.channels, h, w], data: codes.data.subarray(0, space.channels * h * w) };
  return affine(mean, space.scalingFactor, -space.shiftFactor * space.scalingFactor);
}

async function runCoder(
  session: ModelSession,
  input: string,
  outputs: readonly string[],
  x: Tensor,
  signal: AbortSignal,
): Promise<Tensor> {
  const wanted = outputs.find((name) => session.outputs.some((output) => output.name === name));
  const result = wanted === undefined ? undefined : (await session.run({ [input]: x }, [wanted], signal))[wanted];
  if (result === undefined)
    throw new Failure(
      'model-broken',
      `${session.name}: expected an output ${outputs.join(' or ')}, found ${session.outputs.map(({ name }) => name).join(', ')}`,
    );
  return result;
}

/** Whether a decoder takes latents of this size in one piece; others are decoded in tiles. */
export function decodesWhole(decoder: ModelSession, height: number, width: number): boolean {
  const side = fixedSide(decoder);
  return side !== null ? height === side && width === side : Math.max(height, width) <= largestSide;
}

/** The side a decoder was exported for, or null where it is free. */
function fixedSide(decoder: ModelSession): number | null {
  const dim = decoder.inputs[0]?.dims[2];
  return typeof dim === 'number' ? dim : null;
}

function affine(x: Tensor, factor: number, offset: number): Tensor<Float32Array> {
  return { dims: x.dims, data: Float32Array.from(x.data, (value) => value * factor + offset) };
}

function rowsOf(x: Tensor, from: number, count: number): Tensor {
  const [batch = 0, ...rest] = x.dims;
  const kept = Math.min(count, batch - from);
  const size = sizeOf(rest);
  return { dims: [kept, ...rest], data: x.data.subarray(from * size, (from + kept) * size) };
}

function stack(parts: readonly Tensor[]): Tensor<Float32Array> {
  const rest = parts[0]?.dims.slice(1) ?? [];
  const data = new Float32Array(parts.reduce((sum, part) => sum + part.data.length, 0));
  let offset = 0;
  for (const part of parts) {
    data.set(part.data, offset);
    offset += part.data.length;
  }
  return { dims: [parts.reduce((sum, { dims }) => sum + (dims[0] ?? 0), 0), ...rest], data };
}
