import { PDFDocument, StandardFonts, rgb, type PDFFont, type PDFPage, type RGB } from 'pdf-lib';
import sharp from 'sharp';
import { Failure } from '../contract/failures.ts';
import { fitText, mostLines, sheetColours, type ContactSheet, type SheetImage } from './contact-sheet.ts';
import { mostPixels } from './image-file/read-image-file.ts';
import { escapeXml } from './xml.ts';

/** A4 landscape in points, as printers and clients expect it. */
const page = { width: 841.89, height: 595.28 } as const;
const margin = 36;
const columns = 4;
const rows = 2;
const gap = 14;
const headerHeight = 40;
const fontSize = 8.5;
const lineHeight = 11;
/** Longer side of an embedded picture: 300 dpi at the size of a cell. */
const embeddedSide = 800;

interface Pen {
  readonly document: PDFDocument;
  readonly fonts: { readonly normal: PDFFont; readonly bold: PDFFont };
  readonly colours: { readonly page: RGB; readonly text: RGB; readonly muted: RGB };
}

/**
 * The images as a PDF, eight a page, with captions as text (as pictures of text where the standard fonts lack the
 * characters).
 * @param createdAt ISO 8601; the only moment in the file, so that the same sheet gives the same bytes.
 * @throws Failure interrupted when the signal aborts.
 */
export async function contactSheetPdf(
  sheet: ContactSheet,
  createdAt: string,
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const document = await PDFDocument.create({ updateMetadata: false });
  const moment = new Date(createdAt);
  document.setTitle(sheet.title);
  document.setCreator('Gamut');
  document.setProducer('Gamut');
  document.setCreationDate(moment);
  document.setModificationDate(moment);
  const theme = sheetColours[sheet.theme];
  const pen: Pen = {
    document,
    fonts: {
      normal: await document.embedFont(StandardFonts.Helvetica),
      bold: await document.embedFont(StandardFonts.HelveticaBold),
    },
    colours: { page: colourOf(theme.page), text: colourOf(theme.text), muted: colourOf(theme.muted) },
  };
  const perPage = columns * rows;
  for (let first = 0; first === 0 || first < sheet.images.length; first += perPage)
    await drawPage(pen, sheet, sheet.images.slice(first, first + perPage), signal);
  return document.save();
}

async function drawPage(
  pen: Pen,
  sheet: ContactSheet,
  images: readonly SheetImage[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const sheetPage = pen.document.addPage([page.width, page.height]);
  sheetPage.drawRectangle({ x: 0, y: 0, width: page.width, height: page.height, color: pen.colours.page });
  const top = page.height - margin;
  const full = page.width - 2 * margin;
  await drawLine(pen, sheetPage, sheet.title, { x: margin, y: top - 14, size: 14, width: full, bold: true });
  await drawLine(pen, sheetPage, sheet.subtitle, { x: margin, y: top - 28, size: fontSize, width: full, muted: true });
  const cellWidth = (full - (columns - 1) * gap) / columns;
  const cellHeight = (page.height - 2 * margin - headerHeight - (rows - 1) * gap) / rows;
  const pictureHeight = cellHeight - mostLines * lineHeight - 4;
  for (const [i, image] of images.entries()) {
    if (signal?.aborted === true) throw new Failure('interrupted', 'The contact sheet was stopped.');
    const x = margin + (i % columns) * (cellWidth + gap);
    const cellTop = top - headerHeight - Math.floor(i / columns) * (cellHeight + gap);
    const picture = await pen.document.embedJpg(await forPrint(await image.load()));
    const { width, height } = picture.scaleToFit(cellWidth, pictureHeight);
    sheetPage.drawImage(picture, { x, y: cellTop - height, width, height });
    for (const [k, line] of image.lines.slice(0, mostLines).entries()) {
      const y = cellTop - pictureHeight - 9 - k * lineHeight;
      await drawLine(pen, sheetPage, line, { x, y, size: fontSize, width: cellWidth, muted: k > 0 });
    }
  }
}

async function forPrint(bytes: Uint8Array): Promise<Uint8Array> {
  return sharp(bytes, { limitInputPixels: mostPixels })
    .resize(embeddedSide, embeddedSide, { fit: 'inside', withoutEnlargement: true })
    .flatten({ background: '#ffffff' })
    .jpeg({ quality: 90, chromaSubsampling: '4:4:4' })
    .toBuffer();
}

interface Line {
  readonly x: number;
  readonly y: number;
  readonly size: number;
  readonly width: number;
  readonly bold?: boolean;
  readonly muted?: boolean;
}

async function drawLine(pen: Pen, sheetPage: PDFPage, text: string, line: Line): Promise<void> {
  const shown = fitText(text, line.width / line.size);
  if (shown === '') return;
  const font = line.bold === true ? pen.fonts.bold : pen.fonts.normal;
  const color = line.muted === true ? pen.colours.muted : pen.colours.text;
  if (canWrite(font, shown)) {
    sheetPage.drawText(shown, { x: line.x, y: line.y, size: line.size, font, color });
    return;
  }
  const picture = await pen.document.embedPng(await pictureOfText(shown, line, color));
  const { width, height } = picture.scale(1 / textScale);
  sheetPage.drawImage(picture, { x: line.x, y: line.y - line.size * 0.4, width, height });
}

/** The standard fonts hold Western European letters only. */
function canWrite(font: PDFFont, text: string): boolean {
  const known = new Set(font.getCharacterSet());
  return [...text].every((character) => known.has(character.codePointAt(0) ?? 0));
}

const textScale = 4;

async function pictureOfText(text: string, { size, width, bold }: Line, colour: RGB): Promise<Uint8Array> {
  const pixel = size * textScale;
  const fill = `rgb(${[colour.red, colour.green, colour.blue].map((part) => Math.round(part * 255)).join(',')})`;
  const weight = bold === true ? 'bold' : 'normal';
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${Math.ceil(width * textScale)}" height="${Math.ceil(pixel * 1.6)}"><text x="0" y="${pixel * 1.2}" font-family="sans-serif" font-size="${pixel}" font-weight="${weight}" fill="${fill}">${escapeXml(text)}</text></svg>`;
  return sharp(Buffer.from(svg)).png().toBuffer();
}

function colourOf(hex: string): RGB {
  const part = (at: number): number => Number.parseInt(hex.slice(at, at + 2), 16) / 255;
  return rgb(part(1), part(3), part(5));
}
