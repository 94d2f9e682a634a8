import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { Failure } from '../contract/failures.ts';
import type { DensityPredictor } from '../engine/features/density-predictor.ts';
import { makeFolder, writeFileAtomically } from '../library/files.ts';
import type { DensityJudge } from './density-judge.ts';
import type { Workshop } from './workshop.ts';

/** A learned density, and the share of the variance of densities it was not shown that it explains. */
export interface LearnedDensity {
  readonly predictor: DensityPredictor;
  readonly explained: number;
}

/**
 * Smaller than the paper's network (512, 256, 128): a brief has a few hundred to two thousand references, where the larger
 * one learns nothing more and takes ten times as long.
 */
const training = { hidden: [128, 64], epochs: 40 } as const;

/** Numbers as base64 of their bytes. */
const floats = z.base64().transform((text) => new Float32Array(Uint8Array.from(Buffer.from(text, 'base64')).buffer));
const fileSchema = z.strictObject({
  explained: z.number(),
  layers: z.array(z.strictObject({ inputs: z.int(), outputs: z.int(), weights: floats, bias: floats })),
  mean: floats,
  deviation: floats,
  densityMean: z.number(),
  densityDeviation: z.number(),
  lowest: z.number(),
  highest: z.number(),
});

/**
 * The learned density of a judge's references: trained on first use, then kept beside the cache of features under the
 * references' own fingerprint. Announces epochs.
 */
export async function* learnedDensity(
  { references, reference }: DensityJudge,
  { engine, hashCache }: Workshop,
  signal?: AbortSignal,
): AsyncGenerator<{ readonly done: number; readonly all: number }, LearnedDensity, void> {
  const fingerprint = createHash('sha256')
    .update(JSON.stringify([training, reference.k, reference.exponent, references.width]))
    .update(Float32Array.from(references.values))
    .digest('hex')
    .slice(0, 40);
  const path = hashCache === null ? null : join(dirname(hashCache), 'density-predictors', `${fingerprint}.json`);
  const known = path === null ? null : await kept(path);
  if (known !== null) return known;
  const request = { references, densities: reference.densities, ...training };
  for await (const event of engine.request('densityPredictor', request, signal)) {
    if (event.kind === 'progress') {
      yield { done: event.done, all: event.all };
      continue;
    }
    const { predictor, explained } = event;
    if (path !== null) {
      await makeFolder(dirname(path));
      await writeFileAtomically(path, Buffer.from(written({ predictor, explained })));
    }
    return { predictor, explained };
  }
  throw new Failure('engine-gone', 'The engine ended without a density predictor.');
}

/** A file that cannot be read as one is made again. */
async function kept(path: string): Promise<LearnedDensity | null> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (text === null) return null;
  const parsed = fileSchema.safeParse(jsonOrNull(text));
  if (!parsed.success) return null;
  const { explained, ...predictor } = parsed.data;
  return { predictor, explained };
}

function jsonOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // Half a file is no file.
  }
}

function written({ predictor, explained }: LearnedDensity): string {
  return JSON.stringify({ explained, ...predictor }, (_, value: unknown) =>
    value instanceof Float32Array
      ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
      : value,
  );
}
