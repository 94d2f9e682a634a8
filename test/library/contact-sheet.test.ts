import { PDFDocument } from 'pdf-lib';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { contactSheetPdf } from '../../main/library/contact-sheet-pdf.ts';
import { contactSheetName, contactSheetPages, fitText, type ContactSheet } from '../../main/library/contact-sheet.ts';

const colours = ['#d04020', '#20a040', '#2040d0'];

function sheetOf(count: number, theme: 'dark' | 'light' = 'light'): ContactSheet {
  return {
    title: 'tall vase & <花瓶>',
    subtitle: `${count} images`,
    theme,
    images: Array.from({ length: count }, (_, i) => ({
      load: () =>
        sharp({ create: { width: 40, height: 20, channels: 3, background: colours[i % 3] ?? '' } })
          .png()
          .toBuffer(),
      lines: [`#${i}`, '★★★☆☆'],
    })),
  };
}

async function pagesOf(sheet: ContactSheet): Promise<Uint8Array[]> {
  return Array.fromAsync(contactSheetPages(sheet));
}

async function colourAt(png: Uint8Array, x: number, y: number): Promise<string> {
  const pixel = await sharp(png).extract({ left: x, top: y, width: 1, height: 1 }).raw().toBuffer();
  return `#${pixel.subarray(0, 3).toString('hex')}`;
}

describe('a contact sheet', () => {
  it('shows every image in its place, uncropped, on the page of the theme', async () => {
    const [light] = await pagesOf(sheetOf(3));
    const [dark] = await pagesOf(sheetOf(3, 'dark'));
    if (light === undefined || dark === undefined) throw new Error('no page');
    expect(await colourAt(light, 2, 2)).toBe('#ffffff');
    expect(await colourAt(dark, 2, 2)).toBe('#17181b');
    // Two columns of 256 with a gap of 20, from 36 and 112.
    expect(await colourAt(light, 36 + 128, 112 + 128)).toBe(colours[0]);
    expect(await colourAt(light, 36 + 276 + 128, 112 + 128)).toBe(colours[1]);
    expect(await colourAt(light, 36 + 128, 112 + 330 + 128)).toBe(colours[2]);
    // Above and below a wide picture: the frame, not a crop.
    expect(await colourAt(light, 36 + 128, 112 + 20)).toBe('#f1f1f3');
  });

  it('goes on over pages and works when empty', async () => {
    expect(await pagesOf(sheetOf(0))).toHaveLength(1);
    expect(await pagesOf(sheetOf(97))).toHaveLength(2);
    expect([contactSheetName(0), contactSheetName(1)]).toEqual(['contact-sheet.png', 'contact-sheet-2.png']);
  });

  it('stops when it is told to', async () => {
    const stopped = AbortSignal.abort();
    await expect(Array.fromAsync(contactSheetPages(sheetOf(2), stopped))).rejects.toMatchObject({
      code: 'interrupted',
    });
    await expect(contactSheetPdf(sheetOf(2), '2026-11-23T00:00:00Z', stopped)).rejects.toMatchObject({
      code: 'interrupted',
    });
  });

  it('is a PDF of eight images a page, the same bytes every time', async () => {
    const bytes = await contactSheetPdf(sheetOf(9), '2026-11-23T00:00:00Z');
    const again = await contactSheetPdf(sheetOf(9), '2026-11-23T00:00:00Z');
    expect(Buffer.from(bytes).equals(again)).toBe(true);
    const document = await PDFDocument.load(bytes, { updateMetadata: false });
    expect(document.getPageCount()).toBe(2);
    expect(document.getTitle()).toBe('tall vase & <花瓶>');
  });
});

it('cuts captions by estimated width', () => {
  expect(fitText('short', 20)).toBe('short');
  expect(fitText('a\n b', 20)).toBe('a b');
  expect(fitText('花瓶花瓶花瓶', 4)).toBe('花瓶花…');
  expect(fitText('x'.repeat(100), 11)).toHaveLength(18);
});
