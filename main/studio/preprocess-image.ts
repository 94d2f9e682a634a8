import sharp from 'sharp';
import { pixelValues } from '../engine/features/pixel-values.ts';
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

/** A picture of an encoder's size, its bare 8-bit RGB pixels [height, width, 3]. */
export interface SizedPicture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

/**
 * Resizes, crops and normalises a picture as the encoder's own configuration says. Transparency is dropped as the
 * encoders' own code does it (colour under the alpha is kept).
 *
 * @throws what sharp says of bytes that are no picture
 */
export async function preprocessImage(source: PictureSource, preprocessing: Preprocessing): Promise<PixelValues> {
  const { width, height, pixels } = await sizedPicture(source, preprocessing);
  return { width, height, values: pixelValues({ count: 1, width, height, pixels }, preprocessing) };
}

/** The same before it is normalised, which the engine does for itself: a quarter as many bytes go there. */
export async function sizedPicture(source: PictureSource, preprocessing: Preprocessing): Promise<SizedPicture> {
  return resized(await decoded(source), preprocessing);
}

async function decoded(source: PictureSource): Promise<SizedPicture> {
  if (source.kind === 'pixels') return source;
  const { data, info } = await sharp(source.bytes, { failOn: 'error' })
    .autoOrient()
    .toColourspace('srgb')
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, pixels: data };
}

async function resized(picture: SizedPicture, { resize, resample, centreCrop }: Preprocessing): Promise<SizedPicture> {
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

function targetSize(
  { width, height }: SizedPicture,
  resize: Preprocessing['resize'],
): { width: number; height: number } {
  if (resize === null) return { width, height };
  if (!('shortestEdge' in resize)) return resize;
  const edge = resize.shortestEdge;
  return width <= height
    ? { width: edge, height: Math.max(edge, Math.trunc((edge * height) / width)) }
    : { width: Math.max(edge, Math.trunc((edge * width) / height)), height: edge };
}

/** The middle of a picture; beyond its edge, black (as transformers pads). */
function cropped({ width, height, pixels }: SizedPicture, cropWidth: number, cropHeight: number): SizedPicture {
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
