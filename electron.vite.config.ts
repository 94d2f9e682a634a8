import { defineConfig } from 'electron-vite';
import page from './renderer/vite.config.ts';

/** Three bundles: main with the engine's process and the library's thread beside it, the sandboxed preload, the page. Native modules stay outside. */
export default defineConfig({
  main: {
    build: {
      outDir: 'out/main',
      target: 'node20.18',
      externalizeDeps: true,
      rollupOptions: {
        input: {
          index: 'main/app/start.ts',
          engine: 'main/engine/host.ts',
          checkpoint: 'main/library/checkpoint.ts',
        },
        output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: 'chunks/[name]-[hash].js' },
      },
    },
  },
  preload: {
    build: {
      outDir: 'out/preload',
      externalizeDeps: false,
      rollupOptions: {
        input: { index: 'main/app/preload.ts' },
        output: { format: 'cjs', entryFileNames: '[name].cjs' },
      },
    },
  },
  renderer: {
    ...page,
    root: 'renderer',
    build: { ...page.build, outDir: 'out/renderer', rollupOptions: { input: 'renderer/index.html' } },
  },
});
