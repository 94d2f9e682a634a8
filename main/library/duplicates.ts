import { Failure } from '../contract/failures.ts';
import type { DuplicateGroup } from '../contract/library.ts';
import { keysOf } from './image-rows.ts';
import type { Library } from './library.ts';
import { duplicateDistance, isWithin, lookDistance } from './look.ts';
import { timeSlices } from './time-slices.ts';

/** Beyond this many images, comparing each with each takes too long to wait for. */
export const mostCompared = 5000;

export interface SimilarityOptions {
  /** Also requires features to be this near (1 − cosine); images without features are judged by their look alone. */
  readonly featureDistance?: number;
}

/**
 * Groups of images that look alike, in the order given: the first of a group leads it, and each other is as near to the
 * leader as `duplicateDistance`, so that a chain of small steps does not end in one large group.
 * @throws Failure bad-input for more than 5000 images.
 */
export async function duplicateGroups(
  library: Library,
  ids: readonly string[],
  options: SimilarityOptions = {},
): Promise<DuplicateGroup[]> {
  if (ids.length > mostCompared)
    throw new Failure('bad-input', `expected at most ${mostCompared} images to compare, got ${ids.length}`, 'images');
  const pause = timeSlices();
  const groups: { readonly leader: Appearance; readonly images: string[] }[] = [];
  for (const id of ids) {
    await pause();
    const [key = -1] = keysOf(library, [id]);
    const candidate = appearance(library, key);
    const group = groups.find(({ leader }) => isNear(leader, candidate, options));
    if (group === undefined) groups.push({ leader: candidate, images: [id] });
    else group.images.push(id);
  }
  return groups.filter(({ images }) => images.length > 1).map(({ images }) => ({ images }));
}

/** Rows looked at between two pauses for others. */
const scanned = 1000;

/** Ids of the images most like one, nearest first, itself left out: by features where both have them, else by look. */
export async function similarImages(library: Library, id: string, limit: number): Promise<string[]> {
  const [own = -1] = keysOf(library, [id]);
  const wanted = appearance(library, own);
  // Features are long: they are read only where there is something to compare them with.
  const columns = wanted.features === null ? 'look' : 'look, feature_encoder, features';
  const pause = timeSlices();
  const nearest: { readonly key: number; readonly distance: number }[] = [];
  for (let after = -1; ;) {
    const rows = library.database.all(
      `SELECT key, ${columns} FROM images JOIN image_records ON image = key
       WHERE key > ? AND +deleted = 0 AND +rejected = 0 AND key <> ? ORDER BY key LIMIT ${scanned}`,
      after,
      own,
    );
    for (const row of rows) nearest.push({ key: Number(row['key']), distance: distanceOf(wanted, appearanceOf(row)) });
    if (rows.length < scanned) break;
    after = Number(rows.at(-1)?.['key']);
    await pause();
  }
  return nearest
    .sort((a, b) => a.distance - b.distance || a.key - b.key)
    .slice(0, limit)
    .map(({ key }) => String(library.database.get('SELECT id FROM images WHERE key = ?', key)?.['id']));
}

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

interface Appearance {
  readonly look: Uint8Array | null;
  readonly encoder: string | null;
  readonly features: Float32Array | null;
}

function appearance(library: Library, key: number): Appearance {
  return appearanceOf(
    library.database.get('SELECT look, feature_encoder, features FROM image_records WHERE image = ?', key) ?? {},
  );
}

function appearanceOf(row: Readonly<Record<string, unknown>>): Appearance {
  const bytes = row['features'] instanceof Uint8Array ? row['features'] : null;
  return {
    look: row['look'] instanceof Uint8Array ? row['look'] : null,
    encoder: row['feature_encoder'] == null ? null : String(row['feature_encoder']),
    // A copy: the blob need not lie on a multiple of four bytes.
    features: bytes === null ? null : new Float32Array(Uint8Array.from(bytes).buffer),
  };
}

function isNear(a: Appearance, b: Appearance, { featureDistance }: SimilarityOptions): boolean {
  if (a.look === null || b.look === null || !isWithin(a.look, b.look, duplicateDistance)) return false;
  const features = featureDistance === undefined ? null : cosineDistance(a, b);
  return features === null || featureDistance === undefined || features <= featureDistance;
}

/** Features of one encoder say more than looks; images without them come after those with. */
function distanceOf(a: Appearance, b: Appearance): number {
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
