import type { Picture } from '../engine/generation/generation-request.ts';

/** What to say where a picture that was made again is not the one there is; null where every pixel is the same. */
export function differenceNote(there: Picture, again: Picture): string | null {
  if (there.width !== again.width || there.height !== again.height)
    return `Made again, the image is ${again.width}x${again.height}, not ${there.width}x${there.height}.`;
  let differing = 0;
  let largest = 0;
  there.pixels.forEach((value, at) => {
    const difference = Math.abs(value - (again.pixels[at] ?? NaN));
    if (difference > 0) differing += 1;
    largest = Math.max(largest, difference);
  });
  if (differing === 0) return null;
  const share = ((100 * differing) / there.pixels.length).toFixed(1);
  return `Made again, the image differs in ${share} % of its values, by ${largest} of 255 at most: another model file, provider or version.`;
}
