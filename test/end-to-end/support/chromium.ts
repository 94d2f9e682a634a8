import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The machine's own Chromium; CHROMIUM_PATH names another. */
export const chromiumPath = process.env['CHROMIUM_PATH'] ?? places.find((path) => existsSync(path));

export function launchChromium(): Promise<Browser> {
  if (chromiumPath === undefined) throw new Error(`no Chromium at ${places.join(', ')}; set CHROMIUM_PATH`);
  return chromium.launch({ executablePath: chromiumPath, args: flags });
}
