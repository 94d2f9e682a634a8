import { keysOf } from './image-rows.ts';
import type { Library } from './library.ts';
import { lookDistance } from './look.ts';

/** Keeps an image's features, so that likeness can be judged by more than looks. */
export function setFeatures(library: Library, id: string, encoder: string, features: Float32Array): void {
  const [key = -1] = keysOf(library, [id]);
  library.database.run(
    'UPDATE image_records SET feature_encoder = ?, features = ? WHERE image = ?',
    encoder,
    new Uint8Array(features.buffer, features.byteOffset, features.byteLength),
    key,
  );
}

/** Features of an image by one encoder; null where they were never computed. */
export function featuresOf(library: Library, id: string, encoder: string): Float32Array | null {
  const [key = -1] = keysOf(library, [id]);
  const own = appearance(library, key);
  return own.encoder === encoder ? own.features : null;
}

/** What likeness is judged by: the picture's look, and its features where they were computed. */
export interface Appearance {
  readonly look: Uint8Array | null;
  readonly encoder: string | null;
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
    // A copy: the blob need not lie on a multiple of four bytes.
    features: bytes === null ? null : new Float32Array(Uint8Array.from(bytes).buffer),
  };
}

/**
 * Distance of two images: 1 − cosine of their features (0 to 2) where one encoder made both; else of their looks, 10 or
 * more, because features say more: images without them come after those with.
 */
export function distanceOf(a: Appearance, b: Appearance): number {
  const features = cosineDistance(a, b);
  if (features !== null) return features;
  const comparable = a.look !== null && b.look !== null;
  return 10 + (comparable ? lookDistance(a.look, b.look) : 10);
}

/** 1 − cosine; null where the two have no features of the same encoder. */
function cosineDistance(a: Appearance, b: Appearance): number | null {
  if (a.features === null || b.features === null || a.encoder !== b.encoder) return null;
  if (a.features.length !== b.features.length) return null;
  let [dot, squareA, squareB] = [0, 0, 0];
  for (let i = 0; i < a.features.length; i += 1) {
    const [left, right] = [a.features[i] ?? 0, b.features[i] ?? 0];
    dot += left * right;
    squareA += left * left;
    squareB += right * right;
  }
  return squareA === 0 || squareB === 0 ? null : 1 - dot / Math.sqrt(squareA * squareB);
}
