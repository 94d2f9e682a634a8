import type { WebFrameMain } from 'electron';
import { expect, it } from 'vitest';
import { isOurPage } from '../../main/app/sender.ts';

const frame = (url: string, parent: WebFrameMain | null = null) => ({ senderFrame: { url, parent } });
const someFrame = {} as WebFrameMain;

it.each([
  ['our page', frame('app://gamut/index.html'), true],
  ['our page at one of its places', frame('app://gamut/index.html#gallery'), true],
  ['a frame of our page within another', frame('app://gamut/index.html', someFrame), false],
  ['a frame that is gone', { senderFrame: null }, false],
  ['a host that begins like ours', frame('app://gamut.example/index.html'), false],
  ['our host with somebody in front', frame('app://gamut@example/index.html'), false],
  ['another host', frame('app://other/index.html'), false],
  ['a file', frame('file:///app://gamut/index.html'), false],
  ['the network', frame('https://gamut/index.html'), false],
  ['a page made of data', frame('data:text/html,app://gamut/'), false],
  ['no page', frame(''), false],
])('a message from %s is answered or not', (_, event, answered) => {
  expect(isOurPage(event)).toBe(answered);
});
