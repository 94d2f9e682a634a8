import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * Runs every benchmark, or those named: `npm run bench -- generation library`. Each prints one JSON line a figure. To add
 * one, write `<name>.ts` beside this file and name it here.
 */
const benchmarks = ['generation', 'kept-images', 'library', 'samplers', 'gradients', 'nudge', 'window'] as const;

const asked = process.argv.slice(2);
const unknown = asked.find((name) => !benchmarks.some((known) => known === name));
if (unknown !== undefined) {
  console.error(`bench: expected any of ${benchmarks.join(', ')}, got "${unknown}"`);
  process.exit(2);
}
let failed = false;
for (const name of asked.length === 0 ? benchmarks : asked) {
  const file = fileURLToPath(new URL(`${name}.ts`, import.meta.url));
  failed = spawnSync(process.execPath, [file], { stdio: 'inherit' }).status !== 0 || failed;
}
process.exitCode = failed ? 1 : 0;
