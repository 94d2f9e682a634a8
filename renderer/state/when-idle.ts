/** Milliseconds after which a deed is due although something else was always more urgent. */
const longest = 200;

/** Does something that no key must wait for, once what was asked for is drawn. Gives back what calls it off. */
export function whenIdle(deed: () => void): () => void {
  const call = requestIdleCallback(deed, { timeout: longest });
  return () => {
    cancelIdleCallback(call);
  };
}
