import { fork } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import nodeModule from 'node:module';
import { fileURLToPath } from 'node:url';

/** What `child_process` and Electron's `utilityProcess` have in common: all the owner of the engine needs. */
export interface EngineChild {
  readonly pid: number | undefined;
  send(message: unknown): void;
  /** Ends it at once, whatever it is doing. */
  kill(): void;
  onMessage(listener: (message: unknown) => void): void;
  /** Called once, with how it ended and the last lines it wrote to its error output. */
  onExit(listener: (how: string, lastWords: string) => void): void;
}

/** Starts a new engine process. The desktop application passes one that is built on `utilityProcess`. */
export type StartEngine = () => EngineChild;

const hostFile = fileURLToPath(new URL('../engine/host.ts', import.meta.url));
const keptCharacters = 4000;

/** Weighed against whole applications, where 19 would yield to any of them: as below normal elsewhere. */
const nicenessApart = 10;

interface ForkOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly file?: string;
  /**
   * Whether a browser shows its work. Linux shares processors out among sessions first and among a session's processes
   * after that, so the engine's own priority would leave a browser, whose session is another, no more than its half.
   */
  readonly apart?: boolean;
}

/** Starts engines with `child_process.fork`, for the command line, the browser host and tests. */
export function forkEngine(options: ForkOptions = {}): StartEngine {
  const apart = options.apart === true && process.platform === 'linux';
  return () => {
    const child = fork(options.file ?? hostFile, {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      execArgv: [],
      detached: apart,
      env: { ...compileCache(), ...process.env, ...options.env },
    });
    if (apart && child.pid !== undefined) void lowerSession(child.pid);
    let lastWords = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      lastWords = (lastWords + text).slice(-keptCharacters);
    });
    return {
      pid: child.pid,
      send: (message) => {
        // Errors of a channel that closes under us arrive as 'exit'.
        if (child.connected) child.send(message as object, () => undefined);
      },
      kill: () => child.kill('SIGKILL'),
      onMessage: (listener) => child.on('message', listener),
      onExit: (listener) => {
        child.once('exit', (code, signal) => {
          listener(signal ?? `exit code ${code}`, lastWords);
        });
        child.once('error', (error) => {
          listener(error.message, lastWords);
        });
      },
    };
  };
}

/** Lowers the share of a process's whole session; where it cannot be lowered, says so in a line and leaves it as it is. */
async function lowerSession(pid: number): Promise<void> {
  try {
    await writeFile(`/proc/${pid}/autogroup`, String(nicenessApart));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // Kernels that do not group by session have no such file, nor has a process that has ended.
    if (code !== 'ENOENT' && code !== 'ESRCH')
      process.emitWarning(`the engine keeps its priority beside the browser: ${message}`);
  }
}

/** The engine keeps what it compiled where this process does, if it does. */
function compileCache(): NodeJS.ProcessEnv {
  // Younger than the oldest runtime of the desktop application, which has no such cache.
  const folder = (nodeModule as Partial<typeof nodeModule>).getCompileCacheDir?.();
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: folder };
}
