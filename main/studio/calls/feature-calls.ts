import type { StudioHandlers } from '../../contract/calls/index.ts';
import { Failure } from '../../contract/failures.ts';
import type { Library } from '../../library/library.ts';
import { keysWithoutFeatures } from '../../library/missing-features.ts';
import type { FeatureEncoder } from '../../model-packages/feature-encoder.ts';
import { installedPackage, openPackage } from '../../model-packages/resolve.ts';
import { encodeLibrary } from '../encode-library.ts';
import { likenessEncoder } from '../encode-pictures.ts';
import { encoderOf } from '../parts-of-models.ts';
import type { Workshop } from '../workshop.ts';
import type { Announcer } from './announcer.ts';

/** Milliseconds between two times that windows are told of new features: an order by likeness is judged anew each time. */
const tellEvery = 5000;

/** The window's calls about features of stored images. */
export function featureHandlers(
  library: Library,
  workshop: Workshop,
  announcer: Announcer,
): StudioHandlers['features'] {
  const encoderNamed = (model: string): FeatureEncoder | null =>
    encoderOf(openPackage(installedPackage(model, workshop.folders).id, workshop.folders));
  let last: Promise<void> = Promise.resolve();
  return {
    async missing({ model, batch }) {
      const encoder = encoderNamed(model);
      if (encoder === null) return { images: null };
      return { images: (await keysWithoutFeatures(library, likenessEncoder(encoder), batch)).length };
    },
    async *compute({ model, batch }, signal) {
      const encoder = encoderNamed(model);
      if (encoder === null)
        throw new Failure('unsupported', `features: model ${model} brings no feature encoder`, 'model');
      // One at a time: who comes second finds what is left then.
      const { promise, resolve } = Promise.withResolvers<void>();
      const turn = last;
      last = turn.then(() => promise);
      let [told, untold] = [performance.now(), false];
      const tell = (): void => {
        announcer.tell({ kind: 'library', images: [] });
        [told, untold] = [performance.now(), false];
      };
      try {
        await turn;
        for await (const event of encodeLibrary(library, encoder, workshop, { batch, signal })) {
          yield event;
          untold ||= event.kind === 'progress' && event.done > 0;
          if (untold && performance.now() - told >= tellEvery) tell();
        }
      } finally {
        resolve();
        if (untold) tell();
      }
    },
  };
}
