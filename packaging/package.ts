import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Arch, build, Platform } from 'electron-builder';
import { configuration } from './electron-builder.ts';

/**
 * `npm run package`: the unpacked application for this machine, without network where Electron's program is here.
 * `npm run package -- --installers` makes what people download (NSIS, dmg and zip, AppImage and deb).
 */
const root = fileURLToPath(new URL('..', import.meta.url));
const wantsInstallers = process.argv.includes('--installers');
const platform = process.platform === 'darwin' ? 'mac' : process.platform === 'win32' ? 'win' : 'linux';
const architecture = process.arch === 'arm64' ? 'arm64' : 'x64';

/** Electron's program where it is on this machine: the folder named for tests, or what the package has fetched. */
function electronHere(): { readonly folder: string; readonly version: string } | null {
  const folder = process.env['ELECTRON_OVERRIDE_DIST_PATH'] ?? join(root, 'node_modules', 'electron', 'dist');
  if (!existsSync(join(folder, 'version'))) return null;
  return { folder, version: readFileSync(join(folder, 'version'), 'utf8').trim().replace(/^v/, '') };
}

function sizeOf(path: string): number {
  if (!statSync(path).isDirectory()) return statSync(path).size;
  return readdirSync(path, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

const bundled = spawnSync(
  process.execPath,
  ['node_modules/electron-vite/bin/electron-vite.js', 'build', '--logLevel', 'error'],
  {
    cwd: root,
    stdio: 'inherit',
  },
);
if (bundled.status !== 0) process.exit(1);

const target = { mac: Platform.MAC, win: Platform.WINDOWS, linux: Platform.LINUX }[platform];
const made = await build({
  projectDir: root,
  targets: target.createTarget(wantsInstallers ? undefined : 'dir', architecture === 'arm64' ? Arch.arm64 : Arch.x64),
  config: configuration({ platform, architecture, electron: electronHere() }),
  publish: 'never',
});

const unpacked = readdirSync(join(root, 'dist'))
  .filter((name) => name.endsWith('unpacked') || name.startsWith('mac'))
  .map((name) => join(root, 'dist', name));
for (const path of [...unpacked, ...made])
  console.log(`${(sizeOf(path) / 2 ** 20).toFixed(0)} MiB  ${path.slice(root.length)}`);
