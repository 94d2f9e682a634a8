import { openWorkshop, type Workshop } from '../../main/studio/workshop.ts';
import { packagesFolder } from './packages.ts';

/** A workshop of the tiny packages, on the CPU, that leaves nothing behind. */
export function packagesWorkshop(options: Parameters<typeof openWorkshop>[0] = {}): Workshop {
  const folders = { builtIn: packagesFolder, user: packagesFolder };
  return openWorkshop({ folders, provider: 'cpu', hashCache: null, ...options });
}
