import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The tiny model packages that `make_packages.py` made. */
export const packagesFolder = fileURLToPath(new URL('packages', import.meta.url));

export type PackageName = 'legacy' | 'optimum' | 'half' | 'fixed' | 'breaking' | 'flow';

export function packageFolder(name: PackageName): string {
  return join(packagesFolder, name);
}

/** A temporary folder that is gone at the end of the block. */
export function temporaryFolder(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), 'gamut-test-'));
  return {
    path,
    [Symbol.dispose]: () => {
      rmSync(path, { recursive: true, force: true });
    },
  };
}

/** A copy of a package that a test may damage. */
export function copiedPackage(name: PackageName): { readonly path: string } & Disposable {
  const folder = temporaryFolder();
  cpSync(packageFolder(name), folder.path, { recursive: true });
  return folder;
}
