import sharp, { type OverlayOptions } from 'sharp';
import { Failure } from '../contract/failures.ts';
import { mostPixels } from './image-file/read-image-file.ts';
import { escapeXml } from './xml.ts';

export interface SheetImage {
  /** Bytes of the image file; called once, when its turn comes. */
  readonly load: () => Promise<Uint8Array>;
  /** Captions under the picture, up to three; longer ones are cut with an ellipsis. */
  readonly lines: readonly string[];
}

export interface ContactSheet {
  readonly title: string;
  readonly subtitle: string;
  readonly theme: 'dark' | 'light';
  readonly images: readonly SheetImage[];
}

export const sheetColours = {
  dark: { page: '#17181b', text: '#f1f1f3', muted: '#a5a7ad', frame: '#242529' },
  light: { page: '#ffffff', text: '#1b1c1f', muted: '#62646b', frame: '#f1f1f3' },
} as const;

/** Captions that are shown; the rest would make cells of uneven height. */
export const mostLines = 3;

const cell = 256;
const gap = 20;
const margin = 36;
const lineHeight = 18;
const fontSize = 13;
const titleHeight = 76;
const mostColumns = 6;
const mostRows = 16;

/** File name of a page of a contact sheet: contact-sheet.png, contact-sheet-2.png, … */
export function contactSheetName(page: number): string {
  return page === 0 ? 'contact-sheet.png' : `contact-sheet-${page + 1}.png`;
}

/**
 * The images as PNG pages of at most 96, each under its captions. One page at a time is held in memory.
 * @throws Failure interrupted when the signal aborts; whatever an image's `load` throws.
 */
export async function* contactSheetPages(sheet: ContactSheet, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  const columns = Math.max(1, Math.min(mostColumns, Math.ceil(Math.sqrt(sheet.images.length))));
  const perPage = columns * mostRows;
  const pages = Math.max(1, Math.ceil(sheet.images.length / perPage));
  for (let page = 0; page < pages; page += 1) {
    const images = sheet.images.slice(page * perPage, (page + 1) * perPage);
    const subtitle = pages === 1 ? sheet.subtitle : `${sheet.subtitle} · ${page + 1}/${pages}`;
    yield await drawPage({ ...sheet, subtitle, images }, columns, signal);
  }
}

async function drawPage(sheet: ContactSheet, columns: number, signal: AbortSignal | undefined): Promise<Uint8Array> {
  const colours = sheetColours[sheet.theme];
  const rows = Math.ceil(sheet.images.length / columns);
  // A single column would leave no room for the title.
  const width = Math.max(2 * margin + columns * (cell + gap) - gap, 560);
  const rowHeight = cell + mostLines * lineHeight + gap;
  const height = margin + titleHeight + Math.max(1, rows) * rowHeight + margin - gap;
  const overlays: OverlayOptions[] = [];
  const texts: string[] = [
    svgText(sheet.title, margin, margin + 22, 22, colours.text, width - 2 * margin, 'bold'),
    svgText(sheet.subtitle, margin, margin + 46, fontSize, colours.muted, width - 2 * margin),
  ];
  for (const [i, image] of sheet.images.entries()) {
    if (signal?.aborted === true) throw new Failure('interrupted', 'The contact sheet was stopped.');
    const left = margin + (i % columns) * (cell + gap);
    const top = margin + titleHeight + Math.floor(i / columns) * rowHeight;
    overlays.push({ input: await thumbnail(await image.load(), colours.frame), left, top });
    image.lines.slice(0, mostLines).forEach((line, k) => {
      const y = top + cell + 16 + k * lineHeight;
      texts.push(svgText(line, left, y, fontSize, k === 0 ? colours.text : colours.muted, cell));
    });
  }
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${texts.join('')}</svg>`;
  return sharp({ create: { width, height, channels: 3, background: colours.page } })
    .composite([...overlays, { input: Buffer.from(svg), left: 0, top: 0 }])
    .png({ compressionLevel: 6 })
    .toBuffer();
}

/** The picture within a square cell, never cropped, enlarged only by whole pixels. */
async function thumbnail(bytes: Uint8Array, background: string): Promise<Buffer> {
  const image = sharp(bytes, { limitInputPixels: mostPixels });
  const { width, height } = await image.metadata();
  const kernel = Math.max(width, height) < cell ? 'nearest' : 'lanczos3';
  return image.resize(cell, cell, { fit: 'contain', background, kernel }).flatten({ background }).png().toBuffer();
}

function svgText(
  text: string,
  x: number,
  y: number,
  size: number,
  colour: string,
  width: number,
  weight: 'normal' | 'bold' = 'normal',
): string {
  const shown = escapeXml(fitText(text, width / size));
  return `<text x="${x}" y="${y}" font-family="sans-serif" font-size="${size}" font-weight="${weight}" fill="${colour}">${shown}</text>`;
}

/** Cuts a text to a width in ems, estimated: full-width characters take one em, others a little over half. */
export function fitText(text: string, ems: number): string {
  const characters = [...text.replaceAll(/\s+/g, ' ').trim()];
  const widths = characters.map((character) => ((character.codePointAt(0) ?? 0) > 0x2e7f ? 1 : 0.58));
  if (widths.reduce((sum, width) => sum + width, 0) <= ems) return characters.join('');
  let used = 1; // the ellipsis
  const end = widths.findIndex((width) => (used += width) > ems);
  return `${characters.slice(0, end).join('').trimEnd()}…`;
}
