import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../main/cli/gamut.js', import.meta.url));

export interface CommandOutcome {
  readonly exitCode: number | null;
  readonly output: string;
  /** Lines of standard error. */
  readonly complaints: readonly string[];
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Put before the program, as in `unshare -rm sh -c …`. */
  readonly wrapper?: (command: readonly string[]) => readonly string[];
  /** Called with each piece of standard error, with a way to signal the process. */
  readonly onComplaint?: (text: string, signal: (name: NodeJS.Signals) => void) => void;
}

/** Runs `gamut` with arguments, in a process of its own. */
export function gamut(args: readonly string[], options: CommandOptions = {}): Promise<CommandOutcome> {
  const command = [process.execPath, program, ...args];
  const [file = '', ...rest] = options.wrapper?.(command) ?? command;
  const child = spawn(file, rest, {
    cwd: options.cwd,
    env: { ...process.env, GAMUT_PROVIDER: 'cpu', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let complaints = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints += text;
    options.onComplaint?.(text, (name) => child.kill(name));
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode) => {
      resolve({ exitCode, output, complaints: complaints.split('\n').filter((line) => line !== '') });
    });
  });
}
