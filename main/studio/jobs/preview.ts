import sharp from 'sharp';
import type { MadePicture } from './make-batch.ts';

/** A preview small enough to be sent to every window several times a second. */
export async function previewOf(
  picture: MadePicture,
): Promise<{ readonly mediaType: 'image/webp'; readonly base64: string }> {
  const { width, height, pixels } = picture;
  const bytes = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .resize(256, 256, { fit: 'inside', withoutEnlargement: true })
    .webp({ quality: 60, effort: 0 })
    .toBuffer();
  return { mediaType: 'image/webp', base64: bytes.toString('base64') };
}
