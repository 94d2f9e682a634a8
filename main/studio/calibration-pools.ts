import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { Failure } from '../contract/failures.ts';
import type { GenerationSettings } from '../contract/settings.ts';
import { featureSet, type Features } from '../engine/features/features.ts';
import type { Picture } from '../engine/generation/generation-request.ts';
import type { FeatureEncoder } from '../model-packages/feature-encoder.ts';
import type { Guidance } from './calibration-guidance.ts';
import { makeFolder } from '../library/files.ts';
import { encodePictures, featureName, featuresOf } from './encode-pictures.ts';
import { generateCandidates } from './generate-candidates.ts';
import { readFeatures, writeFeatures } from './npy.ts';
import { prepareGeneration } from './prepare-generation.ts';
import type { Workshop } from './workshop.ts';

/** Candidates of one brief at one guidance: every stop that uses the guidance is measured on the same ones. */
export interface Pool extends Guidance {
  readonly brief: string;
  readonly features: Features;
  readonly secondsPerImage: number;
}

/** A pool's candidates `from` up to `to`: pools grow by parts, and a part that is there is never made again. */
export interface PoolPart {
  readonly settings: GenerationSettings;
  readonly from: number;
  readonly to: number;
}

const timingSchema = z.looseObject({ secondsPerImage: z.number() });

/**
 * Makes or remembers parts of pools: `<folder>/<key>.npy` with its timing beside it. A calibration that was cut off goes on
 * with the parts that are there, and one with other stops, more briefs or larger pools uses them too.
 */
export class PoolStore {
  readonly #folder: string;
  readonly #workshop: Workshop;
  readonly #encoder: FeatureEncoder;
  readonly #modelHash: string;

  /** @param modelHash a changed model makes other pools */
  constructor(folder: string, workshop: Workshop, encoder: FeatureEncoder, modelHash: string) {
    this.#folder = folder;
    this.#workshop = workshop;
    this.#encoder = encoder;
    this.#modelHash = modelHash;
  }

  has(part: PoolPart): boolean {
    const path = this.#pathOf(part);
    return existsSync(`${path}.npy`) && existsSync(`${path}.json`);
  }

  async part(part: PoolPart, signal?: AbortSignal): Promise<Pool> {
    const { prompt: brief, guidanceScale, guidanceInterval } = part.settings;
    const path = this.#pathOf(part);
    if (this.has(part)) {
      const { secondsPerImage } = timingSchema.parse(JSON.parse(await readFile(`${path}.json`, 'utf8')));
      return { brief, guidanceScale, guidanceInterval, secondsPerImage, features: await readFeatures(`${path}.npy`) };
    }
    const { features, secondsPerImage } = await this.#make(part, signal);
    await makeFolder(this.#folder);
    await writeFeatures(`${path}.partial`, features);
    await writeFile(`${path}.json`, JSON.stringify({ brief, guidanceScale, guidanceInterval, secondsPerImage }));
    await rename(`${path}.partial`, `${path}.npy`);
    return { brief, guidanceScale, guidanceInterval, features, secondsPerImage };
  }

  #pathOf({ settings, from, to }: PoolPart): string {
    const content = { ...settings, model: '', count: 0, batchSize: 0, from, to, modelHash: this.#modelHash };
    const key = JSON.stringify({ ...content, encoder: this.#encoder.fingerprint });
    return join(this.#folder, createHash('sha256').update(key).digest('hex').slice(0, 40));
  }

  async #make(
    { settings, from, to }: PoolPart,
    signal: AbortSignal | undefined,
  ): Promise<{ features: Features; secondsPerImage: number }> {
    const started = performance.now();
    const prepared = await prepareGeneration(settings, this.#workshop, 'calibration');
    const indices = Array.from({ length: to - from }, (_, i) => from + i);
    const pictures: Picture[] = [];
    const options = signal === undefined ? {} : { signal };
    for await (const event of generateCandidates(prepared, indices, this.#workshop, options)) {
      if (event.kind === 'image') pictures.push(event.picture);
      if (event.kind === 'image-failed') throw Failure.fromRecord(event.failure);
    }
    const sources = pictures.map((picture) => ({ kind: 'pixels', ...picture }) as const);
    const vectors = await encodePictures(this.#workshop.engine, this.#encoder, sources, options);
    return {
      features: featuresOf(vectors, featureName(this.#encoder), settings.prompt),
      secondsPerImage: (performance.now() - started) / 1000 / pictures.length,
    };
  }
}

/** A pool of its parts, in their order. */
export function joinParts(parts: readonly [Pool, ...Pool[]]): Pool {
  const [first] = parts;
  if (parts.length === 1) return first;
  const count = parts.reduce((sum, { features }) => sum + features.count, 0);
  const values = new Float32Array(count * first.features.width);
  let at = 0;
  for (const { features } of parts) {
    values.set(features.values, at);
    at += features.values.length;
  }
  const seconds = parts.reduce((sum, { features, secondsPerImage }) => sum + features.count * secondsPerImage, 0);
  const features = featureSet(values, count, first.features.width, first.brief);
  return { ...first, features, secondsPerImage: seconds / count };
}
