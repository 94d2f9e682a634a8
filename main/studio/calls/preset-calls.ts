import type { StudioHandlers } from '../../contract/calls/index.ts';
import type { Library } from '../../library/library.ts';
import { exportPreset, importPreset, listPresets, removePreset, savePreset } from '../presets.ts';

/** The window's calls about named settings. */
export function presetHandlers({ folders: { presets } }: Library): StudioHandlers['presets'] {
  return {
    list: () => listPresets(presets),
    save: (draft) => savePreset(presets, draft),
    async remove({ preset }) {
      await removePreset(presets, preset);
      return {};
    },
    write: ({ preset }) => exportPreset(presets, preset),
    read: (file) => importPreset(presets, file),
  };
}
