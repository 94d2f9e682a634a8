import { join } from 'node:path';
import type { LibraryFolders } from './library.ts';

/** Longer side of a thumbnail: sharp at twice the usual width of a cell. */
export const thumbnailSide = 384;

/** Where a picture's thumbnail is kept. Named by its pixels: an image made again under the same id is another picture. */
export function thumbnailPath({ cache }: LibraryFolders, pixelHash: string): string {
  return join(cache, 'thumbnails', pixelHash.slice(0, 2), `${pixelHash}-${thumbnailSide}.webp`);
}
