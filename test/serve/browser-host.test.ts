import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fc, test } from './property.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { callsByName } from '../../main/contract/calls/index.ts';
import { outgoingSchema } from '../../main/contract/calls/wire.ts';
import { openBrowserHost, type BrowserHost } from '../../main/serve/browser-host.ts';
import { largestMessage, messageBurst, rateLimit, messagesPerSecond } from '../../main/serve/limits.ts';
import { openFakeStudio } from '../doubles/fake-studio.ts';

const folder = mkdtempSync(join(tmpdir(), 'gamut-host-'));
const windowFolder = join(folder, 'window');
const studio = openFakeStudio({ images: 3, stepTime: 1 });
let host: BrowserHost;

/** The clock of the limits on messages. */
let now = (): number => performance.now();

beforeAll(async () => {
  mkdirSync(join(windowFolder, 'assets'), { recursive: true });
  writeFileSync(join(windowFolder, 'index.html'), '<!doctype html><title>Gamut</title>');
  writeFileSync(join(windowFolder, 'assets', 'a.js'), 'export {};');
  writeFileSync(join(folder, 'secret.txt'), 'secret');
  const messageLimit = () => rateLimit(messagesPerSecond, messageBurst, () => now());
  host = await openBrowserHost({ studio, windowFolder, port: 0, host: '127.0.0.1', messageLimit });
});

afterAll(async () => {
  await host.close();
  await studio.close();
  rmSync(folder, { recursive: true });
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Sends a path as it is: no client tidies up the tricks in it. */
function ask(path: string, headers: Record<string, string> = {}, method = 'GET', body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port: host.port, path, method, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

const tokenOf = (address: string): string => new URL(address).searchParams.get('token') ?? '';

async function enter(): Promise<string> {
  const { headers } = await ask(`/?token=${tokenOf(host.invite())}`);
  return headers['set-cookie']?.[0]?.split(';')[0] ?? '';
}

function openSocket(headers: Record<string, string>): WebSocket {
  return new WebSocket(`ws://127.0.0.1:${host.port}/calls`, { headers });
}

async function openedSocket(): Promise<WebSocket> {
  const socket = openSocket({ cookie: await enter(), origin: `http://127.0.0.1:${host.port}` });
  await new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', reject);
  });
  return socket;
}

const nextMessage = (socket: WebSocket): Promise<unknown> =>
  new Promise((resolve) => socket.once('message', (data) => resolve(JSON.parse(String(data)))));

describe('the door of the browser host', () => {
  it('lets a token in once, in exchange for a cookie that scripts and other sites do not get', async () => {
    const token = tokenOf(host.invite());
    const first = await ask(`/?token=${token}`);
    expect(first.status).toBe(303);
    expect(first.headers.location).toBe('/');
    expect(first.headers['set-cookie']?.[0]).toMatch(/; HttpOnly; SameSite=Strict; Path=\/$/);
    expect((await ask(`/?token=${token}`)).status).toBe(401);
  });

  it.each(['/', '/index.html', '/assets/a.js', '/image/full/image-1', '/download/a.zip', '/?token=', '/?token=wrong'])(
    'refuses %s without a session',
    async (path) => {
      expect((await ask(path)).status).toBe(401);
    },
  );

  it('keeps a session through reloads and serves the window under its policy', async () => {
    const cookie = await enter();
    for (let round = 0; round < 2; round += 1) {
      const { status, headers, body } = await ask('/', { cookie });
      expect({ status, body }).toEqual({ status: 200, body: '<!doctype html><title>Gamut</title>' });
      expect(headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/);
      expect(headers['content-security-policy']).not.toMatch(/unsafe/);
      expect(headers['x-content-type-options']).toBe('nosniff');
      expect(headers['access-control-allow-origin']).toBeUndefined();
    }
  });

  it.each([
    '/../secret.txt',
    '/..%2fsecret.txt',
    '/%2e%2e/secret.txt',
    '/assets/../../secret.txt',
    '/assets/..%5c..%5csecret.txt',
    '//secret.txt',
    '/assets/',
    '/assets',
    '/index.html%00.js',
    '/image/full/../../secret',
    '/image/full/..%2f..%2fsecret.txt',
    '/image/other/image-1',
    '/download/../secret.txt',
    '/download/..%2fsecret.txt',
  ])('finds nothing at %s', async (path) => {
    const { status, body } = await ask(path, { cookie: await enter() });
    expect(status).toBe(404);
    expect(body).not.toContain('secret');
  });

  it('serves pictures by id', async () => {
    const { status, headers } = await ask('/image/thumbnail/image-1', { cookie: await enter() });
    expect([status, headers['content-type']]).toEqual([200, 'image/webp']);
  });

  it.each([
    ['another name in Host', { host: 'evil.example' }, 421],
    ['another port in Host', { host: '127.0.0.1:1' }, 421],
    ['a foreign Origin', { origin: 'https://evil.example' }, 403],
    ['the Origin of a sandboxed page', { origin: 'null' }, 403],
    ['our name with another scheme', { origin: 'https://127.0.0.1' }, 403],
  ])('refuses %s', async (_what, headers, status) => {
    expect((await ask('/', { cookie: await enter(), ...headers })).status).toBe(status);
  });

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('refuses %s, so that no body is ever read', async (method) => {
    expect((await ask('/', { cookie: await enter() }, method, 'x'.repeat(100_000))).status).toBe(405);
  });

  it('answers a broken request by closing it', async () => {
    const text = await new Promise<string>((resolve) => {
      const socket = connect(host.port, '127.0.0.1', () => socket.write('GET / HTTP/9.9\r\n\0\r\n\r\n'));
      let got = '';
      socket.on('data', (data) => (got += data.toString()));
      socket.on('close', () => {
        resolve(got);
      });
    });
    expect(text).toMatch(/^HTTP\/1\.1 400/);
  });

  it('refuses more than its rate and goes on afterwards', async () => {
    let time = 0;
    const requestLimit = rateLimit(1, 3, () => time);
    const slow = await openBrowserHost({ studio, windowFolder, port: 0, host: '127.0.0.1', requestLimit });
    const visit = async (): Promise<number> => (await fetch(`http://127.0.0.1:${slow.port}/`)).status;
    expect([await visit(), await visit(), await visit(), await visit()]).toEqual([401, 401, 401, 429]);
    time = 1000;
    expect([await visit(), await visit()]).toEqual([401, 429]);
    await slow.close();
  });

  it('says which port is taken', async () => {
    await expect(openBrowserHost({ studio, windowFolder, port: host.port, host: '127.0.0.1' })).rejects.toThrow(
      /it is in use/,
    );
  });
});

describe('the socket of the browser host', () => {
  it.each([
    ['no session', () => ({ origin: `http://127.0.0.1:${host.port}` })],
    ['a foreign origin', async () => ({ cookie: await enter(), origin: 'https://evil.example' })],
    ['no origin', async () => ({ cookie: await enter() })],
    [
      'a foreign host',
      async () => ({ cookie: await enter(), origin: `http://127.0.0.1:${host.port}`, host: 'evil.example' }),
    ],
  ])('refuses %s', async (_what, headers) => {
    const socket = openSocket(await headers());
    const error = await new Promise<Error>((resolve) => socket.once('error', resolve));
    expect(error.message).toMatch(/403/);
  });

  it('answers calls and follows what happens', async () => {
    const socket = await openedSocket();
    socket.send(JSON.stringify({ id: 1, call: 'images.page', input: { limit: 2 } }));
    expect(await nextMessage(socket)).toMatchObject({ id: 1, outcome: { value: { total: 3 } } });
    socket.send(JSON.stringify({ id: 2, call: 'activity.watch', input: {} }));
    expect(await nextMessage(socket)).toMatchObject({ id: 2, signal: { event: { kind: 'state' } } });
    socket.close();
  });

  it('closes on a message over the limit and takes the next window', async () => {
    const socket = await openedSocket();
    const closed = new Promise<number>((resolve) => socket.once('close', resolve));
    socket.on('error', () => undefined);
    socket.send('x'.repeat(largestMessage + 1));
    expect(await closed).toBe(1009);
    (await openedSocket()).close();
  });

  it('answers every message over the rate with a code, under its id, and lets go of streams all the same', async () => {
    // However slowly the messages come on a busy machine, no time passes between them.
    now = () => 0;
    const socket = await openedSocket();
    const answers = new Map<number, string>();
    const all = messageBurst + 200;
    const done = new Promise<void>((resolve) => {
      socket.on('message', (data) => {
        const message = outgoingSchema.parse(JSON.parse(String(data)));
        if (message.id === null) expect.unreachable(message.failure.message);
        else if ('outcome' in message) {
          answers.set(message.id, 'failure' in message.outcome ? message.outcome.failure.code : 'answered');
          if (answers.size === all) resolve();
        }
      });
    });
    for (let round = 0; round < all; round += 1) {
      socket.send(JSON.stringify({ id: round, call: 'presets.list', input: {} }));
      socket.send(JSON.stringify({ id: round, cancel: true }));
    }
    await done;
    const codes = [...answers.values()];
    expect(new Set(codes)).toEqual(new Set(['answered', 'busy']));
    expect(codes.filter((code) => code === 'answered')).toHaveLength(messageBurst);
    socket.close();
    now = () => performance.now();
  });

  const malformed = fc.oneof(
    fc.string({ maxLength: 60 }),
    fc.json(),
    fc.record({ id: fc.anything(), call: fc.anything(), input: fc.anything() }).map(asJson),
    fc
      .tuple(fc.nat(1e6), fc.constantFrom(...callsByName.keys()), fc.anything({ maxDepth: 2 }))
      .map(([id, call, input]) => asJson({ id: id + 10, call, input })),
    fc.record({ id: fc.anything(), cancel: fc.anything() }).map(asJson),
  );

  test('answers a thousand malformed messages with codes and stays alive', malformed, 1000, async (messages) => {
    for (let from = 0; from < messages.length; from += messageBurst - 100) {
      const socket = await openedSocket();
      const failures: unknown[] = [];
      socket.on('message', (data) => {
        const message = outgoingSchema.parse(JSON.parse(String(data)));
        if (message.id === null) failures.push(message.failure);
        else if ('outcome' in message && 'failure' in message.outcome) failures.push(message.outcome.failure);
      });
      for (const message of messages.slice(from, from + messageBurst - 100)) socket.send(message);
      socket.send(JSON.stringify({ id: 5, call: 'host.about', input: {} }));
      await new Promise<void>((resolve) => {
        socket.on('message', (data) => {
          if (JSON.parse(String(data)).id === 5) resolve();
        });
      });
      expect(socket.readyState).toBe(WebSocket.OPEN);
      expect(failures.length).toBeGreaterThan(50);
      expect(failures.filter((failure) => (failure as { code: string }).code === 'internal')).toEqual([]);
      socket.close();
    }
    expect((await ask('/', { cookie: await enter() })).status).toBe(200);
  });
});

function asJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? String(part) : part)) ?? 'null';
}
