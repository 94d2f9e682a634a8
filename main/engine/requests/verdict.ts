import type { Handler } from '../protocol.ts';

/** Which candidates of the batch that was shown are to be given up; an empty list lets all go on. */
export interface VerdictRequest {
  readonly ticket: string;
  readonly dropped: readonly number[];
}

/** Answers a generation that waits after a look (see `GenerationInput.look`). */
export const verdict: Handler<VerdictRequest, Record<string, never>> = async function* (
  { ticket, dropped },
  { verdicts },
) {
  verdicts?.give(ticket, dropped);
  yield {};
};
