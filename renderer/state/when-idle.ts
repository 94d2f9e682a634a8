/** Milliseconds after which a deed is due although something else was always more urgent. */
const longest = 200;

/**
 * Does something that no key must wait for, once nothing has called it off for `rest` milliseconds and the window is idle.
 * The rest is there because a browser may be idle before the frame that shows what was asked for as well.
 */
export function whenIdle(rest: number, deed: () => void): () => void {
  let idle = 0;
  const timer = setTimeout(() => {
    idle = requestIdleCallback(deed, { timeout: longest });
  }, rest);
  return () => {
    clearTimeout(timer);
    cancelIdleCallback(idle);
  };
}
