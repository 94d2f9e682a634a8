import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Failure } from '../contract/failures.ts';
import { loadPackage } from './load.ts';
import type { ModelFolders, ModelPackage } from './package.ts';

/** A package that may or may not load. */
export interface FoundPackage {
  /** What names it from anywhere: its id, or the absolute folder. */
  readonly id: string;
  readonly folder: string;
  readonly builtIn: boolean;
}

/** Every folder with a `model_index.json` among the built-in models and the person's own; a built-in id comes first. */
export function findPackages(folders: ModelFolders): FoundPackage[] {
  const found = [...packagesIn(folders.builtIn, true), ...packagesIn(folders.user, false)];
  return found.filter(({ id }, at) => found.findIndex((other) => other.id === id) === at);
}

function packagesIn(parent: string, builtIn: boolean): FoundPackage[] {
  if (!existsSync(parent)) return [];
  return readdirSync(parent)
    .sort()
    .map((id) => ({ id, folder: join(parent, id), builtIn }))
    .filter(({ folder }) => existsSync(join(folder, 'model_index.json')));
}

/**
 * The package of a model id alone: a window names models by their ids, and a folder that it made up is not opened.
 *
 * @throws Failure `not-found`
 */
export function installedPackage(model: string, folders: ModelFolders): FoundPackage {
  const found = findPackages(folders).find(({ id }) => id === model);
  if (found === undefined) throw new Failure('not-found', `There is no model '${model}'.`, 'model');
  return found;
}

/**
 * The package of a model id, or of a folder.
 *
 * @throws Failure `not-found` naming the ids there are
 */
export function resolvePackage(model: string, folders: ModelFolders): FoundPackage {
  const known = findPackages(folders);
  const named = known.find(({ id }) => id === model);
  if (named !== undefined) return named;
  const folder = resolve(model);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true)
    return { id: folder, folder, builtIn: false };
  const ids = known.map(({ id }) => id).join(', ');
  throw new Failure(
    'not-found',
    `model: expected a folder or one of ${ids === '' ? '(none installed)' : ids}, got "${model}"`,
    'model',
  );
}

/** Resolves and loads; a package whose files have not changed since it was opened is not read again. */
export function openPackage(model: string, folders: ModelFolders): ModelPackage {
  const { folder, builtIn } = resolvePackage(model, folders);
  const state = stateOf(folder);
  const known = folders.opened?.get(folder);
  if (known?.state === state) return known.modelPackage;
  const modelPackage = loadPackage(folder, builtIn);
  folders.opened?.set(folder, { state, modelPackage });
  return modelPackage;
}

/** Everything of a package that `loadPackage` reads, and what others keep with the package they were given. */
const readParts = [
  ...['tokenizer', 'scheduler', 'text_encoder', 'unet', 'vae', 'vae_encoder', 'vae_decoder'],
  ...['feature_encoder', 'reference'],
];

/** Names, sizes and times of change of a package's files. */
function stateOf(folder: string): string {
  const inParts = readParts
    .map((part) => join(folder, part))
    .filter((part) => existsSync(part))
    .flatMap((part) => readdirSync(part).map((file) => join(part, file)));
  const files = [join(folder, 'model_index.json'), join(folder, 'gamut.json'), ...inParts];
  return files
    .map((file) => {
      const stat = statSync(file, { throwIfNoEntry: false });
      return `${file} ${stat?.size} ${stat?.mtimeMs}`;
    })
    .join('\n');
}
