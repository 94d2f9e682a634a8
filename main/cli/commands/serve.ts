import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Failure } from '../../contract/failures.ts';
import { openBrowserHost } from '../../serve/browser-host.ts';
import { browserServices } from '../../serve/browser-services.ts';
import { openStudio } from '../../studio/open-studio.ts';
import packageJson from '../../../package.json' with { type: 'json' };
import { wholeNumber } from '../numbers.ts';
import type { Register } from './register.ts';

interface Options {
  readonly port: number;
  readonly host: string;
  readonly open?: boolean;
}

const root = fileURLToPath(new URL('../../..', import.meta.url));
const windowFolder = join(root, 'out', 'renderer');

/** `gamut serve`: the window in a browser, from this machine alone unless told otherwise. */
export const serve: Register = (program) => {
  program
    .command('serve')
    .description('show the window in a browser; only this machine is answered unless --host says otherwise')
    .option('--port <number>', 'port to listen on; 0 takes any free one', wholeNumber(0, 65_535), 4280)
    .option('--host <name>', 'address to listen on', '127.0.0.1')
    .option('--open', 'open the address in the browser')
    .action(run);
};

async function run({ port, host, open }: Options): Promise<void> {
  buildWindow();
  const studio = await openStudio({
    services: browserServices,
    version: packageJson.version,
  });
  try {
    const browserHost = await openOnFreePort(studio, port, host);
    const address = browserHost.invite();
    process.stdout.write(
      `Gamut is at ${address}\nThe address lets one browser in. Press Enter for another, Ctrl+C to end.\n`,
    );
    if (host !== '127.0.0.1' && host !== 'localhost' && host !== '::1')
      process.stderr.write(`gamut: others on the network can reach ${host}; what they see travels unencrypted\n`);
    if (open === true) openInBrowser(address);
    process.stdin.on('data', () => process.stdout.write(`${browserHost.invite()}\n`));
    await new Promise<void>((resolve) => {
      process.once('SIGINT', resolve).once('SIGTERM', resolve);
    });
    process.stdin.pause();
    await browserHost.close();
  } finally {
    await studio.close();
  }
}

/** The usual port may be taken by another Gamut; then any free one is as good. A port that was asked for is not replaced. */
async function openOnFreePort(studio: Awaited<ReturnType<typeof openStudio>>, port: number, host: string) {
  const isUsual = !process.argv.includes('--port');
  try {
    return await openBrowserHost({ studio, windowFolder, port, host });
  } catch (error) {
    if (!isUsual) throw error;
    return openBrowserHost({ studio, windowFolder, port: 0, host });
  }
}

/** A fresh clone has no built page yet. */
function buildWindow(): void {
  if (existsSync(join(windowFolder, 'index.html'))) return;
  process.stderr.write('Building the window, once…\n');
  const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
  const { status, stderr } = spawnSync(process.execPath, [vite, 'build', 'renderer', '--logLevel', 'error'], {
    cwd: root,
    encoding: 'utf8',
  });
  if (status !== 0)
    throw new Failure('internal', `The window could not be built: ${stderr.trim().split('\n')[0] ?? ''}`);
}

function openInBrowser(address: string): void {
  const [file, args]: [string, string[]] =
    process.platform === 'darwin'
      ? ['open', [address]]
      : process.platform === 'win32'
        ? ['cmd', ['/c', 'start', '', address]]
        : ['xdg-open', [address]];
  // No browser to be opened from here: the address is on the screen.
  spawn(file, args, { stdio: 'ignore', detached: true })
    .on('error', () => undefined)
    .unref();
}
