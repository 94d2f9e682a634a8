import { join } from 'node:path';
import { ensureWritableFolder, writeFileAtomically } from '../library/files.ts';
import { encodeImageFile } from '../library/image-file/encode-image-file.ts';
import type { JudgedImage } from './nudge.ts';

/** A folder for the two pictures of a nudge. */
export interface NudgedFolder {
  /**
   * Writes both with their complete records: `<seed>-<index>.png`, as a batch names it, and
   * `<seed>-<index>-<direction>.png`. Returns the paths.
   */
  readonly write: (nudged: {
    readonly before: JudgedImage;
    readonly after: JudgedImage;
  }) => Promise<{ readonly before: string; readonly after: string }>;
}

/** Makes the folder. @throws Failure `not-writable`, before anything is computed */
export async function nudgedFolder(folder: string): Promise<NudgedFolder> {
  await ensureWritableFolder(folder);
  const writeOne = async (name: string, { picture, record }: JudgedImage): Promise<string> => {
    const { width, height, pixels } = picture;
    const path = join(folder, name);
    await writeFileAtomically(path, await encodeImageFile({ width, height, data: pixels }, record));
    return path;
  };
  return {
    async write({ before, after }) {
      const { settings, index } = after.record;
      const stem = `${settings.seed}-${String(index).padStart(4, '0')}`;
      return {
        before: await writeOne(`${stem}.png`, before),
        after: await writeOne(`${stem}-${settings.nudge?.direction ?? 'nudged'}.png`, after),
      };
    },
  };
}
