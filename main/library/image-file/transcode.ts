import sharp from 'sharp';
import { Failure } from '../../contract/failures.ts';
import type { ImageRecord } from '../../contract/images.ts';
import { exifBlock } from './exif.ts';
import { parametersText } from './parameters-text.ts';
import { isPng, readPngChunks, readPngTexts, writePngChunks } from './png-chunks.ts';
import { mostPixels, readImageFile } from './read-image-file.ts';
import { xmpPacket } from './xmp.ts';

/**
 * A PNG as JPEG or WebP with its record kept: `parameters` text as EXIF UserComment, complete record in XMP.
 * The result is read back before it is returned, because a format's limits (64 KiB a segment in JPEG) are met in
 * silence by the encoders.
 * @param quality 1–100
 * @throws Failure unsupported when the record does not fit the format.
 */
export async function transcode(
  png: Uint8Array,
  record: ImageRecord | null,
  format: 'jpeg' | 'webp',
  quality: number,
): Promise<Uint8Array> {
  const comment = record === null ? foreignText(png) : parametersText(record);
  const source = comment === null ? png : withExif(png, record, comment);
  let image = sharp(source, { limitInputPixels: mostPixels });
  image =
    format === 'jpeg'
      ? image.flatten({ background: '#ffffff' }).jpeg({ quality, chromaSubsampling: '4:4:4', mozjpeg: false })
      : image.webp({ quality, effort: 4 });
  if (comment !== null) image = image.keepExif();
  if (record !== null) image = image.withXmp(xmpPacket(record, true));
  const bytes = await image.toBuffer();
  if (record !== null) await checkKept(bytes, record, format);
  return bytes;
}

/** sharp copies an EXIF block it is given, but cannot be handed one with text beyond ASCII: it travels in the PNG. */
function withExif(png: Uint8Array, record: ImageRecord | null, comment: string): Uint8Array {
  if (!isPng(png)) throw new Failure('internal', 'expected a PNG to convert');
  const [header, ...rest] = readPngChunks(png).filter((chunk) => chunk.type !== 'eXIf');
  if (header === undefined) throw new Failure('internal', 'expected a PNG with IHDR');
  const software = record === null ? '' : `${record.application.name} ${record.application.version}`;
  return writePngChunks([header, { type: 'eXIf', payload: exifBlock(software, comment) }, ...rest]);
}

/** Another program's settings, in the text that has them most plainly. */
function foreignText(png: Uint8Array): string | null {
  const texts = readPngTexts(readPngChunks(png));
  return texts.get('parameters') ?? texts.get('prompt') ?? null;
}

async function checkKept(bytes: Uint8Array, record: ImageRecord, format: string): Promise<void> {
  const back = await readImageFile(bytes);
  if (back.record !== null && JSON.stringify(back.record) === JSON.stringify(record)) return;
  throw new Failure(
    'unsupported',
    `expected the settings to fit a ${format} file, got ${JSON.stringify(record).length} characters; export this image as PNG`,
    'format',
  );
}
