import { bindSharpToItsOwnLibraries } from './bind-sharp.ts';

/** Where Electron begins. Everything else is imported afterwards, because it imports sharp. */
bindSharpToItsOwnLibraries();
await import('./main.ts');
