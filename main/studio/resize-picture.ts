import sharp from 'sharp';
import type { Picture } from '../engine/generation/generation-request.ts';

/** Scales a picture to cover a size and crops what stands over, from the middle. */
export async function resizePicture(
  { width, height, pixels }: Picture,
  size: { readonly width: number; readonly height: number },
): Promise<Picture> {
  const data = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .resize(size.width, size.height, { fit: 'cover', position: 'centre', kernel: 'lanczos3' })
    .removeAlpha()
    .raw()
    .toBuffer();
  return { ...size, pixels: new Uint8Array(data) };
}
