/** Lets `perSecond` things through a second, `burst` at once. The clock is passed in, in milliseconds. */
export function rateLimit(perSecond: number, burst: number, now: () => number): () => boolean {
  let tokens = burst;
  let last = now();
  return () => {
    const time = now();
    tokens = Math.min(burst, tokens + ((time - last) / 1000) * perSecond);
    last = time;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  };
}

/** Bytes of one message from the window: a dropped picture of 32 MiB in base64, with room for the rest. */
export const largestMessage = 44 * 2 ** 20;
/** Messages a second from one window, and at once. */
export const messagesPerSecond = 200;
export const messageBurst = 600;
/** Plain requests a second to the whole host: a page of a hundred thousand thumbnails scrolled quickly. */
export const requestsPerSecond = 500;
export const requestBurst = 2000;
/** Windows at once, and calls one window may have open. */
export const largestWindows = 16;
export const largestOpenCalls = 256;
