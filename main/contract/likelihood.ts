import { z } from 'zod';
import { providerReportSchema } from './images.ts';
import { longestPrompt } from './settings.ts';
import { workProgressSchema } from './work-progress.ts';

/** What stands beside every likelihood that is shown (PAPERS.md §1d). */
export const likelihoodWarning =
  'Surprise is neither quality nor prompt match: a likelihood may rise while the image follows its prompt less, and it may not tell a red sphere from a red cube. Read the differences beside the text-image score; all figures are estimates.';

const prompt = z.string().max(longestPrompt);

/** An image to score under its prompt, under no prompt and under prompts that could be confused with its own. */
export const likelihoodSettingsSchema = z.strictObject({
  /** A path on the command line, an image's id in the window. */
  image: z.string().min(1),
  prompt,
  confounders: z.array(prompt).max(64).default([]),
  model: z.string().min(1),
  /** Runge–Kutta steps on fixed noise levels, or Dormand–Prince steps as long as the tolerance allows. */
  solver: z.enum(['rk4', 'dormand-prince']).default('rk4'),
  /** Of rk4; each step takes four evaluations. */
  stepCount: z.int('expected a whole number').min(1, 'expected at least 1').max(1000).default(20),
  /** Of dormand-prince: the error of one step, absolute and relative. Below 1e-6 a network in float32 is too rough. */
  tolerance: z.number().min(1e-6, 'expected at least 1e-6').max(0.1, 'expected at most 0.1').default(1e-3),
  /** Random directions in which the divergence is taken; with one there is no standard error. */
  probeCount: z.int('expected a whole number').min(1, 'expected at least 1').max(256).default(4),
  seed: z.int().min(0).default(0),
  /** How the divergence is had; null: exact products, and finite differences where the model does not allow them. */
  method: z.enum(['vector-jacobian', 'finite-differences']).nullable().default(null),
});
export type LikelihoodSettings = z.infer<typeof likelihoodSettingsSchema>;

/** One image under one prompt. Bits are −log2 p for each latent value: the surprise. */
export const promptLikelihoodSchema = z.strictObject({
  prompt: z.string(),
  /** log p of the latent. */
  nats: z.number(),
  /** Over probes; null with a single one. */
  natsStandardError: z.number().nullable(),
  bitsPerDimension: z.number(),
  bitsPerDimensionStandardError: z.number().nullable(),
  /** Larger than any law smoothed with sigmaMin allows: an error of the network. */
  aboveBound: z.boolean(),
  /** Cosine of image and text embeddings; null for the empty prompt and without an encoder pair. */
  textImageScore: z.number().nullable(),
  /** Words that the model never saw. */
  unknownWords: z.array(z.string()),
});
export type PromptLikelihood = z.infer<typeof promptLikelihoodSchema>;

/** How much more likely the image is under its prompt than under another: positive where its own prompt wins. */
export const likelihoodDifferenceSchema = z.strictObject({
  than: z.string(),
  nats: z.number(),
  natsStandardError: z.number().nullable(),
  bitsPerDimension: z.number(),
  bitsPerDimensionStandardError: z.number().nullable(),
});

export const likelihoodReportSchema = z.strictObject({
  label: z.literal('surprise'),
  warning: z.string(),
  image: z.string(),
  model: z.string(),
  width: z.int(),
  height: z.int(),
  /** Latent values: what nats are divided by. */
  dimensions: z.int(),
  conditional: promptLikelihoodSchema,
  unconditional: promptLikelihoodSchema,
  confounders: z.array(promptLikelihoodSchema),
  /** Conditional minus unconditional, then minus each confounder; the same probes and noise levels in both. */
  differences: z.array(likelihoodDifferenceSchema),
  /** The most nats a latent value can have at sigmaMin. */
  boundPerDimension: z.number(),
  method: z.enum(['vector-jacobian', 'finite-differences']),
  solver: z.enum(['rk4', 'dormand-prince']),
  /** Steps taken; where prompts were integrated apart, the most that one of them took. */
  stepCount: z.int(),
  /** null with rk4, which has none. */
  tolerance: z.number().nullable(),
  probeCount: z.int(),
  seed: z.int(),
  sigmaMin: z.number(),
  sigmaMax: z.number(),
  /** Evaluations of the network, over all prompts. */
  evaluations: z.int(),
  provider: providerReportSchema,
  notes: z.array(z.string()),
});
export type LikelihoodReport = z.infer<typeof likelihoodReportSchema>;

/** How far the work is, in evaluations of the network, and what it ends with. */
export const likelihoodEventSchema = z.discriminatedUnion('kind', [
  workProgressSchema,
  z.strictObject({ kind: z.literal('complete'), report: likelihoodReportSchema }),
]);
export type LikelihoodProgressEvent = z.infer<typeof likelihoodEventSchema>;
