import type Sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { callsByName } from '../../main/contract/calls/index.ts';
import type { Outcome } from '../../main/contract/calls/wire.ts';
import { describeFlows } from './flows.ts';
import { electronHost, electronProgram, startSecond } from './support/hosts.ts';
import { preparedHome } from './support/home.ts';
import { expectLogWrittenBack } from './support/log-written-back.ts';

declare global {
  interface Window {
    readonly gamut?: Readonly<Record<string, (input: unknown) => Promise<Outcome>>>;
  }
}

const hasElectron = electronProgram !== undefined && (process.env['DISPLAY'] ?? '') !== '';
if (!hasElectron)
  console.warn(
    'SKIPPED: the tests of the desktop window. They need ELECTRON_OVERRIDE_DIST_PATH (a folder with Electron) and a display.',
  );

describe.skipIf(!hasElectron)('the desktop window, used by a person', () => {
  describeFlows(electronHost());
});

describe.skipIf(!hasElectron)('the desktop window', () => {
  it('keeps the system’s GLib and the one in libvips apart', async () => {
    const home = await preparedHome();
    const { electron, close } = await electronHost().open(home.path);
    // Without main/app/bind-sharp.ts, the application ends within the first few hundred pictures.
    const worked = await electron?.evaluate(async ({ app }, rounds) => {
      const { createRequire } = process.getBuiltinModule('node:module');
      const { join } = process.getBuiltinModule('node:path');
      const sharp = createRequire(join(app.getAppPath(), 'package.json'))('sharp') as typeof Sharp;
      const pixels = new Uint8Array(64 * 64 * 3);
      let pictures = 0;
      for (let round = 0; round < rounds; round += 1) {
        const work = Array.from({ length: 8 }, async () => {
          const png = await sharp(pixels, { raw: { width: 64, height: 64, channels: 3 } })
            .png()
            .toBuffer();
          await sharp(png).resize(32).webp().toBuffer();
          pictures += 1;
        });
        await Promise.all(work);
      }
      return pictures;
    }, 250);
    expect(worked).toBe(2000);
    await close();
    home.remove();
  });

  it('writes the library’s log back while it is used, with the thread of its own bundle', async () => {
    const home = await preparedHome();
    const { page, close } = await electronHost().open(home.path);
    await page.locator('[data-primary]').waitFor();
    await expectLogWrittenBack(page, home.path);
    await close();
    home.remove();
  });

  it('is shut in and answers nobody else', async () => {
    const home = await preparedHome();
    const { page, electron, close } = await electronHost().open(home.path);
    await page.locator('[data-primary]').waitFor();
    const address = page.url();

    // The page: no Node, no Electron, one function for each call.
    expect(
      await page.evaluate(() => ({
        node: [typeof globalThis.process, typeof (globalThis as { require?: unknown }).require],
        bridge: Object.values(window.gamut ?? {}).every((call) => typeof call === 'function'),
        names: Object.keys(window.gamut ?? {}).filter((name) => !/^[a-z]+\.[a-zA-Z]+$/.test(name)),
      })),
    ).toEqual({ node: ['undefined', 'undefined'], bridge: true, names: [] });

    // No way out: navigation, new windows, the network, files, permissions, inline scripts.
    await page.evaluate(() => {
      location.href = 'https://example.com/';
    });
    await page.evaluate(() => {
      location.href = 'file:///etc/passwd';
    });
    expect(await page.evaluate(() => window.open('https://example.com/') === null)).toBe(true);
    for (const target of [
      'https://example.com/',
      'file:///etc/passwd',
      'http://127.0.0.1:1/',
      'app://other/index.html',
    ])
      expect(
        await page.evaluate(
          (url) =>
            fetch(url).then(
              (response) => (response.ok ? 'answered' : 'refused'),
              () => 'refused',
            ),
          target,
        ),
      ).toBe('refused');
    for (const target of [
      '../main/index.js',
      '..%2fmain%2findex.js',
      '%2e%2e/main/index.js',
      'assets/..%5c..%5cmain%5cindex.js',
    ])
      expect(
        await page.evaluate(
          (path) =>
            fetch(`/${path}`).then(
              ({ status }) => status,
              () => 0,
            ),
          target,
        ),
      ).not.toBe(200);
    expect(
      await page.evaluate(() =>
        navigator.mediaDevices?.getUserMedia({ video: true }).then(
          () => 'granted',
          () => 'denied',
        ),
      ),
    ).toBe('denied');
    expect(
      await page.evaluate(() => {
        const script = document.createElement('script');
        script.textContent = 'window.inlined = true';
        document.head.append(script);
        return (window as unknown as { inlined?: boolean }).inlined ?? false;
      }),
    ).toBe(false);
    expect(page.url()).toBe(address);
    expect(electron?.windows()).toHaveLength(1);

    // What the window was made with.
    expect(
      await electron?.evaluate(({ BrowserWindow }) => {
        const [window] = BrowserWindow.getAllWindows();
        const made = (
          window?.webContents as unknown as { getLastWebPreferences(): Electron.WebPreferences }
        ).getLastWebPreferences();
        return {
          sandbox: made.sandbox,
          contextIsolation: made.contextIsolation,
          nodeIntegration: made.nodeIntegration,
          webSecurity: made.webSecurity,
          allowRunningInsecureContent: made.allowRunningInsecureContent,
          experimentalFeatures: made.experimentalFeatures,
          enableBlinkFeatures: made.enableBlinkFeatures ?? '',
          webviewTag: made.webviewTag,
        };
      }),
    ).toEqual({
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      webSecurity: true,
      allowRunningInsecureContent: false,
      experimentalFeatures: false,
      enableBlinkFeatures: '',
      webviewTag: false,
    });

    // A thousand malformed calls: coded failures, and the window still works.
    const requests = [...callsByName].filter(([, call]) => call.kind === 'request').map(([name]) => name);
    const outcomes = await page.evaluate(async (names) => {
      const bridge = window.gamut ?? {};
      const wrong = [
        null,
        1,
        'x',
        [],
        { a: 1 },
        { id: -1 },
        { images: ['../x'] },
        { settings: { count: 1e9 } },
        undefined,
        NaN,
      ];
      const codes: Record<string, number> = {};
      for (let round = 0; round < 1000; round += 1) {
        const call = bridge[names[round % names.length] ?? ''];
        const outcome = await call?.(wrong[(round * 7 + Math.floor(round / names.length)) % wrong.length]);
        const code = outcome !== undefined && 'failure' in outcome ? outcome.failure.code : 'answered';
        codes[code] = (codes[code] ?? 0) + 1;
      }
      return codes;
    }, requests);
    expect(outcomes).toEqual({ 'bad-input': 1000 });
    // The driver still waits for the navigations that were refused, so the page is asked directly.
    await page.evaluate(() => document.querySelector<HTMLElement>('nav button:last-child')?.click());
    await expect
      .poll(() => page.evaluate(() => document.querySelector('h1')?.textContent), { timeout: 20_000 })
      .toBe('Settings');

    await close();
    home.remove();
  });

  it('hands a second start over to the first, whose window comes forward', async () => {
    const home = await preparedHome();
    const { electron, close } = await electronHost().open(home.path);
    await electron?.evaluate(({ BrowserWindow }) => {
      BrowserWindow.getAllWindows()[0]?.hide();
    });
    const isVisible = () =>
      electron?.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().map((window) => window.isVisible()));
    expect(await isVisible()).toEqual([false]);
    expect(startSecond(home.path)).toBe(0);
    await expect.poll(isVisible, { timeout: 20_000 }).toEqual([true]);
    await close();
    home.remove();
  });

  it('embeds no other page, even in a window that could', async () => {
    const home = await preparedHome();
    const { page, electron, close } = await electronHost().open(home.path);
    await page.locator('[data-primary]').waitFor();
    // Our page: the element is one that nobody knows.
    expect(
      await page.evaluate(() => {
        const view = document.createElement('webview');
        view.setAttribute('src', 'https://example.com/');
        view.setAttribute('allowpopups', '');
        document.body.append(view);
        return Object.getPrototypeOf(view) === HTMLElement.prototype && !('loadURL' in view);
      }),
    ).toBe(true);
    // A window with webviews switched on, as a mistake would make it: what is attached is prevented all the same.
    const attached = await electron?.evaluate(async ({ BrowserWindow, webContents }) => {
      const window = new BrowserWindow({ show: false, webPreferences: { webviewTag: true, sandbox: true } });
      const asked = new Promise<boolean>((resolve) => {
        // After the application's own listener.
        window.webContents.on('will-attach-webview', (event) => {
          resolve(event.defaultPrevented);
        });
      });
      await window.loadURL('data:text/html,<webview src="data:text/html,inside" allowpopups></webview>');
      const prevented = await asked;
      const guests = webContents.getAllWebContents().filter((contents) => contents.getType() === 'webview').length;
      window.destroy();
      return { prevented, guests };
    });
    expect(attached).toEqual({ prevented: true, guests: 0 });
    await close();
    home.remove();
  });

  it('answers its own page in the top frame, and nobody else who has its bridge', async () => {
    const home = await preparedHome();
    const { page, electron, close } = await electronHost().open(home.path);
    await page.locator('[data-primary]').waitFor();
    // A frame within our page has no bridge.
    expect(
      await page.evaluate(() => {
        document.body.append(document.createElement('iframe'));
        return typeof (window.frames[0] as Window | undefined)?.gamut;
      }),
    ).toBe('undefined');
    // The same calls from our page and from another page with our preload.
    const told = await electron?.evaluate(async ({ app, BrowserWindow }) => {
      const { join } = process.getBuiltinModule('node:path');
      const preload = join(app.getAppPath(), 'out', 'preload', 'index.cjs');
      const listQueue = `window.gamut['jobs.list']({}).then((outcome) => JSON.stringify(outcome))`;
      // Follows everything that happens: the first thing told, or nothing within three seconds.
      const follow = `new Promise((resolve) => {
        window.gamut['activity.watch']({}, (signal) => resolve(Object.keys(signal)[0]));
        setTimeout(() => resolve('nothing'), 3000);
      })`;
      const window = new BrowserWindow({ show: false, webPreferences: { preload, sandbox: true } });
      const run = (script: string): Promise<unknown> => window.webContents.executeJavaScript(script);
      await window.loadURL('app://gamut/index.html');
      const own = [await run(listQueue), await run(follow)];
      await window.loadURL('data:text/html,another page');
      const other = [await run(listQueue), await run(follow)];
      window.destroy();
      return { own, other };
    });
    const codeOf = (text: unknown): string => {
      const outcome = JSON.parse(String(text)) as Outcome;
      return 'failure' in outcome ? outcome.failure.code : 'answered';
    };
    const seen = Object.entries(told ?? {}).map(([who, [answer, events]]) => [who, codeOf(answer), events]);
    expect(seen).toEqual([
      ['own', 'answered', 'event'],
      ['other', 'denied', 'nothing'],
    ]);
    await close();
    home.remove();
  });
});
