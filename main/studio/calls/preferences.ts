import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { StudioHandlers } from '../../contract/calls/index.ts';
import { preferencesSchema, type Preferences } from '../../contract/preferences.ts';
import { writeFileAtomically } from '../../library/files.ts';
import type { Announcer } from './announcer.ts';

const fileName = 'preferences.json';

/** Preferences as the file has them. A file that cannot be read is put aside, not overwritten, and the usual ones hold. */
function read(file: string): Preferences {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return preferencesSchema.parse({}); // None kept yet.
  }
  try {
    return preferencesSchema.parse(JSON.parse(text));
  } catch {
    renameSync(file, `${file}.unreadable`);
    return preferencesSchema.parse({});
  }
}

/** The person's choices about the window, kept in one file of the studio's home. */
export function preferenceHandlers(home: string, announcer: Announcer): StudioHandlers['preferences'] {
  const file = join(home, fileName);
  let preferences = read(file);
  // Grows over restarts too: a window that lives longer than its studio goes on comparing.
  let revision = Date.now();
  let writing: Promise<void> = Promise.resolve();
  return {
    get: async () => ({ revision, preferences }),
    async change(edit) {
      preferences = preferencesSchema.parse({ ...preferences, ...edit });
      revision += 1;
      const kept = { revision, preferences };
      const text = `${JSON.stringify(preferences, null, 2)}\n`;
      // One after the other, whatever came of the one before: the last change must be the last written.
      writing = writing.catch(() => undefined).then(() => writeFileAtomically(file, text));
      await writing;
      announcer.tell({ kind: 'preferences', ...kept });
      return kept;
    },
  };
}
