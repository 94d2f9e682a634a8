import type { ForeignSettings } from '../../contract/library.ts';
import { note } from '../../contract/notes.ts';
import { Mapping } from './mapping.ts';
import { isA1111Schedule, samplerFromA1111 } from './sampler-names.ts';

const reasons: Readonly<Record<string, string>> = {
  'Model hash': note('leftModelHash'),
  'Hires upscale': note('leftSecondPass'),
  'Clip skip': note('leftEncoderLayers'),
  'Variation seed': note('leftSeedMix'),
  'Variation seed strength': note('leftSeedMix'),
  'Lora hashes': note('leftAdapterHashes'),
  Version: note('leftProgram'),
};

/** Fields that name another sampler setting; handled together. */
const samplerFields = new Set(['Sampler', 'Schedule type']);

/**
 * AUTOMATIC1111's `parameters` (also Forge, SD.Next, and ours for others): the prompt, perhaps `Negative prompt: …`,
 * and a last line of `Name: value` pairs, values with commas in JSON quotes.
 */
export function settingsFromA1111(text: string): ForeignSettings {
  const mapping = new Mapping('a1111');
  const lines = text.replaceAll('\r\n', '\n').trim().split('\n');
  const last = lines.at(-1) ?? '';
  const pairs = pairsOf(last);
  // Fewer than three pairs are more likely the end of a prompt: the web UI itself draws the line there.
  const hasPairs = pairs.length >= 3;
  const body = hasPairs ? lines.slice(0, -1) : lines;
  const negativeAt = body.findIndex((line) => line.startsWith('Negative prompt:'));
  const promptLines = negativeAt < 0 ? body : body.slice(0, negativeAt);
  mapping.take('prompt', promptLines.join('\n').trim(), 'prompt');
  if (negativeAt >= 0) {
    const negative = body.slice(negativeAt).join('\n').slice('Negative prompt:'.length).trim();
    mapping.take('negativePrompt', negative, 'Negative prompt');
  }
  if (/<lora:|<hypernet:|\([^()]*:\s*[\d.]+\)/.test(promptLines.join(' ')))
    mapping.leave('prompt', 'attention or network syntax', 'kept in the prompt as it is, but read as plain words');
  if (hasPairs) takePairs(mapping, new Map(pairs));
  return mapping.result();
}

function takePairs(mapping: Mapping, pairs: ReadonlyMap<string, string>): void {
  takeSampler(mapping, pairs.get('Sampler') ?? null, pairs.get('Schedule type') ?? null);
  for (const [field, value] of pairs) {
    if (samplerFields.has(field)) continue;
    switch (field) {
      case 'Steps':
        mapping.take('stepCount', numberOf(value), field);
        break;
      case 'CFG scale':
        mapping.take('guidanceScale', numberOf(value), field);
        break;
      case 'Seed':
        mapping.take('seed', numberOf(value), field);
        break;
      case 'Model':
        mapping.model(value, field);
        break;
      case 'Eta':
        mapping.take('eta', numberOf(value), field);
        break;
      case 'CFG Rescale phi':
        mapping.take('guidanceRescale', numberOf(value), field);
        break;
      case 'Size':
        takeSize(mapping, value);
        break;
      case 'Denoising strength':
        mapping.leave(field, value, note('leftStartImage'));
        break;
      default:
        mapping.leave(field, value, reasons[field] ?? note('leftUnknown'));
    }
  }
}

function takeSize(mapping: Mapping, value: string): void {
  const size = /^(\d+)x(\d+)$/.exec(value);
  if (size === null) {
    mapping.leave('Size', value, note('leftSize'));
    return;
  }
  mapping.take('width', Number(size[1]), 'Size');
  mapping.take('height', Number(size[2]), 'Size');
}

function takeSampler(mapping: Mapping, name: string | null, schedule: string | null): void {
  const choice = name === null ? null : samplerFromA1111(name, schedule);
  if (name !== null && choice === null) mapping.leave('Sampler', name, note('leftSampler'));
  if (choice !== null) mapping.take('sampler', choice.sampler, 'Sampler');
  if (choice?.sigmaSpacing != null) mapping.take('sigmaSpacing', choice.sigmaSpacing, 'Schedule type');
  if (schedule !== null && !isA1111Schedule(schedule)) mapping.leave('Schedule type', schedule, note('leftSpacing'));
}

/** `Name: value` pairs of one line; a line that is anything else gives none. */
function pairsOf(line: string): [string, string][] {
  const pair = /\s*([\w /+.-]+):\s*("(?:\\.|[^\\"])*"|[^,]*)(?:,|$)/y;
  const pairs: [string, string][] = [];
  while (pair.lastIndex < line.length) {
    const found = pair.exec(line);
    if (found === null) return [];
    pairs.push([(found[1] ?? '').trim(), unquoted((found[2] ?? '').trim())]);
  }
  return pairs;
}

function unquoted(value: string): string {
  if (!value.startsWith('"')) return value;
  try {
    return String(JSON.parse(value));
  } catch {
    // Not JSON after all: the quotes belong to the value.
    return value;
  }
}

/** A number, or the text itself, which the setting's schema then refuses and the caller is told about. */
function numberOf(value: string): number | string {
  return value === '' || Number.isNaN(Number(value)) ? value : Number(value);
}
