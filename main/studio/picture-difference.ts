import { note } from '../contract/notes.ts';
import type { Picture } from '../engine/generation/generation-request.ts';

/** What to say where a picture that was made again is not the one there is; null where every pixel is the same. */
export function differenceNote(there: Picture, again: Picture): string | null {
  if (there.width !== again.width || there.height !== again.height)
    return note('remadeOtherSize', {
      again: `${again.width}x${again.height}`,
      there: `${there.width}x${there.height}`,
    });
  let differing = 0;
  let largest = 0;
  there.pixels.forEach((value, at) => {
    const difference = Math.abs(value - (again.pixels[at] ?? NaN));
    if (difference > 0) differing += 1;
    largest = Math.max(largest, difference);
  });
  if (differing === 0) return null;
  const share = ((100 * differing) / there.pixels.length).toFixed(1);
  return note('remadeDiffers', { share, largest });
}
