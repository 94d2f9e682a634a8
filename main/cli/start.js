#!/usr/bin/env node
// `npm start`: builds the application and opens its window; where Electron cannot be had, the same window in a browser.
// Plain JavaScript, because this also runs on an older Node than the pinned one.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const require = createRequire(import.meta.url);
const node =
  ['node_modules/node/bin/node', 'node_modules/node/bin/node.exe']
    .map((path) => join(root, path))
    .find((path) => existsSync(path)) ?? process.execPath;

/** Electron's program, fetched when it is not there; or why there is none. */
function findElectron() {
  if (typeof process.getuid === 'function' && process.getuid() === 0)
    return { reason: 'Electron does not run as root' };
  if (process.platform === 'linux' && !process.env.DISPLAY && !process.env.WAYLAND_DISPLAY)
    return { reason: 'there is no display' };
  const folder = join(root, 'node_modules', 'electron');
  if (!existsSync(folder)) return { reason: 'Electron is not installed (run npm ci)' };
  const pathFile = join(folder, 'path.txt');
  const own = process.env.ELECTRON_OVERRIDE_DIST_PATH;
  if (!own && !existsSync(pathFile)) {
    console.log('Fetching Electron, once…');
    const { status } = spawnSync(node, [require.resolve('electron/install.js')], { cwd: root, stdio: 'ignore' });
    if (status !== 0 || !existsSync(pathFile)) return { reason: 'the Electron program could not be fetched' };
  }
  const name = existsSync(pathFile) ? readFileSync(pathFile, 'utf8') : 'electron';
  const file = join(own || join(folder, 'dist'), name);
  return existsSync(file) ? { file } : { reason: `there is no Electron program at ${file}` };
}

function build(parts) {
  const { status, stdout, stderr } = spawnSync(node, parts, { cwd: root, encoding: 'utf8' });
  if (status === 0) return;
  process.stderr.write(`${stdout}${stderr}gamut: the application could not be built\n`);
  process.exit(1);
}

/** Runs a program until it ends; signals are passed on. */
function run(file, args, onExit) {
  const child = spawn(file, args, { cwd: root, stdio: 'inherit' });
  const passOn = (signal) => child.kill(signal);
  process.on('SIGINT', passOn).on('SIGTERM', passOn);
  child.on('error', () => onExit(1));
  child.on('exit', (code, signal) => onExit(code ?? (signal === 'SIGINT' ? 130 : 1)));
}

function serve(reason) {
  console.log(`gamut: ${reason}, so the window opens in your browser instead.`);
  build([join('node_modules', 'vite', 'bin', 'vite.js'), 'build', 'renderer', '--logLevel', 'error']);
  run(node, [join('main', 'cli', 'program.ts'), 'serve', '--open'], (code) => process.exit(code));
}

const electron = findElectron();
if (electron.file === undefined) {
  serve(electron.reason);
} else {
  build([join('node_modules', 'electron-vite', 'bin', 'electron-vite.js'), 'build', '--logLevel', 'error']);
  const started = Date.now();
  run(electron.file, ['.', ...process.argv.slice(2)], (code) => {
    // A window that never opened: a library of the system is missing, or the display refused.
    if (code !== 0 && Date.now() - started < 3000) serve('Electron could not start here');
    else process.exit(code);
  });
}
