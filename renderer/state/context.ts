import { createContext } from 'svelte';
import type { Connection } from './connect.ts';
import type { Language } from './language.svelte.ts';

/** What every component may need and none should be handed down: the language, and where pictures are. */
export const [useLanguage, provideLanguage] = createContext<Language>();
export const [usePictureAddress, providePictureAddress] = createContext<Connection['pictureAddress']>();
