import { Failure } from '../contract/failures.ts';
import { mostCompared, type DuplicateGroup } from '../contract/library.ts';
import { appearance, type Appearance } from './appearance.ts';
import { keysOf } from './image-rows.ts';
import type { Library } from './library.ts';
import { duplicateDistance, isWithin } from './look.ts';
import { timeSlices } from './time-slices.ts';

/**
 * Groups of images that look alike, in the order given: the first of a group leads it, and each other is as near to the
 * leader as `duplicateDistance`, so that a chain of small steps does not end in one large group.
 * @throws Failure bad-input for more than 5000 images.
 */
export async function duplicateGroups(library: Library, ids: readonly string[]): Promise<DuplicateGroup[]> {
  if (ids.length > mostCompared)
    throw new Failure('bad-input', `expected at most ${mostCompared} images to compare, got ${ids.length}`, 'images');
  const pause = timeSlices();
  const groups: { readonly leader: Appearance; readonly images: string[] }[] = [];
  for (const id of ids) {
    await pause();
    const [key = -1] = keysOf(library, [id]);
    const candidate = appearance(library, key);
    const group = groups.find(({ leader }) => isNear(leader, candidate));
    if (group === undefined) groups.push({ leader: candidate, images: [id] });
    else group.images.push(id);
  }
  return groups.filter(({ images }) => images.length > 1).map(({ images }) => ({ images }));
}

function isNear(a: Appearance, b: Appearance): boolean {
  return a.look !== null && b.look !== null && isWithin(a.look, b.look, duplicateDistance);
}
