import { Command, CommanderError } from 'commander';
import { toFailure } from '../contract/failures.ts';
import { commands } from './commands/index.ts';
import { exitCodeOf } from './exit-code.ts';
import packageJson from '../../package.json' with { type: 'json' };

/** The `gamut` program: every command is one file in `commands/`. */
async function run(argv: readonly string[]): Promise<number> {
  const program = new Command('gamut')
    .description(packageJson.description)
    .version(packageJson.version)
    .configureHelp({ showGlobalOptions: true })
    // Its suggestions stand on a line of their own; a wrong command line gets one line.
    .configureOutput({
      outputError: (text, write) => {
        write(`${text.trim().replaceAll('\n', ' ')}\n`);
      },
    })
    // Options belong to the command they follow: `likelihood` and `likelihood report` share names.
    .enablePositionalOptions()
    .exitOverride();
  for (const register of commands) register(program);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return 0;
  } catch (error) {
    // Commander has already printed its own complaint, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const failure = toFailure(error);
    process.stderr.write(`gamut: ${failure.message.replaceAll('\n', ' ')}\n`);
    if (process.env['GAMUT_DEBUG'] !== undefined && error instanceof Error) process.stderr.write(`${error.stack}\n`);
    return exitCodeOf(failure.code);
  }
}

process.exitCode = await run(process.argv.slice(2));
