import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe } from 'vitest';
import { describeFlows } from './flows.ts';
import { launchChromium } from './support/chromium.ts';
import { browserHost } from './support/hosts.ts';

let browser: Browser;

beforeAll(async () => {
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
});

describe('the browser host, used by a person', () => {
  describeFlows(browserHost(() => browser));
});
