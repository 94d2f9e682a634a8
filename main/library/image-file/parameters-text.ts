import { samplerOf, type ImageRecord } from '../../contract/images.ts';
import { a1111SamplerName, a1111ScheduleName } from '../foreign/sampler-names.ts';

/**
 * The settings as a `parameters` text, the form that AUTOMATIC1111's web UI began and most programs read:
 * prompt, a line `Negative prompt: …`, a last line of `Name: value` pairs. A view for others; the whole truth is the
 * record beside it.
 */
export function parametersText(record: ImageRecord): string {
  const { settings } = record;
  const sampler = samplerOf(record);
  const eta = record.sampling?.eta ?? settings.eta;
  const pairs: (readonly [string, string])[] = [['Steps', String(settings.stepCount)]];
  if (sampler !== null) pairs.push(['Sampler', a1111SamplerName(sampler)]);
  const schedule = a1111ScheduleName(settings.sigmaSpacing);
  if (schedule !== null) pairs.push(['Schedule type', schedule]);
  pairs.push(
    ['CFG scale', String(settings.guidanceScale)],
    ['Seed', String(settings.seed)],
    ['Size', `${record.width}x${record.height}`],
    ['Model hash', record.model.hash.replace(/^sha256:/, '').slice(0, 10)],
    ['Model', record.model.id],
  );
  if (settings.image !== null) pairs.push(['Denoising strength', String(settings.image.strength)]);
  if (settings.guidanceRescale !== 0) pairs.push(['CFG Rescale phi', String(settings.guidanceRescale)]);
  if (eta !== 0) pairs.push(['Eta', String(eta)]);
  if (settings.dial !== null) pairs.push(['Dial', String(settings.dial)]);
  pairs.push(
    ['Batch index', String(record.index)],
    ['Version', `${record.application.name} ${record.application.version}`],
  );
  const lines = [settings.prompt.trimEnd()];
  if (settings.negativePrompt !== '') lines.push(`Negative prompt: ${settings.negativePrompt.trimEnd()}`);
  lines.push(pairs.map(([name, value]) => `${name}: ${quoted(value)}`).join(', '));
  return lines.join('\n');
}

/** A value with a comma, colon, quote or line break is written as a JSON string, as the web UI does. */
function quoted(value: string): string {
  return /[,:"\n\\]/.test(value) ? JSON.stringify(value) : value;
}
