import type { StudioHandlers } from '../../contract/calls/index.ts';
import { imageDetail } from '../../library/picture-files.ts';
import type { Library } from '../../library/library.ts';
import { findPackages, openPackage } from '../../model-packages/resolve.ts';
import { densityPlace } from '../density-place.ts';
import { defaultModel } from '../models.ts';
import type { Workshop } from '../workshop.ts';

/** The window's call about typical and unusual. */
export function densityHandlers(library: Library, workshop: Workshop): StudioHandlers['density'] {
  return {
    async *place({ image }, signal) {
      const { summary } = imageDetail(library, image);
      // An image of a model that is not here any more, or of another program, is seen by the built-in model's encoder.
      const isHere = findPackages(workshop.folders).some(({ id }) => id === summary.model);
      const model = openPackage(isHere ? summary.model : defaultModel(workshop.folders), workshop.folders);
      const picture = await workshop.readPicture(image);
      yield { kind: 'complete', place: await densityPlace(picture, summary.prompt, model, workshop, signal) };
    },
  };
}
