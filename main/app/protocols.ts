import { protocol, type Session } from 'electron';
import { readFile } from 'node:fs/promises';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseAddress } from './address.ts';
import { mediaTypeOf, pageHeaders } from '../contract/page-policy.ts';
import { pictureSizes, type Studio } from '../studio/studio.ts';

/** Must run before the application is ready. */
export function registerSchemes(): void {
  protocol.registerSchemesAsPrivileged([
    { scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true } },
    { scheme: 'image', privileges: { standard: true, secure: true } },
  ]);
}

const headers = pageHeaders('image:');
const notFound = (): Response => new Response('There is no such file.', { status: 404, headers });

/** The page's files by the exact path they are asked for with: a request's path is never joined to a folder. */
function windowFiles(folder: string): ReadonlyMap<string, string> {
  const files = readdirSync(folder, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile());
  return new Map(
    files.map(({ parentPath, name }) => {
      const file = join(parentPath, name);
      return [`/${file.slice(folder.length).replaceAll('\\', '/').replace(/^\//, '')}`, file];
    }),
  );
}

/** Serves `app:` (the built page) and `image:` (pictures by id) to one session. */
export function serveProtocols(session: Session, windowFolder: string, studio: Studio): void {
  const files = windowFiles(windowFolder);
  session.protocol.handle('app', async (request) => {
    const url = parseAddress(request.url);
    const file = url?.host === 'gamut' && request.method === 'GET' ? files.get(url.pathname) : undefined;
    if (file === undefined) return notFound();
    return new Response(await readFile(file), { headers: { ...headers, 'content-type': mediaTypeOf(file) } });
  });
  session.protocol.handle('image', async (request) => {
    const url = parseAddress(request.url);
    const size = pictureSizes.find((name) => name === url?.host);
    const picture =
      size === undefined || url === null || request.method !== 'GET'
        ? null
        : await studio.picture(url.pathname.slice(1), size);
    if (picture === null) return notFound();
    return new Response(picture.bytes, {
      headers: {
        ...headers,
        'content-type': picture.mediaType,
        'cache-control': 'private, max-age=31536000, immutable',
      },
    });
  });
}
