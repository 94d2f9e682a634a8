import { createHash, randomUUID } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../library/files.ts';
import { parseNpy, npyBytes } from './npy.ts';

/** The vectors of one picture, by output name. */
export type PictureVectors = Readonly<Record<string, Float32Array>>;

/**
 * Vectors of pictures on disk, by content: `<folder>/<encoder>/<picture>.<output>.npy`. A picture that changes gets
 * another name, an encoder that changes another folder, so nothing ever goes stale; deleting the folder is safe.
 */
export class FeatureCache {
  readonly #folder: string;

  constructor(folder: string, encoderFingerprint: string) {
    this.#folder = join(folder, encoderFingerprint);
  }

  /** The name of a picture's content. */
  static keyOf(bytes: Uint8Array): string {
    return createHash('sha256').update(bytes).digest('hex').slice(0, 40);
  }

  /** The vectors of all `outputs`, or null where one is not there. */
  async get(key: string, outputs: readonly string[]): Promise<PictureVectors | null> {
    const vectors: Record<string, Float32Array> = {};
    for (const output of outputs) {
      const path = this.#pathOf(key, output);
      const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return null;
        throw error;
      });
      if (bytes === null) return null;
      vectors[output] = Float32Array.from(parseNpy(bytes, path).values);
    }
    return vectors;
  }

  async set(key: string, vectors: PictureVectors): Promise<void> {
    await makeFolder(this.#folder);
    for (const [output, values] of Object.entries(vectors)) {
      // Written aside and renamed: a process that dies leaves no half file.
      const aside = join(this.#folder, `${randomUUID()}.tmp`);
      await writeFile(aside, npyBytes({ count: 1, width: values.length, values }));
      await rename(aside, this.#pathOf(key, output));
    }
  }

  #pathOf(key: string, output: string): string {
    return join(this.#folder, `${key}.${output}.npy`);
  }
}
