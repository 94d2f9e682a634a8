import type { Session, WebContents } from 'electron';
import { isOurs, pageOrigin, parseAddress } from './address.ts';

/** What the page may ask of the system. Everything else is denied. */
const granted: ReadonlySet<string> = new Set(['clipboard-sanitized-write', 'fullscreen']);

/** Addresses the page may load anything from. */
const ownSchemes: ReadonlySet<string> = new Set(['app:', 'image:', 'data:', 'blob:', 'devtools:']);

/** Denies permissions, devices and every network request of a session but our own protocols. */
export function guardSession(session: Session): void {
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
  // What the page itself made, a preset as a file, goes where the person says in the system's dialog; nothing else does.
  session.on('will-download', (event, item) => {
    if (!item.getURL().startsWith(`blob:${pageOrigin}/`)) event.preventDefault();
  });
}

/** Keeps whatever shows a page on it: no other address, no new window, no embedded view. */
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
