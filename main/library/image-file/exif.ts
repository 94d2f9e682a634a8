/**
 * EXIF as JPEG and WebP carry it: one TIFF block whose UserComment holds the `parameters` text in UTF-16, which is where
 * AUTOMATIC1111's web UI and its readers keep it for these formats.
 */

const tagSoftware = 0x0131;
const tagExifFolder = 0x8769;
const tagUserComment = 0x9286;
const typeAscii = 2;
const typeLong = 4;
const typeUndefined = 7;

/** A TIFF block (big-endian, without the `Exif\0\0` prefix) with Software and UserComment. */
export function exifBlock(software: string, comment: string): Uint8Array {
  const name = Buffer.from(`${software.replaceAll(/[^\x20-\x7e]/g, '?')}\0`, 'latin1');
  const text = Buffer.from(comment.toWellFormed(), 'utf16le').swap16();
  const userComment = Buffer.concat([Buffer.from('UNICODE\0', 'latin1'), text]);
  // Header 8, first folder 2 + 2·12 + 4, second folder 2 + 12 + 4, then the two values.
  const first = 8;
  const second = first + 30;
  const nameAt = second + 18;
  const commentAt = nameAt + name.length + (name.length % 2);
  const block = Buffer.alloc(commentAt + userComment.length);
  block.write('MM\0*', 0, 'latin1');
  block.writeUInt32BE(first, 4);
  block.writeUInt16BE(2, first);
  entry(block, first + 2, tagSoftware, typeAscii, name.length, nameAt);
  entry(block, first + 14, tagExifFolder, typeLong, 1, second);
  block.writeUInt16BE(1, second);
  entry(block, second + 2, tagUserComment, typeUndefined, userComment.length, commentAt);
  name.copy(block, nameAt);
  userComment.copy(block, commentAt);
  return block;
}

function entry(block: Buffer, at: number, tag: number, type: number, count: number, value: number): void {
  block.writeUInt16BE(tag, at);
  block.writeUInt16BE(type, at + 2);
  block.writeUInt32BE(count, at + 4);
  block.writeUInt32BE(value, at + 8);
}

/** The UserComment of an EXIF block (with or without the `Exif\0\0` prefix); null where there is none to read. */
export function userCommentOf(exif: Uint8Array): string | null {
  const prefix = Buffer.from(exif.subarray(0, 6)).toString('latin1') === 'Exif\0\0' ? 6 : 0;
  const block = Buffer.from(exif.subarray(prefix));
  if (block.length < 8) return null;
  const order = block.toString('latin1', 0, 2);
  if (order !== 'MM' && order !== 'II') return null;
  const little = order === 'II';
  const short = (at: number): number => (little ? block.readUInt16LE(at) : block.readUInt16BE(at));
  const long = (at: number): number => (little ? block.readUInt32LE(at) : block.readUInt32BE(at));

  const find = (folder: number, tag: number): number | null => {
    if (folder + 2 > block.length) return null;
    const count = short(folder);
    for (let i = 0; i < count; i += 1) {
      const at = folder + 2 + 12 * i;
      if (at + 12 > block.length) return null;
      if (short(at) === tag) return at;
    }
    return null;
  };

  const pointer = find(long(4), tagExifFolder);
  const comment = pointer === null ? null : find(long(pointer + 8), tagUserComment);
  if (comment === null) return null;
  const length = long(comment + 4);
  const start = length <= 4 ? comment + 8 : long(comment + 8);
  if (length < 8 || start + length > block.length) return null;
  const charset = block.toString('latin1', start, start + 8);
  const text = block.subarray(start + 8, start + length);
  if (charset === 'UNICODE\0') return utf16(text, little);
  return text.toString('utf8').replace(/\0+$/, '');
}

/** Writers disagree about the byte order of UNICODE comments: the one that gives more ASCII is meant. */
function utf16(text: Buffer, little: boolean): string {
  const even = text.subarray(0, text.length - (text.length % 2));
  const zeros = [0, 0];
  for (let i = 0; i < even.length; i += 1) if (even[i] === 0) zeros[i % 2] = (zeros[i % 2] ?? 0) + 1;
  const [high = 0, low = 0] = zeros;
  const isLittle = high === low ? little : low > high;
  return (isLittle ? Buffer.from(even) : Buffer.from(even).swap16()).toString('utf16le').replace(/\0+$/, '');
}
