import { z } from 'zod';
import { imageScoresSchema } from './images.ts';
import { nudgeSettingsSchema, type NudgeSettings } from './settings.ts';
import { workProgressSchema } from './work-progress.ts';

/** What moves most pictures visibly and keeps what they are (test/benchmarks/nudge.ts). */
export const defaultNudge = { budget: 0.1, stepCount: 10, slope: 'neighbours' } as const satisfies Omit<
  NudgeSettings,
  'direction'
>;

/** What stands beside every nudge that is shown (PAPERS.md §3d). */
export const nudgeWarning =
  'Dense is common, not good: a typical image may come close to the references, an unusual one is more often broken.';

/** How a nudge is asked for: the direction, and the rest as it proved good. */
export const nudgeRequestSchema = nudgeSettingsSchema.extend({
  budget: nudgeSettingsSchema.shape.budget.default(defaultNudge.budget),
  stepCount: nudgeSettingsSchema.shape.stepCount.default(defaultNudge.stepCount),
});

/** One image nudged: the figures before and after, both by the nearest references. */
export const nudgeReportSchema = z.strictObject({
  settings: nudgeSettingsSchema,
  before: imageScoresSchema,
  after: imageScoresSchema,
  /** Which references, in words. */
  references: z.string(),
  /** Largest change of any value of the noise; at most the budget. */
  largestChange: z.number().min(0),
  /** Whether the density moved the way that was asked. */
  moved: z.boolean(),
  warning: z.string(),
  notes: z.array(z.string()),
});
export type NudgeReport = z.infer<typeof nudgeReportSchema>;

/** How far the work is, in gradient steps, and what it ends with. */
export const nudgeEventSchema = z.discriminatedUnion('kind', [
  workProgressSchema,
  z.strictObject({
    kind: z.literal('complete'),
    report: nudgeReportSchema,
    /** PNG in base64: the image itself, made again, and what became of it. */
    before: z.string(),
    after: z.string(),
    /** What `nudge.keep` takes; only the latest few are remembered. */
    token: z.string(),
  }),
]);
