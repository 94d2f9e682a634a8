import sharp, { type Sharp } from 'sharp';
import { mostPixels } from './image-file/read-image-file.ts';

/**
 * How a picture looks, in 56 bytes: 8 of gradients (dHash: is each of 8×8 places brighter than the one to its right) and
 * 48 of colours (mean RGB of 4×4 fields). Gradients alone would call a red and a blue vase the same picture.
 */
const gradientSide = 8;
const colourSide = 4;
export const lookBytes = 8 + 3 * colourSide * colourSide;

export async function lookOf(picture: Sharp): Promise<Uint8Array> {
  const base = picture.flatten({ background: '#ffffff' }).toColourspace('srgb');
  const [grey, colour] = await Promise.all([
    base
      .clone()
      .resize(gradientSide + 1, gradientSide, { fit: 'fill' })
      .greyscale()
      .raw()
      .toBuffer(),
    base.clone().resize(colourSide, colourSide, { fit: 'fill' }).removeAlpha().raw().toBuffer(),
  ]);
  const look = new Uint8Array(lookBytes);
  const step = grey.length / ((gradientSide + 1) * gradientSide);
  for (let y = 0; y < gradientSide; y += 1)
    for (let x = 0; x < gradientSide; x += 1) {
      const at = y * (gradientSide + 1) + x;
      if ((grey[at * step] ?? 0) > (grey[(at + 1) * step] ?? 0)) look[y] = (look[y] ?? 0) | (1 << x);
    }
  look.set(colour.subarray(0, lookBytes - gradientSide), gradientSide);
  return look;
}

/** The look of an image file's bytes. */
export async function lookOfFile(bytes: Uint8Array): Promise<Uint8Array> {
  return lookOf(sharp(bytes, { limitInputPixels: mostPixels }));
}

const bitsSet = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll('0', '').length);

/**
 * Distance of two looks, 0 for the same: share of gradients that differ plus mean difference of colours, each 0 to 1,
 * colours weighted by 4 because a change of 10 % of them is plain to see.
 */
export function lookDistance(a: Uint8Array, b: Uint8Array): number {
  const bits = gradientBits(a, b);
  let colour = 0;
  for (let i = gradientSide; i < lookBytes; i += 1) colour += Math.abs((a[i] ?? 0) - (b[i] ?? 0));
  return bits / 64 + (4 * colour) / (255 * (lookBytes - gradientSide));
}

function gradientBits(a: Uint8Array, b: Uint8Array): number {
  let bits = 0;
  for (let i = 0; i < gradientSide; i += 1) bits += bitsSet[(a[i] ?? 0) ^ (b[i] ?? 0)] ?? 0;
  return bits;
}

/** Whether two looks are within a distance; most pairs are told apart by their gradients alone. */
export function isWithin(a: Uint8Array, b: Uint8Array, distance: number): boolean {
  return gradientBits(a, b) <= 64 * distance && lookDistance(a, b) <= distance;
}

/** Below this two pictures are near duplicates: chosen so that noise, JPEG and small shifts stay under it. */
export const duplicateDistance = 0.14;
