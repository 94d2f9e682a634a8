import { expect, it } from 'vitest';
import { differenceNote } from '../../main/studio/picture-difference.ts';

const picture = (...pixels: readonly number[]) => ({
  width: pixels.length / 3,
  height: 1,
  pixels: Uint8Array.from(pixels),
});

it('a picture made again is noted only where it differs', () => {
  expect(differenceNote(picture(1, 2, 3, 4, 5, 6), picture(1, 2, 3, 4, 5, 6))).toBeNull();
  expect(differenceNote(picture(1, 2, 3, 4, 5, 6), picture(1, 2, 3, 4, 9, 5))).toBe(
    'Made again, the image differs in 33.3 % of its values, by 4 of 255 at most: another model file, provider or version.',
  );
  expect(differenceNote(picture(1, 2, 3), picture(1, 2, 3, 4, 5, 6))).toBe('Made again, the image is 2x1, not 1x1.');
});
