import { existsSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { Failure, failureFromZod } from '../contract/failures.ts';
import { dialPathSchema } from '../contract/models.ts';

const guidanceShape = {
  guidanceScale: z.number(),
  guidanceInterval: z.strictObject({ low: z.number(), high: z.number() }).nullable(),
};

/** A mean over briefs with its 95 % interval. */
const meanSchema = z.strictObject({ value: z.number(), low: z.number().nullable(), high: z.number().nullable() });

/** Guidance without reweighting, measured on the same images as the path. */
const aloneSchema = z.strictObject({ ...guidanceShape, precision: meanSchema, recall: meanSchema });

/** `calibration.json` beside a model: the dial's path, what it was chosen from, and how to make it again. */
export const calibrationSchema = z.strictObject({
  format: z.literal(1),
  /** The command that made it. */
  command: z.string(),
  modelHash: z.string(),
  /** Which features and references, in words. */
  features: z.string(),
  references: z.string(),
  stepCount: z.int().positive(),
  seed: z.int().min(0),
  briefs: z.array(z.string()).nonempty(),
  /** Candidates that were made, a brief, by guidance. */
  pools: z.array(
    z.strictObject({ ...guidanceShape, candidates: z.int().positive(), secondsPerImage: z.number().min(0) }),
  ),
  /** Images kept a brief for each measurement. */
  keptPerBrief: z.int().positive(),
  /** Neighbours of precision and recall, and of pseudo density. */
  k: z.int().positive(),
  densityK: z.int().positive(),
  path: dialPathSchema.refine(
    ({ stops }) => ascends(stops),
    'expected at least 2 stops with dial ascending from -1 to 1',
  ),
  /** Guidance alone (weight 1) on the same images, for comparison. */
  guidanceAlone: z.array(aloneSchema),
  /** What came of it: the ends' distance, steps that go backwards, stops that guidance alone beats. */
  verdict: z.strictObject({
    precisionApart: z.number(),
    recallApart: z.number(),
    backwards: z.array(z.string()),
    dominated: z.array(z.string()),
  }),
});

export type Calibration = z.infer<typeof calibrationSchema>;

function ascends(stops: readonly { readonly dial: number }[]): boolean {
  const dials = stops.map(({ dial }) => dial);
  return (
    dials.length >= 2 &&
    dials[0] === -1 &&
    dials.at(-1) === 1 &&
    dials.every((dial, i) => i === 0 || dial > (dials[i - 1] as number))
  );
}

const fileName = 'calibration.json';

/**
 * The calibration of a model's folder; null where it was never calibrated.
 *
 * @throws Failure `model-broken` when the file is not what it should be
 */
export async function readCalibration(folder: string): Promise<Calibration | null> {
  const path = join(folder, fileName);
  if (!existsSync(path)) return null;
  let content: unknown;
  try {
    content = JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    throw new Failure('model-broken', `${path}: expected JSON: ${error instanceof Error ? error.message : ''}`, path);
  }
  const parsed = calibrationSchema.safeParse(content);
  if (!parsed.success) throw new Failure('model-broken', failureFromZod(parsed.error, path).message, path);
  return parsed.data;
}

export async function writeCalibration(folder: string, calibration: Calibration): Promise<string> {
  const path = join(folder, fileName);
  await writeFile(`${path}.partial`, `${JSON.stringify(calibration, null, 1)}\n`);
  await rename(`${path}.partial`, path);
  return path;
}
