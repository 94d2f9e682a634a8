import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FuseV1Options, getCurrentFuseWire } from '@electron/fuses';
import { chromium, type Page } from 'playwright-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { electronProgram } from './support/hosts.ts';
import { expectLogWrittenBack } from './support/log-written-back.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const program = join(root, 'dist/linux-unpacked/gamut');
const canTest = process.platform === 'linux' && electronProgram !== undefined && (process.env['DISPLAY'] ?? '') !== '';
if (!canTest)
  console.warn('SKIPPED: the test of the packaged application. It needs ELECTRON_OVERRIDE_DIST_PATH and a display.');

const on = '1'.charCodeAt(0);
const off = '0'.charCodeAt(0);

describe.skipIf(!canTest)('the packaged application', () => {
  beforeAll(() => {
    execFileSync(process.execPath, ['packaging/package.ts'], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  });

  it('starts, fused as it is, and makes images with the model it carries', async () => {
    const home = mkdtempSync(join(tmpdir(), 'gamut-packaged-'));
    const port = await freePort();
    // The fuses keep Playwright's own launcher out, so the page is reached through Chromium's debugging port.
    const args = [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), `--remote-debugging-port=${port}`];
    const running = spawn(program, args, { env: { ...process.env, GAMUT_HOME: home }, stdio: 'ignore' });
    try {
      let page: Page | null = null;
      for (let attempt = 0; attempt < 60 && page === null; attempt += 1) {
        await new Promise((resolve) => setTimeout(resolve, 500));
        page = await pageAt(port);
      }
      if (page === null) throw new Error('the packaged application shows no page');
      await page.locator('.examples button').first().click();
      await page.getByRole('spinbutton', { name: 'Count' }).fill('2');
      await page.locator('[data-primary]:enabled').click();
      await page.locator('[data-place="1"] img').waitFor({ timeout: 90_000 });
      // With a thread whose program lies in the archive.
      await expectLogWrittenBack(page, home);
    } finally {
      const gone = once(running, 'exit');
      running.kill();
      await gone;
      rmSync(home, { recursive: true, force: true, maxRetries: 5 });
    }
  });

  it('has its fuses set', async () => {
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

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

/** The application's page, once it is there. */
async function pageAt(port: number): Promise<Page | null> {
  try {
    const browser = await chromium.connectOverCDP(`http://127.0.0.1:${port}`);
    const page = browser.contexts()[0]?.pages()[0];
    await page?.locator('[data-primary]').waitFor({ timeout: 10_000 });
    return page ?? null;
  } catch {
    return null; // Not up yet.
  }
}
