import sharp from 'sharp';
import { timeSlices } from '../library/time-slices.ts';
import type { Preprocessing } from '../model-packages/feature-encoder.ts';

/** A picture ready for an image encoder: [3, height, width], planes of R, G, B. */
export interface PixelValues {
  readonly width: number;
  readonly height: number;
  readonly values: Float32Array;
}

/** A picture's bytes in a file format, or its bare 8-bit RGB pixels. */
export type PictureSource =
  | { readonly kind: 'encoded'; readonly bytes: Uint8Array }
  | { readonly kind: 'pixels'; readonly width: number; readonly height: number; readonly pixels: Uint8Array };

const kernels = { nearest: 'nearest', bilinear: 'linear', bicubic: 'cubic', lanczos: 'lanczos3' } as const;

/**
 * Resizes, crops and normalises a picture as the encoder's own configuration says. Transparency is dropped as the
 * encoders' own code does it (colour under the alpha is kept).
 *
 * @throws what sharp says of bytes that are no picture
 */
export async function preprocessImage(source: PictureSource, preprocessing: Preprocessing): Promise<PixelValues> {
  return normalised(await resized(await decoded(source), preprocessing), preprocessing);
}

/** The same of several pictures, in their order: decoded side by side, normalised one by one so that windows are answered in between. */
export async function preprocessImages(
  sources: readonly PictureSource[],
  preprocessing: Preprocessing,
): Promise<PixelValues[]> {
  const sized = await Promise.all(sources.map(async (source) => resized(await decoded(source), preprocessing)));
  const rest = timeSlices();
  const values: PixelValues[] = [];
  for (const picture of sized) {
    values.push(normalised(picture, preprocessing));
    await rest();
  }
  return values;
}

function normalised(sized: Raw, preprocessing: Preprocessing): PixelValues {
  const plane = sized.width * sized.height;
  const values = new Float32Array(3 * plane);
  for (let channel = 0; channel < 3; channel++) {
    const mean = preprocessing.mean[channel] ?? 0;
    const deviation = preprocessing.deviation[channel] ?? 1;
    for (let at = 0; at < plane; at++)
      values[channel * plane + at] =
        ((sized.pixels[3 * at + channel] as number) * preprocessing.rescaleFactor - mean) / deviation;
  }
  return { width: sized.width, height: sized.height, values };
}

interface Raw {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

async function decoded(source: PictureSource): Promise<Raw> {
  if (source.kind === 'pixels') return source;
  const { data, info } = await sharp(source.bytes, { failOn: 'error' })
    .autoOrient()
    .toColourspace('srgb')
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, pixels: data };
}

async function resized(picture: Raw, { resize, resample, centreCrop }: Preprocessing): Promise<Raw> {
  const target = targetSize(picture, resize);
  const same = target.width === picture.width && target.height === picture.height;
  const full = same
    ? picture
    : await sharp(picture.pixels, { raw: { width: picture.width, height: picture.height, channels: 3 } })
        .resize({ ...target, fit: 'fill', kernel: kernels[resample] })
        .raw()
        .toBuffer({ resolveWithObject: true })
        .then(({ data, info }) => ({ width: info.width, height: info.height, pixels: data }));
  return centreCrop === null ? full : cropped(full, centreCrop.width, centreCrop.height);
}

function targetSize({ width, height }: Raw, resize: Preprocessing['resize']): { width: number; height: number } {
  if (resize === null) return { width, height };
  if (!('shortestEdge' in resize)) return resize;
  const edge = resize.shortestEdge;
  return width <= height
    ? { width: edge, height: Math.max(edge, Math.trunc((edge * height) / width)) }
    : { width: Math.max(edge, Math.trunc((edge * width) / height)), height: edge };
}

/** The middle of a picture; beyond its edge, black (as transformers pads). */
function cropped({ width, height, pixels }: Raw, cropWidth: number, cropHeight: number): Raw {
  const left = Math.floor((width - cropWidth) / 2);
  const top = Math.floor((height - cropHeight) / 2);
  const out = new Uint8Array(3 * cropWidth * cropHeight);
  for (let y = 0; y < cropHeight; y++)
    for (let x = 0; x < cropWidth; x++) {
      const [fromX, fromY] = [x + left, y + top];
      if (fromX < 0 || fromY < 0 || fromX >= width || fromY >= height) continue;
      const from = 3 * (fromY * width + fromX);
      out.set(pixels.subarray(from, from + 3), 3 * (y * cropWidth + x));
    }
  return { width: cropWidth, height: cropHeight, pixels: out };
}
