import { app, BrowserWindow, dialog, session, shell } from 'electron';
import { join } from 'node:path';
import { openStudio } from '../studio/open-studio.ts';
import type { HostServices, Studio } from '../studio/studio.ts';
import { answerCalls } from './calls.ts';
import { utilityEngine } from './engine-child.ts';
import { installMenu } from './menu.ts';
import { guardContents, guardSession } from './permissions.ts';
import { registerSchemes, serveProtocols } from './protocols.ts';
import { openWindow } from './window.ts';

/** The desktop application: its main process, with the engine, the preload and the page as built beside it. */
const out = join(app.getAppPath(), 'out');
const preload = join(out, 'preload', 'index.cjs');

const services: HostServices = {
  about: { host: 'desktop', canChoosePlace: true },
  async chooseFolder(title) {
    const window = BrowserWindow.getFocusedWindow() ?? BrowserWindow.getAllWindows()[0];
    const options = {
      title,
      properties: ['openDirectory', 'createDirectory'] as ('openDirectory' | 'createDirectory')[],
    };
    const { canceled, filePaths } = await (window === undefined
      ? dialog.showOpenDialog(options)
      : dialog.showOpenDialog(window, options));
    return canceled ? null : (filePaths[0] ?? null);
  },
  reveal: (path) => {
    shell.showItemInFolder(path);
  },
  trash: (path) => shell.trashItem(path),
};

function showFirstWindow(): void {
  const [window] = BrowserWindow.getAllWindows();
  if (window === undefined) return;
  if (window.isMinimized()) window.restore();
  window.show();
  window.focus();
}

async function start(): Promise<void> {
  const studio: Studio = await openStudio({
    services,
    startEngine: utilityEngine(join(out, 'main', 'engine.js')),
    checkpoint: join(out, 'main', 'checkpoint.js'),
    builtInModels: app.isPackaged ? join(process.resourcesPath, 'models') : join(out, '..', 'resources', 'models'),
    version: app.getVersion(),
  });
  guardSession(session.defaultSession);
  serveProtocols(session.defaultSession, join(out, 'renderer'), studio);
  answerCalls(studio.handlers);
  installMenu();
  openWindow(preload);

  app.on('second-instance', showFirstWindow);
  app.on('activate', () => {
    if (BrowserWindow.getAllWindows().length === 0) openWindow(preload);
    else showFirstWindow();
  });
  let closing = false;
  app.on('will-quit', (event) => {
    if (closing) return;
    closing = true;
    event.preventDefault();
    void studio.close().finally(() => {
      app.exit(0);
    });
  });
}

registerSchemes();
// GAMUT_HOME keeps everything of one studio in one folder, the window's own storage too.
const home = process.env['GAMUT_HOME'];
if (home !== undefined && home !== '') app.setPath('userData', join(home, 'window'));
// As root (containers, tests) Chromium's sandbox cannot start; the person who says --no-sandbox knows.
if (!app.commandLine.hasSwitch('no-sandbox')) app.enableSandbox();
// Whatever is ever opened, by whatever way.
app.on('web-contents-created', (_event, contents) => {
  guardContents(contents);
});
app.on('window-all-closed', () => {
  if (process.platform !== 'darwin') app.quit();
});

if (app.requestSingleInstanceLock()) {
  // Not awaited at the top: a module that waits for 'ready' there keeps it from coming.
  app
    .whenReady()
    .then(start)
    .catch((error: unknown) => {
      dialog.showErrorBox('Gamut could not start', error instanceof Error ? error.message : String(error));
      app.exit(1);
    });
} else {
  app.quit();
}
