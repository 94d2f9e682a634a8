import { samplerOf, type ImageRecord } from '../contract/images.ts';
import type { Flag } from '../contract/library.ts';
import type { BatchCost, Measure } from '../contract/measures.ts';

/** One image of a batch or an export, as a manifest lists it. */
export interface ManifestImage {
  /** Name relative to the manifest; null where the candidate was not written. */
  readonly file: string | null;
  /** null for an imported image that carries none. */
  readonly record: ImageRecord | null;
  readonly flag?: Flag;
  readonly rating?: number;
  readonly tags?: readonly string[];
}

export interface ManifestBatch {
  readonly batch: string;
  readonly images: readonly ManifestImage[];
  readonly measures: readonly Measure[];
  readonly cost: BatchCost | null;
}

/** The whole batch as one JSON document; every record is complete, so the file alone repeats the batch. */
export function manifestJson(batch: ManifestBatch): string {
  const { images, ...rest } = batch;
  return `${JSON.stringify({ gamutManifest: 1, ...rest, images }, null, 2)}\n`;
}

type Cell = string | number | boolean | null | undefined;

/** Columns in order; a table for a spreadsheet, so flat and without what only a machine wants. */
const columns: readonly (readonly [string, (image: ManifestImage) => Cell])[] = [
  ['file', (image) => image.file],
  ['flag', (image) => image.flag],
  ['rating', (image) => image.rating],
  ['tags', (image) => image.tags?.join('; ')],
  ['index', (image) => image.record?.index],
  ['seed', (image) => image.record?.settings.seed],
  ['prompt', (image) => image.record?.settings.prompt],
  ['negativePrompt', (image) => image.record?.settings.negativePrompt],
  ['model', (image) => image.record?.model.id],
  ['modelHash', (image) => image.record?.model.hash],
  ['provider', (image) => image.record?.provider.chosen],
  ['width', (image) => image.record?.width],
  ['height', (image) => image.record?.height],
  ['sampler', (image) => image.record && samplerOf(image.record)],
  ['stepCount', (image) => image.record?.settings.stepCount],
  ['guidanceScale', (image) => image.record?.settings.guidanceScale],
  ['dial', (image) => image.record?.settings.dial],
  ['densityWeight', (image) => image.record?.settings.densityWeight],
  ['densityThreshold', (image) => image.record?.settings.densityThreshold],
  ['pseudoDensity', (image) => image.record?.scores.pseudoDensity],
  ['densityPercentile', (image) => image.record?.scores.densityPercentile],
  ['textImageScore', (image) => image.record?.scores.textImageScore],
  ['classProbability', (image) => image.record?.scores.classProbability],
  ['accepted', (image) => image.record?.reweighting?.accepted],
  ['createdAt', (image) => image.record?.createdAt],
];

/**
 * The images as CSV (RFC 4180: CRLF, quotes doubled), in UTF-8 with a byte order mark, without which Excel reads
 * Latin-1. A text that a spreadsheet would run as a formula gets an apostrophe in front, as OWASP advises.
 */
export function manifestCsv(batch: Pick<ManifestBatch, 'images'>): string {
  const rows = batch.images.map((image) => columns.map(([, cell]) => csvCell(cell(image))).join(','));
  return `\ufeff${[columns.map(([name]) => name).join(','), ...rows].join('\r\n')}\r\n`;
}

function csvCell(value: Cell): string {
  if (value === null || value === undefined) return '';
  if (typeof value !== 'string') return String(value);
  const safe = /^[=+\-@\t\r\n＝＋－＠]/.test(value) ? `'${value}` : value;
  return /[",\r\n']/.test(safe) || safe !== safe.trim() ? `"${safe.replaceAll('"', '""')}"` : safe;
}
