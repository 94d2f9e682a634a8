import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FuseV1Options, getCurrentFuseWire } from '@electron/fuses';
import { describe, expect, it } from 'vitest';
import { electronProgram } from './support/hosts.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const program = join(root, 'dist/linux-unpacked/gamut');
/** Packaging takes a while: where there is no package yet, GAMUT_TEST_PACKAGE=1 makes one. */
const canTest =
  process.platform === 'linux' &&
  electronProgram !== undefined &&
  (existsSync(program) || process.env['GAMUT_TEST_PACKAGE'] === '1');
if (!canTest)
  console.warn(
    'SKIPPED: the test of the packaged application. Run `npm run package` first, or set GAMUT_TEST_PACKAGE=1.',
  );

const on = '1'.charCodeAt(0);
const off = '0'.charCodeAt(0);

describe.skipIf(!canTest)('the packaged application', () => {
  it('has its fuses set', async () => {
    if (process.env['GAMUT_TEST_PACKAGE'] === '1')
      execFileSync(process.execPath, ['packaging/package.ts'], { cwd: root, stdio: 'inherit' });
    const wire = await getCurrentFuseWire(program);
    expect({
      runAsNode: wire[FuseV1Options.RunAsNode],
      cookies: wire[FuseV1Options.EnableCookieEncryption],
      nodeOptions: wire[FuseV1Options.EnableNodeOptionsEnvironmentVariable],
      inspect: wire[FuseV1Options.EnableNodeCliInspectArguments],
      integrity: wire[FuseV1Options.EnableEmbeddedAsarIntegrityValidation],
      archiveOnly: wire[FuseV1Options.OnlyLoadAppFromAsar],
      file: wire[FuseV1Options.GrantFileProtocolExtraPrivileges],
    }).toEqual({
      runAsNode: off,
      cookies: on,
      nodeOptions: off,
      inspect: off,
      integrity: on,
      archiveOnly: on,
      file: off,
    });
  });

  it('carries native files outside its archive, the models beside it, and no other platform’s binaries', () => {
    const resources = join(root, 'dist/linux-unpacked/resources');
    const runtime = join(resources, 'app.asar.unpacked/node_modules/onnxruntime-node/bin/napi-v6');
    expect(existsSync(join(runtime, 'linux', process.arch, 'onnxruntime_binding.node'))).toBe(true);
    expect([existsSync(join(runtime, 'darwin')), existsSync(join(runtime, 'win32'))]).toEqual([false, false]);
    expect(existsSync(join(resources, 'models'))).toBe(true);
  });
});
