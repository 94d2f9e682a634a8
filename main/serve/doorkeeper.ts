import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const cookieName = 'gamut-session';
const largestSessions = 32;

function equal(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/**
 * Decides who comes in. An address with a token works once: it is exchanged for a session that only this browser holds, in
 * a cookie that no script can read. Names other than our own in Host are refused (a foreign page that resolves its name to
 * this machine), and so are foreign Origins.
 */
export class Doorkeeper {
  readonly #names: ReadonlySet<string>;
  #tokens: string[] = [];
  #sessions: string[] = [];

  /** @param names what the Host header may say, with the port */
  constructor(names: readonly string[]) {
    this.#names = new Set(names.map((name) => name.toLowerCase()));
  }

  /** A fresh token, good for one visit. */
  issueToken(): string {
    const token = randomBytes(24).toString('base64url');
    this.#tokens = [...this.#tokens, token].slice(-largestSessions);
    return token;
  }

  /** Exchanges a token for the value of a Set-Cookie header; null for a wrong or used one. */
  redeem(token: string): string | null {
    if (!this.#tokens.some((known) => equal(known, token))) return null;
    this.#tokens = this.#tokens.filter((known) => !equal(known, token));
    const session = randomBytes(24).toString('base64url');
    this.#sessions = [...this.#sessions, session].slice(-largestSessions);
    return `${cookieName}=${session}; HttpOnly; SameSite=Strict; Path=/`;
  }

  /** Whether a request is addressed to us by a name of ours. */
  knowsHost(request: IncomingMessage): boolean {
    return this.#names.has((request.headers.host ?? '').toLowerCase());
  }

  /** Whether a request comes from our own page: same origin, or none given where a browser gives none. */
  knowsOrigin(request: IncomingMessage, required: boolean): boolean {
    const { origin } = request.headers;
    if (origin === undefined) return !required;
    return origin.startsWith('http://') && this.#names.has(origin.slice('http://'.length).toLowerCase());
  }

  knowsSession(request: IncomingMessage): boolean {
    const cookies = (request.headers.cookie ?? '').split(';').map((part) => part.trim());
    const session = cookies.find((part) => part.startsWith(`${cookieName}=`))?.slice(cookieName.length + 1);
    return session !== undefined && this.#sessions.some((known) => equal(known, session));
  }
}
