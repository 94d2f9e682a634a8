import { createRequire } from 'node:module';
import { constants } from 'node:os';

/** glibc's flag: stays in the process although Node, which finds no add-on in it, closes it again. */
const RTLD_NODELETE = 0x1000;

/**
 * Must run before sharp is imported. On Linux the system's GLib is in every Electron process, and the linker would give it the
 * objects that the GLib inside libvips made: the application then ends at a random moment in `g_object_ref` (sharp's issues 4522
 * and 4525). So sharp's add-on is made to look into its own libraries first (RTLD_DEEPBIND). libvips itself is loaded before
 * and without that flag: its memory must come from Electron's allocator, which also frees what is handed across.
 */
export function bindSharpToItsOwnLibraries(): void {
  if (process.platform !== 'linux') return;
  const requireAsSharp = createRequire(createRequire(import.meta.url).resolve('sharp'));
  keepLoaded(requireAsSharp.resolve(`@img/sharp-libvips-linux-${process.arch}/binary`));

  const load = process.dlopen.bind(process);
  process.dlopen = (module: object, file: string, flags: number = constants.dlopen.RTLD_LAZY) => {
    load(module, file, /sharp-linux[^/]*\.node$/.test(file) ? flags | constants.dlopen.RTLD_DEEPBIND : flags);
  };
}

function keepLoaded(library: string): void {
  try {
    process.dlopen({ exports: {} }, library, constants.dlopen.RTLD_LAZY | RTLD_NODELETE);
  } catch (error) {
    // It is a library, not an add-on: Node says so after having loaded it.
    if (!(error instanceof Error && error.message.startsWith('Module did not self-register'))) throw error;
  }
}
