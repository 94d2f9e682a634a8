import { Failure, toFailure } from '../contract/failures.ts';
import type { FeatureEvent } from '../contract/features.ts';
import type { Picture } from '../engine/generation/generation-request.ts';
import type { Library } from '../library/library.ts';
import {
  keepFeatures,
  keysWithoutFeatures,
  storedPictures,
  type SeenPicture,
  type StoredPicture,
} from '../library/missing-features.ts';
import { pictureFile } from '../library/picture-files.ts';
import type { FeatureEncoder } from '../model-packages/feature-encoder.ts';
import { encodePictures, likenessEncoder, likenessFeatures } from './encode-pictures.ts';
import { Pace } from './pace.ts';
import { readPictureFile, type Workshop } from './workshop.ts';

/** Pictures that are encoded and kept together; few, since preparing and keeping them holds up whoever else asks. */
const partSize = 8;
/** Pixels that are decoded at once, some 50 MB; a larger picture goes alone. */
const partPixels = 1 << 24;

export interface EncodeLibraryOptions {
  /** Only the images of one batch; null: all outside the trash. */
  readonly batch: string | null;
  readonly signal?: AbortSignal;
}

/**
 * Computes the features of stored images that have none of an encoder, as a batch that is made now would store them. Each
 * part is kept as soon as it is there, so that whoever begins again after a stop or a kill goes on with the rest. An image
 * whose file is gone or cannot be read is named and skipped.
 *
 * @throws Failure `interrupted` after a stop, `engine-gone` when the engine died twice
 */
export async function* encodeLibrary(
  library: Library,
  encoder: FeatureEncoder,
  workshop: Workshop,
  { batch, signal }: EncodeLibraryOptions,
): AsyncGenerator<FeatureEvent, void, void> {
  const keys = await keysWithoutFeatures(library, likenessEncoder(encoder), batch, signal);
  const pace = new Pace(workshop);
  yield pace.progress(0, keys.length);
  let [encoded, skipped] = [0, 0];
  for (let from = 0; from < keys.length; from += partSize) {
    const pictures = storedPictures(library, keys.slice(from, from + partSize));
    for (const part of partsOf(pictures, encoder)) {
      signal?.throwIfAborted();
      const { seen, refused } = await see(library, encoder, workshop, part, signal);
      encoded += keepFeatures(library, seen);
      skipped += refused.length;
      for (const { image, reason } of refused) yield { kind: 'skipped', image, reason };
    }
    yield pace.progress(Math.min(from + partSize, keys.length), keys.length);
  }
  yield { kind: 'complete', features: encoder.label, encoded, skipped };
}

/** Pictures in parts that are decoded and encoded at once: of few pixels, and of one size where the encoder sets none. */
function partsOf(pictures: readonly StoredPicture[], { preprocessing }: FeatureEncoder): StoredPicture[][] {
  const anySize = preprocessing.resize !== null || preprocessing.centreCrop !== null;
  const parts: StoredPicture[][] = [];
  let pixels = Infinity;
  for (const picture of pictures) {
    const own = picture.width * picture.height;
    pixels += own;
    if (pixels > partPixels || !anySize) {
      parts.push([]);
      pixels = own;
    }
    parts.at(-1)?.push(picture);
  }
  return parts;
}

interface Refused {
  readonly image: string;
  readonly reason: string;
}

async function see(
  library: Library,
  encoder: FeatureEncoder,
  { engine }: Workshop,
  part: readonly StoredPicture[],
  signal: AbortSignal | undefined,
): Promise<{ readonly seen: readonly SeenPicture[]; readonly refused: readonly Refused[] }> {
  const read = await Promise.all(part.map(async ({ id }) => readStored(library, id)));
  const refused: Refused[] = [];
  const whole: { readonly picture: StoredPicture; readonly pixels: Picture }[] = [];
  part.forEach((picture, at) => {
    const pixels = read[at] as Picture | Failure; // one for each of the part
    if (pixels instanceof Failure) refused.push({ image: picture.id, reason: pixels.message });
    else whole.push({ picture, pixels });
  });
  const sources = whole.map(({ pixels }) => ({ kind: 'pixels', ...pixels }) as const);
  const vectors = await encodePictures(engine, encoder, sources, signal === undefined ? {} : { signal });
  const seen: SeenPicture[] = [];
  whole.forEach(({ picture }, at) => {
    const features = likenessFeatures(vectors[at] ?? {}, encoder);
    if (features.values.every(Number.isFinite)) seen.push({ picture, features });
    else refused.push({ image: picture.id, reason: 'its features are not finite numbers' });
  });
  return { seen, refused };
}

/** Pixels of a stored image; the failure where its file is gone or is no whole picture. */
async function readStored(library: Library, id: string): Promise<Picture | Failure> {
  try {
    return await readPictureFile((await pictureFile(library, id)).path);
  } catch (error) {
    const failure = toFailure(error);
    if (failure.code === 'bad-input' || failure.code === 'not-found') return failure;
    throw failure;
  }
}
