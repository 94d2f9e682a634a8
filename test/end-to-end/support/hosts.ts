import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { _electron, type Browser, type ElectronApplication, type Page } from 'playwright-core';
import { launchChromium } from './chromium.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));

/** One running application and its window, whatever hosts it. */
export interface Running {
  readonly page: Page;
  /** Makes the next dialog for a folder answer with this one; nothing in a browser, which has none. */
  readonly answerFolder: (folder: string) => Promise<void>;
  /** Makes a folder the system's trash; nothing in a browser host, which has none. */
  readonly answerTrash: (folder: string) => Promise<void>;
  /** Keeps in a file what the page gives out for keeping while something is done. */
  readonly downloadTo: (file: string, whileDoing: () => Promise<void>) => Promise<void>;
  /** Process ids of the engine. */
  readonly engines: () => readonly number[];
  readonly close: () => Promise<void>;
  /** Ends it as a power cut would. */
  readonly kill: () => Promise<void>;
  readonly electron: ElectronApplication | null;
}

export interface Host {
  readonly name: string;
  readonly open: (home: string) => Promise<Running>;
}

/** Children of a process, from the system's table. */
function childrenOf(pid: number): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((id) => {
      try {
        return new RegExp(String.raw`\) . ${pid} `).test(readFileSync(`/proc/${id}/stat`, 'utf8'));
      } catch {
        return false; // It ended meanwhile.
      }
    });
}

const commandOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
};

function descendants(pid: number): readonly number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendants(child)]);
}

/** The browser host as `gamut serve` runs it, in Chromium. */
export function browserHost(browser: () => Browser): Host {
  return {
    name: 'browser host',
    async open(home) {
      const server: ChildProcess = spawn(
        process.execPath,
        [join(root, 'main/cli/program.ts'), 'serve', '--port', '0'],
        { cwd: root, env: { ...process.env, GAMUT_HOME: home }, stdio: ['pipe', 'pipe', 'inherit'] },
      );
      const address = await new Promise<string>((resolve, reject) => {
        let text = '';
        server.stdout?.on('data', (part: Buffer) => {
          text += part.toString();
          const found = /http:\/\/\S+/.exec(text)?.[0];
          if (found !== undefined) resolve(found);
        });
        server.once('exit', () => {
          reject(new Error(`gamut serve ended: ${text}`));
        });
      });
      const page = await browser().newPage({ viewport: { width: 1440, height: 900 } });
      await page.goto(address);
      const end = async (signal: NodeJS.Signals): Promise<void> => {
        await page.close();
        if (server.exitCode !== null || server.signalCode !== null) return;
        const engines = descendants(server.pid ?? -1);
        server.kill(signal);
        await once(server, 'exit');
        if (signal === 'SIGKILL') for (const engine of engines) endProcess(engine);
      };
      return {
        page,
        answerFolder: () => Promise.resolve(),
        answerTrash: () => Promise.resolve(),
        downloadTo: async (file, whileDoing) => {
          const [download] = await Promise.all([page.waitForEvent('download'), whileDoing()]);
          await download.saveAs(file);
        },
        engines: () => descendants(server.pid ?? -1).filter((pid) => commandOf(pid).includes('host.ts')),
        close: () => end('SIGTERM'),
        kill: () => end('SIGKILL'),
        electron: null,
      };
    },
  };
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Electron's program for the tests; undefined where this machine has none. */
export const electronProgram = ((): string | undefined => {
  const folder = process.env['ELECTRON_OVERRIDE_DIST_PATH'];
  const file = folder === undefined ? undefined : join(folder, 'electron');
  return file !== undefined && existsSync(file) ? file : undefined;
})();

/** The desktop application in a real Electron. */
export function electronHost(): Host {
  return {
    name: 'Electron',
    async open(home) {
      const electron = await _electron.launch({
        ...(electronProgram === undefined ? {} : { executablePath: electronProgram }),
        args: [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), root],
        env: { ...definedEnvironment(), GAMUT_HOME: home },
      });
      watchForItsEnd(electron.process());
      const page = await electron.firstWindow();
      const { pid } = electron.process();
      return {
        page,
        electron,
        answerFolder: async (folder) => {
          await electron.evaluate(({ dialog }, path) => {
            dialog.showOpenDialog = () => Promise.resolve({ canceled: false, filePaths: [path] });
          }, folder);
        },
        answerTrash: async (folder) => {
          await electron.evaluate(({ shell }, to) => {
            const { renameSync } = process.getBuiltinModule('node:fs');
            const { basename, join: joined } = process.getBuiltinModule('node:path');
            shell.trashItem = (path) => {
              renameSync(path, joined(to, basename(path)));
              return Promise.resolve();
            };
          }, folder);
        },
        downloadTo: async (file, whileDoing) => {
          // In place of the system's dialog.
          const written = electron.evaluate(({ session }, path) => {
            return new Promise<string>((resolve) => {
              session.defaultSession.once('will-download', (event, item) => {
                item.setSavePath(path);
                if (event.defaultPrevented) resolve('prevented');
                else item.once('done', (_event, state) => resolve(state));
              });
            });
          }, file);
          await whileDoing();
          const state = await written;
          if (state !== 'completed') throw new Error(`the download was ${state}`);
        },
        engines: () => descendants(pid ?? -1).filter((child) => commandOf(child).includes('node.mojom.NodeService')),
        close: () => electron.close(),
        kill: async () => {
          const all = descendants(pid ?? -1);
          const gone = once(electron.process(), 'exit');
          electron.process().kill('SIGKILL');
          await gone;
          for (const child of all) endProcess(child);
        },
      };
    },
  };
}

const keptLastWords = 8000;

/** Says how the application ended where it was not the test that ended it: without this, only a closed page is seen. */
function watchForItsEnd(application: ChildProcess): void {
  let lastWords = '';
  application.stderr?.on('data', (part: Buffer) => {
    lastWords = (lastWords + part.toString()).slice(-keptLastWords);
  });
  application.once('exit', (code, signal) => {
    if (code === 0 || signal === 'SIGKILL') return;
    console.error(`The application ended with exit code ${code}, signal ${signal}. Its last words:\n${lastWords}`);
  });
}

function definedEnvironment(): Record<string, string> {
  const entries = Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(entries);
}

/** A second start of the desktop application over the same home; resolves with its exit code. */
export function startSecond(home: string): number {
  const file = electronProgram ?? '';
  try {
    execFileSync(file, [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), root], {
      env: { ...process.env, GAMUT_HOME: home },
      stdio: 'ignore',
      timeout: 30_000,
    });
    return 0;
  } catch (error) {
    return (error as { status: number | null }).status ?? -1;
  }
}

export { launchChromium };
