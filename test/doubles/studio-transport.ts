import type { Transport } from '../../main/contract/calls/client.ts';
import { answererOf } from '../../main/contract/calls/handlers.ts';
import { calls } from '../../main/contract/calls/index.ts';
import type { Studio } from '../../main/studio/studio.ts';

/** How a window's calls reach a studio in the same process. */
export function studioTransport({ handlers }: Studio): Transport {
  const answerer = answererOf(calls, handlers);
  return {
    request: (call, input) => answerer.answer(call, input),
    open: (call, input, listener) => {
      const stop = new AbortController();
      void (async () => {
        for await (const signal of answerer.follow(call, input, stop.signal)) listener(signal);
      })();
      return () => {
        stop.abort();
      };
    },
  };
}
