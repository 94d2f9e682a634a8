import type { WebFrameMain } from 'electron';
import { isOurs } from './address.ts';

/** Only our own page, in the top frame of its window, is answered; a frame that is gone is null. */
export function isOurPage({
  senderFrame,
}: {
  readonly senderFrame: Pick<WebFrameMain, 'parent' | 'url'> | null;
}): boolean {
  return senderFrame !== null && senderFrame.parent === null && isOurs(senderFrame.url);
}
