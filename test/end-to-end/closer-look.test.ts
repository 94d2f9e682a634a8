import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { openBrowserHost } from '../../main/serve/browser-host.ts';
import { gamut } from '../doubles/command-line.ts';
import { openFakeStudio } from '../doubles/fake-studio.ts';
import { launchChromium } from './support/chromium.ts';
import { preparedHome } from './support/home.ts';
import { browserHost } from './support/hosts.ts';
import { keepScreen, seriousFindings, watchComplaints } from './support/look.ts';

const windowFolder = fileURLToPath(new URL('../../out/renderer', import.meta.url));
/** Long enough for the tiny model on a machine that does other things as well. */
const done = { timeout: 120_000 };
let browser: Browser;

beforeAll(async () => {
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
});

const card = (page: Page, title: string) =>
  page.getByRole('group', { name: 'Look closer' }).locator('details', { has: page.getByText(title, { exact: true }) });

/** Opens a card by the keyboard. */
async function open(page: Page, title: string) {
  const found = card(page, title);
  await found.locator('summary').focus();
  await page.keyboard.press('Enter');
  return found;
}

describe('looking closer at an image', () => {
  it('finds its place, measures its surprise, nudges it, and keeps what came of it', { timeout: 400_000 }, async () => {
    const home = await preparedHome();
    const running = await browserHost(() => browser).open(home.path);
    onTestFinished(async () => {
      await running.close();
      home.remove();
    });
    const { page } = running;
    const complaints = watchComplaints(page);
    await page.locator('[data-primary]').waitFor({ timeout: 30_000 });
    await page.getByRole('textbox', { name: 'Prompt' }).fill('vase');
    await page.getByRole('spinbutton', { name: 'Count' }).fill('2');
    await page.locator('[data-primary]').click();
    await page.locator('[data-place="1"]').waitFor(done);
    await page.locator('[data-stop]').waitFor({ state: 'detached', ...done });
    await page.locator('[data-place="0"]').click();

    const density = await open(page, 'Typical or unusual');
    await density.getByRole('img', { name: /^More typical than \d+ %/ }).waitFor(done);
    await density.getByText('More typical than this share of all 200 references of measured').waitFor();
    expect(await density.locator('ol li').count()).toBe(5);

    const surprise = await open(page, 'Surprise');
    await surprise.getByText('Surprise is neither quality nor prompt match').waitFor();
    await surprise.getByRole('textbox', { name: 'A prompt it could be confused with' }).fill('blue vase');
    await page.keyboard.press('Enter');
    await surprise.getByRole('button', { name: 'Measure the surprise' }).click();
    await surprise.getByRole('table').waitFor(done);
    expect(await surprise.locator('tbody th').allTextContents()).toEqual(['vase', 'no prompt', 'blue vase']);
    expect(await surprise.locator('tbody td').first().textContent()).toMatch(/^-?[\d.]+ ± [\d.]+/);
    await surprise.getByRole('img', { name: /blue vase: -?[\d.,]+ ± [\d.,]+ nats/ }).waitFor();

    const nudge = await open(page, 'Nudge');
    await nudge.getByRole('button', { name: 'More typical' }).click();
    await nudge.getByRole('img', { name: 'After' }).waitFor(done);
    await nudge.getByText(/Largest change of the noise 0\.\d+ of 0\.10\./).waitFor();
    await nudge.scrollIntoViewIfNeeded();
    await keepScreen(page, '30-closer-look-measured');
    // Moving on and coming back loses nothing: cards stay open, with what was typed and found.
    await page.locator('[data-place="1"]').click();
    await expect.poll(() => nudge.evaluate((element: HTMLDetailsElement) => element.open)).toBe(false);
    await page.locator('[data-place="0"]').click();
    await surprise.getByRole('table').waitFor();
    await surprise.getByRole('button', { name: 'Do not compare with “blue vase”' }).waitFor();
    await nudge.getByRole('button', { name: 'Keep' }).click();
    await card(page, 'Nudge').getByText('In the library').waitFor(done);
    await page.getByRole('button', { name: 'Gallery' }).click();
    await expect.poll(() => page.locator('[data-place]').count(), done).toBe(3);
    expect(complaints).toEqual([]);
  });

  it('measures an image from elsewhere under a prompt that is typed, and none of the wrong size', async () => {
    const home = await preparedHome();
    for (const [name, width] of [
      ['wide', 100],
      ['square', 64],
    ] as const)
      await sharp({ create: { width, height: 64, channels: 3, background: '#c63' } })
        .png()
        .toFile(join(home.path, `${name}.png`));
    for (const name of ['wide.png', 'square.png'])
      expect(
        await gamut(['library', 'import', name], { cwd: home.path, env: { GAMUT_HOME: home.path } }),
      ).toMatchObject({
        exitCode: 0,
      });
    const running = await browserHost(() => browser).open(home.path);
    onTestFinished(async () => {
      await running.close();
      home.remove();
    });
    const { page } = running;
    const complaints = watchComplaints(page);
    await page.getByRole('button', { name: 'Gallery' }).click();
    await page.locator('[data-place="0"]').click();
    const surprise = await open(page, 'Surprise');
    const measure = surprise.getByRole('button', { name: 'Measure the surprise' });
    const own = surprise.getByRole('textbox', { name: 'A prompt for this image, which has none' });
    expect(await measure.isDisabled()).toBe(true);
    await own.fill('red vase');
    await measure.click();
    await surprise.getByRole('table').waitFor(done);
    expect(await surprise.locator('tbody th').allTextContents()).toEqual(['red vase', 'no prompt']);
    await (
      await open(page, 'Nudge')
    )
      .getByText('This image was not made by Gamut, so it cannot be made again.')
      .waitFor();

    await page.locator('[data-place="1"]').click();
    await expect.poll(() => surprise.evaluate((element: HTMLDetailsElement) => element.open)).toBe(false);
    await open(page, 'Surprise');
    await own.fill('red vase');
    await measure.click();
    const alert = surprise.getByRole('alert');
    await alert.getByText('The model does not take an image of 100 × 64 pixels').waitFor(done);
    await alert.getByText(/^image: model measured expects 64x64.*, got 100x64$/).waitFor();
    expect(complaints).toEqual([]);
  });

  it('can be stopped, and refuses a prompt that makes no comparison', { timeout: 200_000 }, async () => {
    const studio = openFakeStudio({ images: 40, stepTime: 100 });
    const host = await openBrowserHost({ studio, windowFolder, port: 0, host: '127.0.0.1' });
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    onTestFinished(async () => {
      await page.close();
      await host.close();
      await studio.close();
    });
    await page.goto(host.invite());
    await page.getByRole('button', { name: 'Gallery' }).click();
    await page.locator('[data-place="0"]').click();
    const nudge = await open(page, 'Nudge');
    await nudge.getByRole('button', { name: 'More unusual' }).click();
    await nudge.getByRole('progressbar', { name: 'Nudging the image' }).waitFor();
    await nudge.getByText(/left$/).waitFor();
    await nudge.getByRole('button', { name: 'Stop' }).click();
    await nudge.getByRole('button', { name: 'More unusual' }).waitFor();
    const surprise = await open(page, 'Surprise');
    await surprise.getByRole('button', { name: 'Measure the surprise' }).click();
    await surprise.getByRole('button', { name: 'Stop' }).click();
    const measure = surprise.getByRole('button', { name: 'Measure the surprise' });
    await measure.waitFor();
    const confounder = surprise.getByRole('textbox', { name: 'A prompt it could be confused with' });
    await confounder.fill('word '.repeat(10_000));
    await surprise.getByText('At most 2000 characters; this has 49,999.').waitFor();
    expect(await measure.isDisabled()).toBe(true);
    await page.keyboard.press('Enter');
    expect((await confounder.inputValue()).length).toBe(50_000);
    await confounder.fill('blue vase');
    await page.keyboard.press('Enter');
    await confounder.fill('blue vase');
    await surprise.getByText('It is compared with already.').waitFor();
    await confounder.fill('   ');
    expect(await measure.isDisabled()).toBe(false);
    const density = await open(page, 'Typical or unusual');
    await density.getByRole('button', { name: 'Stop' }).click();
    await density.getByRole('button', { name: 'Find the nearest references' }).waitFor();
  });

  it.each([
    ['en-GB', 'light', 'Gallery', 'Nudge', 'Its sampler clips what it finds on the way'],
    ['ja-JP', 'dark', 'ギャラリー', '少しずらす', 'このサンプラーは途中で推定を切り詰めるため'],
  ] as const)(
    'says why an image cannot be nudged before it is tried, in the language %s',
    { timeout: 200_000 },
    async (locale, colorScheme, gallery, title, words) => {
      const message =
        "nudge: expected a sampler that takes x0 estimates as they are; this model's scheduler clips or thresholds them (ddim)";
      const obstacle = { code: 'unsupported', where: 'sampler', message } as const;
      const studio = openFakeStudio({ images: 4, stepTime: 2, obstacle });
      const host = await openBrowserHost({ studio, windowFolder, port: 0, host: '127.0.0.1' });
      const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme, locale });
      onTestFinished(async () => {
        await page.close();
        await host.close();
        await studio.close();
      });
      const complaints = watchComplaints(page);
      await page.goto(host.invite());
      await page.getByRole('button', { name: gallery }).click();
      await page.locator('[data-place="0"]').click();
      const nudge = page.locator('details', { has: page.getByText(title, { exact: true }) });
      await nudge.locator('summary').click();
      const status = nudge.getByRole('status');
      await status.getByText(words).waitFor();
      await status.getByText(message).waitFor();
      expect(await nudge.getByRole('button').count()).toBe(0);
      await nudge.scrollIntoViewIfNeeded();
      await keepScreen(page, `34-nudge-refused-${colorScheme}`);
      expect({ findings: await seriousFindings(page), complaints }).toEqual({ findings: [], complaints: [] });
    },
  );

  it.each(['light', 'dark'] as const)(
    'shows nothing serious to axe in the %s theme',
    { timeout: 200_000 },
    async (theme) => {
      const studio = openFakeStudio({ images: 40, stepTime: 2 });
      const host = await openBrowserHost({ studio, windowFolder, port: 0, host: '127.0.0.1' });
      const page = await browser.newPage({
        viewport: { width: 1440, height: 1500 },
        colorScheme: theme,
        locale: 'en-GB',
      });
      onTestFinished(async () => {
        await page.close();
        await host.close();
        await studio.close();
      });
      const complaints = watchComplaints(page);
      await page.goto(host.invite());
      await page.getByRole('button', { name: 'Gallery' }).click();
      await page.locator('[data-place="0"]').click();
      await (await open(page, 'Typical or unusual')).locator('ol li').first().waitFor(done);
      await keepScreen(page, `31-closer-density-${theme}`);
      const surprise = await open(page, 'Surprise');
      const confounder = surprise.getByRole('textbox', { name: 'A prompt it could be confused with' });
      await confounder.fill('a tall matte blue vase with a very narrow neck on white');
      await page.keyboard.press('Enter');
      await surprise.getByRole('button', { name: 'Measure the surprise' }).click();
      await surprise.getByRole('table').waitFor(done);
      const nudge = await open(page, 'Nudge');
      await nudge.getByRole('button', { name: 'More typical' }).click();
      await nudge.getByRole('img', { name: 'After' }).waitFor(done);
      await nudge.scrollIntoViewIfNeeded();
      await page.waitForTimeout(400);
      await keepScreen(page, `32-closer-look-${theme}`);
      expect({ findings: await seriousFindings(page), complaints }).toEqual({ findings: [], complaints: [] });
    },
  );

  it.each(['light', 'dark'] as const)(
    'shows itself in Japanese in the %s theme',
    { timeout: 200_000 },
    async (theme) => {
      const studio = openFakeStudio({ images: 40, stepTime: 2 });
      const host = await openBrowserHost({ studio, windowFolder, port: 0, host: '127.0.0.1' });
      const page = await browser.newPage({
        viewport: { width: 1440, height: 1500 },
        colorScheme: theme,
        locale: 'ja-JP',
      });
      onTestFinished(async () => {
        await page.close();
        await host.close();
        await studio.close();
      });
      const complaints = watchComplaints(page);
      await page.goto(host.invite());
      await page.getByRole('button', { name: 'ギャラリー' }).click();
      await page.locator('[data-place="0"]').click();
      const cards = page.getByRole('group', { name: '詳しく見る' }).locator('details');
      for (const place of [0, 1, 2]) await cards.nth(place).locator('summary').click();
      await cards.nth(0).locator('ol li').first().waitFor(done);
      await cards.nth(1).getByRole('textbox').fill('a tall matte blue vase');
      await page.keyboard.press('Enter');
      await cards.nth(1).getByRole('button', { name: '意外さを測る' }).click();
      await cards.nth(1).getByRole('table').waitFor(done);
      await cards.nth(2).getByRole('button', { name: 'より典型的に' }).click();
      await cards.nth(2).getByRole('img', { name: '後', exact: true }).waitFor(done);
      await page.waitForTimeout(400);
      await keepScreen(page, `33-closer-look-ja-${theme}`);
      expect({ findings: await seriousFindings(page), complaints }).toEqual({ findings: [], complaints: [] });
    },
  );
});
