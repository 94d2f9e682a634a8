import { z } from 'zod';
import { partialSettingsSchema } from './library.ts';

/** What the person chose about the window itself; kept by the studio, so that a reload or another window finds it. */
export const preferencesSchema = z.strictObject({
  language: z.enum(['system', 'en', 'ja']).default('system'),
  theme: z.enum(['system', 'light', 'dark']).default('system'),
  /** Own keys by action, in the form `ctrl+shift+k`; actions not named keep their usual key. */
  keys: z.record(z.string().max(40), z.string().max(40)).default({}),
  /** Smallest width of a thumbnail in the grids, in CSS pixels. */
  thumbnailWidth: z.int().min(80).max(480).default(168),
  expertOpen: z.boolean().default(false),
  /** The brief as it was last left, so that a prompt is never lost; null before the first one. */
  draft: partialSettingsSchema.nullable().default(null),
  preset: z.string().max(80).nullable().default(null),
  seedLocked: z.boolean().default(false),
});
export type Preferences = z.infer<typeof preferencesSchema>;

/** Preferences as the studio keeps them. Answers and events take different ways: what has the larger revision is the newer. */
export const keptPreferencesSchema = z.strictObject({ revision: z.int(), preferences: preferencesSchema });
export type KeptPreferences = z.infer<typeof keptPreferencesSchema>;

export const preferencesChangeSchema = z.strictObject(
  Object.fromEntries(
    Object.entries(preferencesSchema.shape).map(([name, schema]) => [name, schema.unwrap().exactOptional()]),
  ),
) as unknown as z.ZodType<Partial<Preferences>, Partial<Preferences>>;
