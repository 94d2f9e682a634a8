import { readFile } from 'node:fs/promises';
import { squaredDistance } from '../engine/features/distances.ts';
import type { Features } from '../engine/features/features.ts';
import { preprocessImage } from './preprocess-image.ts';

/** A picture shrunk until only what it shows is left: 16 × 16 in three channels, values 0 to 255. */
export interface Thumbnail {
  readonly values: Float32Array;
  /** Root mean square around the channels' means. */
  readonly contrast: number;
}

const side = 16;
/**
 * Root mean squared difference up to which two thumbnails are of one picture. Of the built-in model's pictures, JPEG at
 * quality 30, half and double size, and noise of 8 levels stay under 3; the two most alike of 24 seeds are 12 apart.
 */
const mostDifference = 6;
/** The same as a share of the contrast: two grey walls differ by little and need not be one picture. */
const mostOfContrast = 0.25;

/** Thumbnails of picture files, in their order, in parts of a few files at a time. */
export async function thumbnailsOf(files: readonly string[]): Promise<Thumbnail[]> {
  const found: Thumbnail[] = [];
  for (let from = 0; from < files.length; from += 16)
    found.push(...(await Promise.all(files.slice(from, from + 16).map(thumbnailOf))));
  return found;
}

async function thumbnailOf(file: string): Promise<Thumbnail> {
  const { values } = await preprocessImage(
    { kind: 'encoded', bytes: await readFile(file) },
    {
      resize: { width: side, height: side },
      resample: 'bilinear',
      centreCrop: null,
      rescaleFactor: 1,
      mean: [0, 0, 0],
      deviation: [1, 1, 1],
    },
  );
  const plane = side * side;
  let squares = 0;
  for (let channel = 0; channel < 3; channel++) {
    const part = values.subarray(channel * plane, (channel + 1) * plane);
    const mean = part.reduce((sum, value) => sum + value, 0) / plane;
    squares += part.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  }
  return { values, contrast: Math.sqrt(squares / values.length) };
}

/** Whether two thumbnails are of one picture, re-encoded or resized. */
export function lookAlike(a: Thumbnail, b: Thumbnail): boolean {
  const limit = Math.min(mostDifference, (mostOfContrast * (a.contrast + b.contrast)) / 2);
  const most = limit * limit * a.values.length;
  let sum = 0;
  for (let i = 0; i < a.values.length; i++) {
    sum += ((a.values[i] as number) - (b.values[i] as number)) ** 2;
    if (sum > most) return false;
  }
  return true;
}

/**
 * Groups of rows that are nearly the same: linked by features up to `limit` apart, or by pictures that look alike (features
 * that see defects tell a picture from its JPEG copy). A row alone is a group of one.
 *
 * @param thumbnails one a row; null: features alone decide
 */
export function nearDuplicates(set: Features, limit: number, thumbnails: readonly Thumbnail[] | null): number[][] {
  const leader = Array.from({ length: set.count }, (_, row) => row);
  const leaderOf = (row: number): number => {
    let at = row;
    while (leader[at] !== at) at = leader[at] ?? at;
    return at;
  };
  const areNear = (i: number, j: number): boolean => {
    if (squaredDistance(set, i, set, j) <= limit * limit) return true;
    const [a, b] = [thumbnails?.[i], thumbnails?.[j]];
    return a !== undefined && b !== undefined && lookAlike(a, b);
  };
  for (let i = 0; i < set.count; i++) for (let j = 0; j < i; j++) if (areNear(i, j)) leader[leaderOf(i)] = leaderOf(j);
  const groups = new Map<number, number[]>();
  for (let row = 0; row < set.count; row++) {
    const first = leaderOf(row);
    groups.set(first, [...(groups.get(first) ?? []), row]);
  }
  return [...groups.values()];
}
