import { z } from 'zod';
import { libraryIdSchema, partialSettingsSchema } from './library.ts';

/** What a preset never holds: the brief and the chance of one batch. */
export const presetExcluded = ['prompt', 'seed', 'image', 'nudge'] as const;

/** A named set of settings. Built-in ones can be copied, not changed. */
export const presetSchema = z.strictObject({
  id: libraryIdSchema,
  name: z.string().trim().min(1).max(80),
  description: z.string().max(500),
  /** What it was tuned for and how; an own preset may leave it empty. */
  tunedFor: z.string().max(500),
  builtIn: z.boolean(),
  settings: partialSettingsSchema.refine(
    (settings) => presetExcluded.every((name) => !(name in settings)),
    `a preset holds no ${presetExcluded.join(', ')}`,
  ),
});
export type Preset = z.infer<typeof presetSchema>;

/** A preset as it travels in a file. */
export const presetFileSchema = z.strictObject({
  gamutPreset: z.literal(1),
  ...presetSchema.omit({ id: true, builtIn: true }).shape,
});
export type PresetFile = z.infer<typeof presetFileSchema>;
