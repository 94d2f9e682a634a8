import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBrowserHost, type BrowserHost } from '../../main/serve/browser-host.ts';
import type { Studio } from '../../main/studio/studio.ts';
import { openFakeStudio } from '../doubles/fake-studio.ts';
import { launchChromium } from './support/chromium.ts';
import { keepScreen, seriousFindings, watchComplaints } from './support/look.ts';

/**
 * Every view in both themes and both languages: nothing serious for axe, no error on the console, a screenshot to look at.
 * The studio is made up, so that every state can be had.
 */
const windowFolder = fileURLToPath(new URL('../../out/renderer', import.meta.url));
let browser: Browser;
let studio: Studio;
let host: BrowserHost;

beforeAll(async () => {
  browser = await launchChromium();
  studio = openFakeStudio({ images: 5000, stepTime: 6 });
  host = await openBrowserHost({ studio, windowFolder, port: 0, host: '127.0.0.1' });
});

afterAll(async () => {
  await browser?.close();
  await host?.close();
  await studio?.close();
});

async function openPage(theme: 'light' | 'dark', of: BrowserHost = host, locale = 'en-GB'): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme: theme, locale });
  await page.goto(of.invite());
  await page.locator('[data-primary]').waitFor();
  return page;
}

const rest = (page: Page): Promise<void> => page.waitForTimeout(400);

describe.each(['light', 'dark'] as const)('in the %s theme', (theme) => {
  it('shows every view without a serious finding', { timeout: 240_000 }, async () => {
    const empty = openFakeStudio({ stepTime: 6 });
    const emptyHost = await openBrowserHost({ studio: empty, windowFolder, port: 0, host: '127.0.0.1' });
    const findings: string[] = [];
    const look = async (page: Page, name: string): Promise<void> => {
      await rest(page);
      await keepScreen(page, `${name}-${theme}`);
      findings.push(...(await seriousFindings(page)).map((finding) => `${name}: ${finding}`));
    };

    const page = await openPage(theme, emptyHost);
    const complaints = watchComplaints(page);
    await look(page, '01-first-run');
    await page.locator('.examples button').first().click();
    await page.getByRole('textbox', { name: 'Prompt' }).fill('a tall matte terracotta vaze with a handel');
    await page.getByRole('slider').fill('0.5');
    await page.getByRole('spinbutton', { name: 'Count' }).fill('18');
    await page.locator('.unknown').first().waitFor();
    await page.locator('[data-primary]').click();
    await page.getByText('of 18').first().waitFor();
    await page.locator('[data-place="5"]').waitFor();
    await look(page, '02-running');
    await page.locator('[data-primary]').click();
    await page.getByText('Stop', { exact: true }).waitFor();
    await look(page, '03-queue');
    await page.locator('[data-stop]').waitFor({ state: 'detached', timeout: 60_000 });
    await page.locator('[data-place="0"]').click();
    for (const key of ['p', 'p', '4', 'x', 'ArrowRight', '5', 'p']) await page.keyboard.press(key);
    await look(page, '04-culled');
    await page.getByRole('button', { name: /^Per image/ }).hover();
    await page.getByText('The interval is what another batch').first().waitFor();
    await keepScreen(page, `23-seconds-hint-${theme}`);
    await page.getByText('Expert settings').click();
    await look(page, '05-expert');
    await page.getByText('Expert settings').click();
    await page.keyboard.press('c');
    await page
      .locator('[data-place="0"]')
      .click({ trial: true })
      .catch(() => undefined);
    await page
      .locator('[data-place="2"]')
      .focus()
      .catch(() => undefined);
    await look(page, '06-compare');
    await page.getByText('Slider').click();
    await look(page, '07-compare-slider');
    await page.keyboard.press('Escape');
    await page.locator('[data-place="4"]').click();
    await page.keyboard.press('Space');
    await look(page, '08-zoom');
    await page.keyboard.press('Escape');
    await page.getByRole('radio', { name: /^Not kept/ }).check({ force: true });
    await look(page, '09-rejected');
    await page.getByRole('radio', { name: 'Kept', exact: true }).check({ force: true });
    await page.keyboard.press('Control+e');
    await look(page, '10-export');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Keyboard' }).click();
    await look(page, '11-keys');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Models' }).click();
    await look(page, '12-models');
    await page.getByRole('button', { name: 'Settings', exact: true }).click();
    await look(page, '13-settings');
    await page.getByText('日本語').click();
    await look(page, '14-settings-ja');
    await page.getByRole('button', { name: '生成', exact: true }).first().click();
    await look(page, '15-generate-ja');
    await page.close();

    const gallery = await openPage(theme);
    const galleryComplaints = watchComplaints(gallery);
    await gallery.getByRole('button', { name: 'Gallery' }).click();
    await gallery.locator('[data-place="0"] img').waitFor();
    await look(gallery, '16-gallery');
    await gallery.getByPlaceholder('Words, tags').fill('zebra');
    await gallery.getByText('Nothing found').waitFor();
    await look(gallery, '17-gallery-nothing');
    await gallery.getByPlaceholder('Words, tags').fill('zebra after:2026-02-30');
    await gallery.getByText('it is typed like after:2026-01-31').waitFor();
    await keepScreen(gallery, `24-gallery-bad-date-${theme}`);
    await gallery.getByPlaceholder('Words, tags').fill('');
    await gallery.getByRole('button', { name: 'Trash', exact: true }).click();
    await gallery.getByText('The trash is empty.').waitFor();
    await look(gallery, '20-trash');
    await gallery.getByRole('button', { name: 'All images' }).click();
    await gallery.setViewportSize({ width: 800, height: 600 });
    await gallery.getByRole('button', { name: 'Generate', exact: true }).first().click();
    await look(gallery, '18-small');
    await gallery.close();

    const japanese = await openPage(theme, host, 'ja-JP');
    const japaneseComplaints = watchComplaints(japanese);
    await japanese.getByRole('button', { name: 'ギャラリー' }).click();
    await japanese.locator('[data-place="0"] img').waitFor();
    await japanese.locator('[data-place="2"]').click();
    await look(japanese, '21-gallery-ja');
    await japanese.keyboard.press('Control+e');
    await look(japanese, '22-export-ja');
    await japanese.keyboard.press('Escape');
    await japanese.getByRole('button', { name: 'モデル', exact: true }).click();
    await look(japanese, '23-models-ja');
    await japanese.close();
    await emptyHost.close();
    await empty.close();
    expect({ findings, complaints, galleryComplaints, japaneseComplaints }).toEqual({
      findings: [],
      complaints: [],
      galleryComplaints: [],
      japaneseComplaints: [],
    });
  });

  it('can be used whole in a window of 800 pixels', { timeout: 120_000 }, async () => {
    const page = await openPage(theme);
    await page.setViewportSize({ width: 800, height: 600 });
    const overflow = (): Promise<number> =>
      page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    const details = page.getByRole('complementary', { name: 'Details and queue' });
    const toggle = page.getByRole('button', { name: 'Details and queue' });
    await page.getByRole('button', { name: 'Gallery' }).click();
    await page.locator('[data-place="0"]').click();
    expect(await details.isVisible()).toBe(false);
    expect(await overflow()).toBe(0);

    // By its key while the images keep the focus; its buttons can be reached with the tabulator.
    await page.keyboard.press('i');
    await details.waitFor();
    await page.keyboard.press('ArrowRight');
    await details.getByRole('button', { name: 'More like this' }).focus();
    await rest(page);
    await keepScreen(page, `19-small-details-${theme}`);
    expect(await seriousFindings(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await details.waitFor({ state: 'hidden' });
    expect(await toggle.evaluate((button) => button === document.activeElement)).toBe(true);

    await page.keyboard.press('Enter');
    await details.waitFor();
    await page.keyboard.press('Control+1');
    await details.getByText('Queue').waitFor();
    expect(await overflow()).toBe(0);
    await page.setViewportSize({ width: 1440, height: 900 });
    expect(await toggle.isVisible()).toBe(false);
    expect(await details.isVisible()).toBe(true);
    await page.close();
  });
});
