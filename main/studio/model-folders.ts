import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defaultHome } from '../library/library.ts';
import type { ModelFolders } from '../model-packages/package.ts';

/** Models that come with the application; a packaged application names its own place. */
const builtInModels = fileURLToPath(new URL('../../resources/models', import.meta.url));

/** Where models are looked for: those that come with the application, and those of the person. */
export function modelFolders(home: string = defaultHome(), builtIn: string = builtInModels): ModelFolders {
  return { builtIn, user: join(home, 'models'), opened: new Map() };
}

/** Where the hashes of large model files are remembered. */
export function hashCacheFile(home: string = defaultHome()): string {
  return join(home, 'cache', 'model-hashes.json');
}
