import { z } from 'zod';
import type { ForeignSettings } from '../../contract/library.ts';
import { note } from '../../contract/notes.ts';
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
  strength: note('leftStartImage'),
  init_image: note('leftStartImage'),
  loras: note('leftAdapters'),
  rand_device: note('leftRandomDevice'),
  controlnets: note('leftStructure'),
  clip_skip: note('leftEncoderLayers'),
};

/** About the file or the program, not about the picture: left out without a word. */
const silent = new Set(['app_version', 'generation_mode', 'seamless_x', 'seamless_y', 'model', 'scheduler']);

const modelSchema = z.object({ name: z.string().optional(), model_name: z.string().optional() });

/** InvokeAI's `invokeai_metadata`: one flat JSON object. */
export function settingsFromInvoke(text: string): ForeignSettings {
  const mapping = new Mapping('invokeai');
  const parsed = z.record(z.string(), z.unknown()).safeParse(parseForeignJson(text));
  if (!parsed.success) {
    mapping.leave('invokeai_metadata', text, note('leftNoObject'));
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
    else mapping.leave(field, value, Object.hasOwn(reasons, field) ? (reasons[field] ?? '') : note('leftUnknown'));
  }
  return mapping.result();
}

function takeScheduler(mapping: Mapping, value: unknown): void {
  if (typeof value !== 'string') return;
  const choice = samplerFromInvoke(value);
  if (choice === null) {
    mapping.leave('scheduler', value, note('leftSampler'));
    return;
  }
  mapping.take('sampler', choice.sampler, 'scheduler');
  if (choice.sigmaSpacing !== null) mapping.take('sigmaSpacing', choice.sigmaSpacing, 'scheduler');
}

function isEmpty(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}
