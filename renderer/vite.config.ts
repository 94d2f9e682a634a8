import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

/** How the page is built; both hosts show the same files. */
export default defineConfig({
  root: import.meta.dirname,
  base: '/',
  plugins: [svelte({ configFile: false, compilerOptions: { runes: true } })],
  build: {
    outDir: '../out/renderer',
    emptyOutDir: true,
    target: 'chrome128',
    // electron-vite leaves the page as it is unless told.
    minify: true,
    // Nothing as data: the page's policy lets in files only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1200,
  },
});
