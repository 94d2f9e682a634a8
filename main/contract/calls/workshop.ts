import { z } from 'zod';
import { failureSchema } from '../failures.ts';
import { jobEventSchema, queueSchema } from '../jobs.ts';
import { libraryIdSchema } from '../library.ts';
import { dialPathSchema, modelCardSchema, promptReadingSchema } from '../models.ts';
import { keptPreferencesSchema, preferencesChangeSchema } from '../preferences.ts';
import { presetFileSchema, presetSchema } from '../presets.ts';
import { longestPrompt } from '../settings.ts';
import { request, stream } from './call.ts';

const nothing = z.strictObject({});
const done = z.strictObject({});
const model = z.strictObject({ model: z.string().max(1000) });

/** Named settings. */
export const presetCalls = {
  list: request(nothing, z.array(presetSchema)),
  save: request(
    presetSchema.omit({ id: true, builtIn: true }).extend({ id: libraryIdSchema.nullable() }),
    presetSchema,
  ),
  remove: request(z.strictObject({ preset: libraryIdSchema }), done),
  /** The preset as it travels in a file. */
  write: request(z.strictObject({ preset: libraryIdSchema }), presetFileSchema),
  read: request(presetFileSchema, presetSchema),
};

/** Model packages, and what they know. */
export const modelCalls = {
  list: request(nothing, z.array(modelCardSchema)),
  /** Asks the person for a folder and takes the model in it; null when they changed their mind. */
  import: request(nothing, modelCardSchema.nullable()),
  remove: request(model, done),
  /** How the model reads a prompt. */
  read: request(model.extend({ prompt: z.string().max(longestPrompt) }), promptReadingSchema),
  /** The calibrated path of the dial; null where the model was never calibrated. */
  dialPath: request(model, dialPathSchema.nullable()),
};

export const preferenceCalls = {
  get: request(nothing, keptPreferencesSchema),
  change: request(preferencesChangeSchema, keptPreferencesSchema),
};

export const aboutSchema = z.strictObject({
  version: z.string(),
  host: z.enum(['desktop', 'browser']),
  platform: z.string(),
  dataFolder: z.string(),
  /** Where a path may be chosen: only on the person's own machine, with its own dialog. */
  canChoosePlace: z.boolean(),
});
export type About = z.infer<typeof aboutSchema>;

/** The host around the window. */
export const hostCalls = {
  about: request(nothing, aboutSchema),
  /** Lets the person choose a folder; the answer names it without being a path that a window could make up. */
  choosePlace: request(nothing, z.strictObject({ place: z.string(), label: z.string() }).nullable()),
  /** Shows an image's file in the system's file browser. */
  reveal: request(z.strictObject({ image: libraryIdSchema }), done),
};

/** What happens in the studio, to every window alike. The first event is the whole state. */
export const activityEventSchema = z.union([
  jobEventSchema,
  z.strictObject({
    kind: z.literal('state'),
    queue: queueSchema,
    /** Batch of the running or last job; null in an empty studio. */
    batch: libraryIdSchema.nullable(),
  }),
  /** Images, tags or collections changed: what is shown of them should be asked for again. */
  z.strictObject({ kind: z.literal('library'), images: z.array(libraryIdSchema) }),
  z.strictObject({ kind: z.literal('engine'), state: z.enum(['gone', 'back']), failure: failureSchema.nullable() }),
  keptPreferencesSchema.extend({ kind: z.literal('preferences') }),
]);
export type ActivityEvent = z.infer<typeof activityEventSchema>;

export const activityCalls = { watch: stream(nothing, activityEventSchema) };
