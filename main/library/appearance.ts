import type { Library } from './library.ts';
import { duplicateDistance, isWithin, lookDistance } from './look.ts';

/** A picture as an encoder sees it. Vectors are compared only where one encoder made both. */
export interface PictureFeatures {
  /** Changes whenever the vectors may: the encoder's files, its preprocessing, which output is taken. */
  readonly encoder: string;
  readonly values: Float32Array;
}

/** What likeness is judged by: the picture's look, and its features where they were computed. */
export interface Appearance {
  readonly look: Uint8Array | null;
  readonly encoder: string | null;
  /** Of length 1; null where there are none, or none with a direction. */
  readonly features: Float32Array | null;
}

/** Appearance of an image by its key. */
export function appearance(library: Library, key: number): Appearance {
  return appearanceOf(
    library.database.get('SELECT look, feature_encoder, features FROM image_records WHERE image = ?', key) ?? {},
  );
}

/** Appearance in a row of `look`, `feature_encoder` and `features`. */
export function appearanceOf(row: Readonly<Record<string, unknown>>): Appearance {
  const bytes = row['features'] instanceof Uint8Array ? row['features'] : null;
  return {
    look: row['look'] instanceof Uint8Array ? row['look'] : null,
    encoder: row['feature_encoder'] == null ? null : String(row['feature_encoder']),
    features: bytes === null ? null : directionIn(bytes),
  };
}

/** The direction of stored features, whatever their length; null for none, and for numbers that are not finite. */
function directionIn(bytes: Uint8Array): Float32Array | null {
  if (bytes.length % Float32Array.BYTES_PER_ELEMENT !== 0) return null;
  // A copy: the blob need not lie on a multiple of four bytes.
  const values = new Float32Array(Uint8Array.from(bytes).buffer);
  const length = Math.hypot(...values);
  return length > 0 && Number.isFinite(length) ? values.map((value) => value / length) : null;
}

/** What is stored of features; they are 32-bit numbers in the machine's order, which is little-endian everywhere. */
export function featureBytes({ values }: PictureFeatures): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/**
 * Up to this distance of features two pictures are near duplicates. Of the built-in model's pictures by the encoder that
 * compares them with text: the same seed in 12 and in 14 steps is at most 0.0012 apart, JPEG at quality 80, half and double
 * size and shifts of two pixels at most 0.0083, a matte and a glossy one of the same seed at least 0.0145, two seeds of the
 * same prompt at least 0.031. By their looks half of those matte and glossy pairs were taken for one picture.
 */
const duplicateFeatureDistance = 0.01;

/**
 * Distance of two images: 1 − cosine of their features (0 to 2) where one encoder made both; else of their looks, 10 or
 * more, because features say more: images without them come after those with. Except what looks the same, a copy that was
 * imported, say: it comes with the near duplicates.
 */
export function distanceOf(a: Appearance, b: Appearance): number {
  const vectors = comparable(a, b);
  if (vectors !== null) return apart(...vectors);
  if (a.look === null || b.look === null) return 20;
  return isWithin(a.look, b.look, duplicateDistance) ? duplicateFeatureDistance : 10 + lookDistance(a.look, b.look);
}

/** Whether two images are nearly the same: by their features where one encoder made both, else by their looks. */
export function areNearDuplicates(a: Appearance, b: Appearance): boolean {
  const vectors = comparable(a, b);
  if (vectors !== null) return areWithin(...vectors, duplicateFeatureDistance);
  return a.look !== null && b.look !== null && isWithin(a.look, b.look, duplicateDistance);
}

/** The features of both; null where the two have none of the same encoder. */
function comparable(a: Appearance, b: Appearance): readonly [Float32Array, Float32Array] | null {
  if (a.features === null || b.features === null || a.encoder !== b.encoder) return null;
  return a.features.length === b.features.length ? [a.features, b.features] : null;
}

/** 1 − cosine of two directions: half their squared distance. */
function apart(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += ((a[i] as number) - (b[i] as number)) ** 2;
  return sum / 2;
}

/** Whether two directions are at most so far apart; most pairs are told by their first few numbers. */
function areWithin(a: Float32Array, b: Float32Array, distance: number): boolean {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) {
    sum += ((a[i] as number) - (b[i] as number)) ** 2;
    if (sum > 2 * distance) return false;
  }
  return true;
}
