import { toFailure } from '../contract/failures.ts';
import { checkConformance, readConformanceFile } from '../studio/conformance.ts';
import { exitCodeOf } from './exit-code.ts';

/** `npm run conformance -- FILE.json`: every case on a line, then the count. */
async function run(argv: readonly string[]): Promise<number> {
  const [path, ...rest] = argv;
  if (path === undefined || rest.length > 0) {
    process.stderr.write('usage: npm run conformance -- FILE.json\n');
    return 2;
  }
  try {
    let passed = 0;
    let failed = 0;
    for await (const { id, expected, got, pass } of checkConformance(await readConformanceFile(path))) {
      if (pass) passed += 1;
      else failed += 1;
      console.log(`${id}  expected ${JSON.stringify(expected)}  got ${JSON.stringify(got)}  ${pass ? 'pass' : 'FAIL'}`);
    }
    console.log(`${passed} passed, ${failed} failed`);
    return failed === 0 ? 0 : 1;
  } catch (error) {
    const failure = toFailure(error);
    process.stderr.write(`conformance: ${failure.message.replaceAll('\n', ' ')}\n`);
    return exitCodeOf(failure.code);
  }
}

process.exitCode = await run(process.argv.slice(2));
