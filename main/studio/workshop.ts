import { readFile } from 'node:fs/promises';
import { Failure, toFailure } from '../contract/failures.ts';
import type { Picture } from '../engine/generation/generation-request.ts';
import { readImageFile } from '../library/image-file/read-image-file.ts';
import type { ModelFolders } from '../model-packages/package.ts';
import { EngineProcess } from './engine-process.ts';
import type { EngineProcessOptions } from './engine-process.ts';
import { hashCacheFile, modelFolders } from './model-folders.ts';

/** What generation works with; made once by each host. */
export interface Workshop extends Disposable {
  readonly engine: EngineProcess;
  readonly folders: ModelFolders;
  /** An explicit choice of execution provider; null takes the best that works. */
  readonly provider: string | null;
  /** The picture that `settings.image.source` names: a path on the command line, an id in the window. */
  readonly readPicture: (source: string) => Promise<Picture>;
  /** Remembers the hashes of large model files; null: nothing is remembered. */
  readonly hashCache: string | null;
  /** The moment, for records; passed in so that tests decide. */
  readonly now: () => Date;
}

/** A workshop over this machine's folders. */
export function openWorkshop(
  options: Partial<Omit<Workshop, 'engine'>> & { readonly engine?: EngineProcessOptions } = {},
): Workshop {
  const engine = new EngineProcess(options.engine);
  return {
    folders: options.folders ?? modelFolders(),
    provider: options.provider ?? null,
    readPicture: options.readPicture ?? readPictureFile,
    hashCache: options.hashCache === undefined ? hashCacheFile() : options.hashCache,
    now: options.now ?? (() => new Date()),
    engine,
    [Symbol.dispose]: () => {
      engine.close();
    },
  };
}

/** Decodes an image file. */
export async function readPictureFile(path: string): Promise<Picture> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw new Failure('bad-input', `image: expected an image file, got ${path}: ${toFailure(error).message}`, 'image');
  });
  const { width, height, data } = await (await readImageFile(bytes)).pixels();
  return { width, height, pixels: data };
}
