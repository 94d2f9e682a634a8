import { cp, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { StudioHandlers } from '../../contract/calls/index.ts';
import { Failure } from '../../contract/failures.ts';
import { findPackages, installedPackage } from '../../model-packages/resolve.ts';
import type { ModelFolders } from '../../model-packages/package.ts';
import { loadPackage } from '../../model-packages/load.ts';
import { readCalibration } from '../calibration.ts';
import { cardOfPackage, listModels, readPrompt } from '../models.ts';
import type { HostServices } from '../studio.ts';

/** The window's calls about models. */
export function modelHandlers(folders: ModelFolders, services: HostServices): StudioHandlers['models'] {
  return {
    list: async () => listModels(folders),
    async import() {
      const chosen = await services.chooseFolder('Gamut');
      if (chosen === null) return null;
      // Loading checks it; only what can be used is copied.
      loadPackage(chosen, false);
      const id = basename(chosen);
      if (findPackages(folders).some((found) => found.id === id))
        throw new Failure('bad-input', `A model '${id}' is here already; remove it first.`, 'model');
      const folder = join(folders.user, id);
      await cp(chosen, folder, { recursive: true, errorOnExist: true, force: false });
      return cardOfPackage(loadPackage(folder, false), id);
    },
    async remove({ model }) {
      const { folder, builtIn } = installedPackage(model, folders);
      if (builtIn) throw new Failure('denied', 'The built-in model cannot be removed.', 'model');
      if (services.trash === null) await rm(folder, { recursive: true });
      else await services.trash(folder);
      return {};
    },
    async read({ model, prompt }) {
      installedPackage(model, folders);
      const { unknownWords, tokenCount, tokenLimit } = readPrompt(model, prompt, folders);
      return { unknownWords: [...unknownWords], tokenCount, tokenLimit };
    },
    dialPath: async ({ model }) => (await readCalibration(installedPackage(model, folders).folder))?.path ?? null,
  };
}
