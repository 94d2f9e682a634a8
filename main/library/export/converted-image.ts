import sharp from 'sharp';
import type { ImageRecord } from '../../contract/images.ts';
import type { ExportRequest } from '../../contract/library.ts';
import { withMetadata } from '../image-file/encode-image-file.ts';
import { mostPixels, readImageFile } from '../image-file/read-image-file.ts';
import { transcode } from '../image-file/transcode.ts';

/**
 * An image's file in the format asked for, with its settings inside. A file of that format is given as it is, byte for
 * byte.
 * @throws Failure unsupported when the settings do not fit the format.
 */
export async function convertedImage(
  bytes: Uint8Array,
  { format, quality }: Pick<ExportRequest, 'format' | 'quality'>,
): Promise<Uint8Array> {
  const image = await readImageFile(bytes);
  if (image.format === format) return bytes;
  const png = image.format === 'png' ? bytes : await asPng(bytes, image.record);
  return format === 'png' ? png : transcode(png, image.record, format, quality);
}

async function asPng(bytes: Uint8Array, record: ImageRecord | null): Promise<Uint8Array> {
  const png = await sharp(bytes, { limitInputPixels: mostPixels }).keepExif().png().toBuffer();
  return record === null ? png : withMetadata(png, record);
}

export function extensionOf(format: ExportRequest['format']): string {
  return format === 'jpeg' ? 'jpg' : format;
}
