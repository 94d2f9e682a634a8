import type { Session, WebContents } from 'electron';
import { parseAddress } from './address.ts';
import { pageOrigin } from './protocols.ts';

/** What the page may ask of the system. Everything else is denied. */
const granted: ReadonlySet<string> = new Set(['clipboard-sanitized-write', 'fullscreen']);

/** Addresses the page may load anything from. */
const ownSchemes: ReadonlySet<string> = new Set(['app:', 'image:', 'data:', 'blob:', 'devtools:']);

/** Denies permissions, devices and every network request of a session but our own protocols. */
export function guardSession(session: Session): void {
  const isOurs = (address: string): boolean => address === pageOrigin || address.startsWith(`${pageOrigin}/`);
  session.setPermissionRequestHandler((_contents, permission, answer, details) => {
    answer(granted.has(permission) && isOurs(details.requestingUrl));
  });
  session.setPermissionCheckHandler((_contents, permission, origin) => granted.has(permission) && isOurs(origin));
  session.setDevicePermissionHandler(() => false);
  session.setDisplayMediaRequestHandler((_request, answer) => {
    answer({});
  });
  session.webRequest.onBeforeRequest((details, answer) => {
    answer({ cancel: !ownSchemes.has(parseAddress(details.url)?.protocol ?? '') });
  });
  session.on('will-download', (event) => {
    event.preventDefault();
  });
}

/** Keeps a window on its page: no other address, no new window, no embedded view. */
export function guardContents(contents: WebContents): void {
  contents.on('will-navigate', (event) => {
    if (event.url !== contents.getURL()) event.preventDefault();
  });
  contents.on('will-frame-navigate', (event) => {
    if (!event.isMainFrame) event.preventDefault();
  });
  contents.on('will-redirect', (event) => {
    event.preventDefault();
  });
  contents.on('will-attach-webview', (event) => {
    event.preventDefault();
  });
  contents.setWindowOpenHandler(() => ({ action: 'deny' }));
}
