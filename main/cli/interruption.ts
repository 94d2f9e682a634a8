/** A signal that Ctrl-C aborts: the first press stops the work softly, the second ends the process. */
export function interruptible(): AbortSignal {
  const controller = new AbortController();
  process.once('SIGINT', () => {
    controller.abort();
  });
  process.once('SIGTERM', () => {
    controller.abort();
  });
  return controller.signal;
}
