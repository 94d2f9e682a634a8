import { createReadStream } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { pipeline } from 'node:stream/promises';
import { WebSocketServer } from 'ws';
import { answererOf } from '../contract/calls/handlers.ts';
import { calls } from '../contract/calls/index.ts';
import { Failure } from '../contract/failures.ts';
import { pageHeaders } from '../contract/page-policy.ts';
import { pictureSizes, type Studio } from '../studio/studio.ts';
import { Doorkeeper } from './doorkeeper.ts';
import {
  largestMessage,
  largestWindows,
  messageBurst,
  messagesPerSecond,
  rateLimit,
  requestBurst,
  requestsPerSecond,
} from './limits.ts';
import { serveSocket } from './socket.ts';
import { readWindowFiles } from './static-files.ts';

export interface BrowserHostOptions {
  readonly studio: Studio;
  /** Folder of the built window. */
  readonly windowFolder: string;
  /** 0 takes any free one. */
  readonly port: number;
  /** Name or address to listen on; 127.0.0.1 unless told. */
  readonly host: string;
  /** Whether one more plain request is let through now. */
  readonly requestLimit?: () => boolean;
  /** A limit for one more window: whether one more message of it is let through now. */
  readonly messageLimit?: () => () => boolean;
}

export interface BrowserHost {
  readonly port: number;
  /** A fresh address that lets one browser in. */
  readonly invite: () => string;
  readonly close: () => Promise<void>;
}

const headers = pageHeaders('');
const inBrackets = (host: string): string => (host.includes(':') ? `[${host}]` : host);

/** What this machine may be called when it listens on `host`: a name not among them is a foreign page's. */
function namesOf(host: string): readonly string[] {
  if (['127.0.0.1', 'localhost', '::1'].includes(host)) return ['127.0.0.1', 'localhost', '[::1]'];
  if (host !== '0.0.0.0' && host !== '::') return [inBrackets(host)];
  const addresses = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  return ['localhost', hostname(), ...addresses.map(({ address }) => inBrackets(address))];
}

function refuse(response: ServerResponse, status: number, reason: string): void {
  response.writeHead(status, { ...headers, 'content-type': 'text/plain; charset=utf-8', connection: 'close' });
  response.end(`${reason}\n`);
}

/** Serves the window and its calls over HTTP and WebSocket. */
export async function openBrowserHost(options: BrowserHostOptions): Promise<BrowserHost> {
  const { studio, windowFolder, port, host } = options;
  const files = readWindowFiles(windowFolder);
  const answerer = answererOf(calls, studio.handlers);
  const allowed = options.requestLimit ?? rateLimit(requestsPerSecond, requestBurst, () => performance.now());
  const newMessageLimit =
    options.messageLimit ?? (() => rateLimit(messagesPerSecond, messageBurst, () => performance.now()));
  let door = new Doorkeeper([]);

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (!allowed()) return refuse(response, 429, 'Too many requests.');
    if (!door.knowsHost(request)) return refuse(response, 421, 'This host is not known by that name.');
    if (!door.knowsOrigin(request, false)) return refuse(response, 403, 'Requests from other pages are refused.');
    if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(response, 405, 'Only GET is served.');
    // Joined, not resolved: a path that begins with two slashes must not name another host.
    const url = request.url?.startsWith('/') === true ? URL.parse(`http://host${request.url}`) : null;
    if (url === null) return refuse(response, 400, 'The address cannot be read.');

    const token = url.searchParams.get('token');
    if (url.pathname === '/' && token !== null) {
      const cookie = door.redeem(token);
      if (cookie !== null) {
        response.writeHead(303, { ...headers, location: '/', 'set-cookie': cookie, 'cache-control': 'no-store' }).end();
        return;
      }
    }
    if (!door.knowsSession(request))
      return refuse(
        response,
        401,
        'This address was used or is not whole. Take a new one from where Gamut was started.',
      );
    if (token !== null) {
      response.writeHead(303, { ...headers, location: '/' }).end();
      return;
    }

    const [, folder = '', size = '', id = ''] = url.pathname.split('/');
    if (folder === 'image') {
      const known = pictureSizes.find((name) => name === size);
      const picture = known === undefined ? null : await studio.picture(id, known);
      if (picture === null) return refuse(response, 404, 'There is no such picture.');
      // A picture never changes under its id.
      response.writeHead(200, {
        ...headers,
        'content-type': picture.mediaType,
        'content-length': picture.bytes.length,
        'cache-control': 'private, max-age=31536000, immutable',
      });
      response.end(request.method === 'HEAD' ? undefined : picture.bytes);
      return;
    }
    if (folder === 'download') {
      const file = studio.download(size);
      if (file === null) return refuse(response, 404, 'There is no such download.');
      response.writeHead(200, {
        ...headers,
        'content-type': 'application/zip',
        'content-disposition': `attachment; filename="${size.replaceAll(/[^\w.-]/g, '_')}"`,
      });
      await pipeline(createReadStream(file), response);
      return;
    }
    const file = files.get(url.pathname);
    if (file === undefined) return refuse(response, 404, 'There is no such file.');
    response.writeHead(200, {
      ...headers,
      'content-type': file.mediaType,
      'content-length': file.bytes.length,
      // Names under assets/ carry a hash of what they hold.
      'cache-control': folder === 'assets' ? 'private, max-age=31536000, immutable' : 'no-cache',
    });
    response.end(request.method === 'HEAD' ? undefined : file.bytes);
  };

  const server = createServer({ maxHeaderSize: 16_384, requestTimeout: 30_000 }, (request, response) => {
    answer(request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy();
      else refuse(response, 500, error instanceof Failure ? error.message : 'Something went wrong in the host.');
    });
  });

  const sockets = new WebSocketServer({ noServer: true, maxPayload: largestMessage, perMessageDeflate: false });
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    const welcome =
      request.url === '/calls' &&
      door.knowsHost(request) &&
      door.knowsOrigin(request, true) &&
      door.knowsSession(request) &&
      sockets.clients.size < largestWindows;
    if (!welcome) {
      socket.end('HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: 0\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (opened) => {
      serveSocket(opened, answerer, newMessageLimit());
    });
  });

  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason = error.code === 'EADDRINUSE' ? 'it is in use' : error.message;
      reject(
        new Failure('bad-input', `Expected a free port to listen on, but ${host}:${port} cannot be had: ${reason}.`),
      );
    });
    server.listen(port, host, resolve);
  });
  // Listening on a port makes the address an object.
  const bound = (server.address() as AddressInfo).port;
  const names = namesOf(host);
  const shown = names[0] === 'localhost' ? (names[1] ?? 'localhost') : (names[0] ?? host);
  door = new Doorkeeper(names.flatMap((name) => [`${name}:${bound}`, ...(bound === 80 ? [name] : [])]));

  return {
    port: bound,
    invite: () => `http://${shown}:${bound}/?token=${door.issueToken()}`,
    async close() {
      for (const client of sockets.clients) client.terminate();
      sockets.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
