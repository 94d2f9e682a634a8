import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * The test command: formatting, lint, types, then every test. All parts run even when an early one fails, so that one run
 * tells everything; the last line counts them.
 */
const root = fileURLToPath(new URL('..', import.meta.url));
const bin = (name: string): string => fileURLToPath(new URL(`../node_modules/.bin/${name}`, import.meta.url));

interface Part {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
}

const checks: readonly Part[] = [
  { name: 'formatting', command: [bin('prettier'), '--check', '.', '--log-level', 'warn'] },
  { name: 'lint', command: [bin('eslint'), '.'] },
  { name: 'types', command: [bin('tsc'), '--noEmit'] },
  { name: 'window', command: [bin('svelte-check'), '--tsconfig', 'renderer/tsconfig.json', '--fail-on-warnings'] },
];

let passed = 0;
let failed = 0;
for (const { name, command } of checks) {
  const [file, ...args] = command;
  const { status } = spawnSync(file, args, { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' });
  if (status === 0) passed += 1;
  else failed += 1;
  console.log(`${status === 0 ? 'ok' : 'FAILED'}: ${name}`);
}

const report = fileURLToPath(new URL('../node_modules/.cache/vitest-report.json', import.meta.url));
const { status } = spawnSync(
  bin('vitest'),
  ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...process.argv.slice(2)],
  { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' },
);
const { readFileSync } = await import('node:fs');
const counts = JSON.parse(readFileSync(report, 'utf8')) as {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numFailedTestSuites: number;
};
passed += counts.numPassedTests;
failed += counts.numFailedTests;
// A file that does not even load has no failed test of its own; it must still count.
if (status !== 0 && counts.numFailedTests === 0) failed += 1;

console.log(`${passed} passed, ${failed} failed, ${counts.numPendingTests} skipped`);
process.exitCode = failed === 0 ? 0 : 1;
