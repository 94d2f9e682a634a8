import { Failure } from '../contract/failures.ts';
import { mostCompared, type DuplicateGroup } from '../contract/library.ts';
import { appearance, areNearDuplicates, type Appearance } from './appearance.ts';
import { keysOf } from './image-rows.ts';
import type { Library } from './library.ts';
import { timeSlices } from './time-slices.ts';

/**
 * Groups of images that are nearly the same, in the order given: the first of a group leads it, and each other is near to
 * the leader, so that a chain of small steps does not end in one large group.
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
    const group = groups.find(({ leader }) => areNearDuplicates(leader, candidate));
    if (group === undefined) groups.push({ leader: candidate, images: [id] });
    else group.images.push(id);
  }
  return groups.filter(({ images }) => images.length > 1).map(({ images }) => ({ images }));
}
