import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { Failure } from '../contract/failures.ts';
import type { GenerationSettings } from '../contract/settings.ts';
import type { Features } from '../engine/features/features.ts';
import type { Picture } from '../engine/generation/generation-request.ts';
import type { FeatureEncoder } from '../model-packages/feature-encoder.ts';
import { encodePictures, featureName, featuresOf } from './encode-pictures.ts';
import { generateCandidates } from './generate-candidates.ts';
import { readFeatures, writeFeatures } from './npy.ts';
import { prepareGeneration } from './prepare-generation.ts';
import type { Workshop } from './workshop.ts';

/** Candidates of one brief at one guidance scale: every weight and threshold is measured on the same ones. */
export interface Pool {
  readonly brief: string;
  readonly guidanceScale: number;
  readonly features: Features;
  readonly secondsPerImage: number;
}

const timingSchema = z.strictObject({ brief: z.string(), guidanceScale: z.number(), secondsPerImage: z.number() });

/**
 * Makes or remembers pools: `<folder>/<key>.npy` with its timing beside it. A calibration that was cut off goes on with
 * the pools that are there.
 */
export class PoolStore {
  readonly #folder: string;
  readonly #workshop: Workshop;
  readonly #encoder: FeatureEncoder;

  constructor(folder: string, workshop: Workshop, encoder: FeatureEncoder) {
    this.#folder = folder;
    this.#workshop = workshop;
    this.#encoder = encoder;
  }

  /** @param modelHash a changed model makes other pools */
  async pool(settings: GenerationSettings, modelHash: string, signal?: AbortSignal): Promise<Pool> {
    const path = join(this.#folder, this.#keyOf(settings, modelHash));
    if (existsSync(`${path}.npy`) && existsSync(`${path}.json`)) {
      const timing = timingSchema.parse(JSON.parse(await readFile(`${path}.json`, 'utf8')));
      return { ...timing, features: await readFeatures(`${path}.npy`) };
    }
    const pool = await this.#make(settings, signal);
    await mkdir(this.#folder, { recursive: true });
    await writeFeatures(`${path}.partial`, pool.features);
    const { brief, guidanceScale, secondsPerImage } = pool;
    await writeFile(`${path}.json`, JSON.stringify({ brief, guidanceScale, secondsPerImage }));
    await rename(`${path}.partial`, `${path}.npy`);
    return pool;
  }

  #keyOf(settings: GenerationSettings, modelHash: string): string {
    const content = JSON.stringify({ ...settings, batchSize: 0, modelHash, encoder: this.#encoder.fingerprint });
    return createHash('sha256').update(content).digest('hex').slice(0, 40);
  }

  async #make(settings: GenerationSettings, signal: AbortSignal | undefined): Promise<Pool> {
    const started = performance.now();
    const prepared = await prepareGeneration(settings, this.#workshop, 'calibration');
    const indices = Array.from({ length: settings.count }, (_, index) => index);
    const pictures: Picture[] = [];
    const options = signal === undefined ? {} : { signal };
    for await (const event of generateCandidates(prepared, indices, this.#workshop, options)) {
      if (event.kind === 'image') pictures.push(event.picture);
      if (event.kind === 'image-failed') throw Failure.fromRecord(event.failure);
    }
    const sources = pictures.map((picture) => ({ kind: 'pixels', ...picture }) as const);
    const vectors = await encodePictures(this.#workshop.engine, this.#encoder, sources, options);
    return {
      brief: settings.prompt,
      guidanceScale: settings.guidanceScale,
      features: featuresOf(vectors, featureName(this.#encoder), settings.prompt),
      secondsPerImage: (performance.now() - started) / 1000 / pictures.length,
    };
  }
}
