#!/usr/bin/env node
// The door of the command line. TypeScript runs as it is on the pinned Node 24; an older Node on the PATH hands over to it.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as module from 'node:module';
import { fileURLToPath } from 'node:url';

const entry = fileURLToPath(new URL('./program.ts', import.meta.url));

if (Number(process.versions.node.split('.')[0]) >= 24) {
  // Keeps what was compiled, types stripped: halves the start. In a folder of our own, which nobody else can write to.
  module.enableCompileCache(fileURLToPath(new URL('../../node_modules/.cache/gamut-compile', import.meta.url)));
  process.argv[1] = entry;
  await import('./program.ts');
} else {
  const pinned = ['bin/node', 'bin/node.exe']
    .map((path) => fileURLToPath(new URL(`../../node_modules/node/${path}`, import.meta.url)))
    .find((path) => existsSync(path));
  if (pinned === undefined) {
    console.error(`gamut: expected Node 24 or newer, found ${process.version}; run npm ci once to get the pinned one`);
    process.exit(1);
  }
  const child = spawn(pinned, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)));
}
