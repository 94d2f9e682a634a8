import { z } from 'zod';
import type { ForeignSettings } from '../../contract/library.ts';
import { Mapping } from './mapping.ts';
import { parseForeignJson } from './foreign-json.ts';
import { samplerFromInvoke } from './sampler-names.ts';
import type { PartialSettings } from '../../contract/library.ts';

const direct: Readonly<Record<string, keyof PartialSettings>> = {
  positive_prompt: 'prompt',
  negative_prompt: 'negativePrompt',
  seed: 'seed',
  steps: 'stepCount',
  cfg_scale: 'guidanceScale',
  cfg_rescale_multiplier: 'guidanceRescale',
  width: 'width',
  height: 'height',
};

const reasons: Readonly<Record<string, string>> = {
  strength: 'the picture it started from is not in the file',
  init_image: 'the picture it started from is not in the file',
  loras: 'adapters of the other program are not files here',
  rand_device: "another program's random numbers: the same seed gives another picture",
  controlnets: 'no structure reference here',
  clip_skip: 'the text encoder is used whole',
};

/** About the file or the program, not about the picture: left out without a word. */
const silent = new Set(['app_version', 'generation_mode', 'seamless_x', 'seamless_y', 'model', 'scheduler']);

const modelSchema = z.object({ name: z.string().optional(), model_name: z.string().optional() });

/** InvokeAI's `invokeai_metadata`: one flat JSON object. */
export function settingsFromInvoke(text: string): ForeignSettings {
  const mapping = new Mapping('invokeai');
  const parsed = z.record(z.string(), z.unknown()).safeParse(parseForeignJson(text));
  if (!parsed.success) {
    mapping.leave('invokeai_metadata', text, 'expected a JSON object');
    return mapping.result();
  }
  const fields = parsed.data;
  const model = modelSchema.safeParse(fields['model']);
  if (model.success) mapping.model(model.data.name ?? model.data.model_name ?? null, 'model');
  takeScheduler(mapping, fields['scheduler']);
  for (const [field, value] of Object.entries(fields)) {
    if (silent.has(field) || value === null || isEmpty(value)) continue;
    const ours = Object.hasOwn(direct, field) ? direct[field] : undefined;
    if (ours !== undefined) mapping.take(ours, value, field);
    else mapping.leave(field, value, Object.hasOwn(reasons, field) ? (reasons[field] ?? '') : 'no such setting here');
  }
  return mapping.result();
}

function takeScheduler(mapping: Mapping, value: unknown): void {
  if (typeof value !== 'string') return;
  const choice = samplerFromInvoke(value);
  if (choice === null) {
    mapping.leave('scheduler', value, 'no such sampler here');
    return;
  }
  mapping.take('sampler', choice.sampler, 'scheduler');
  if (choice.sigmaSpacing !== null) mapping.take('sigmaSpacing', choice.sigmaSpacing, 'scheduler');
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}
