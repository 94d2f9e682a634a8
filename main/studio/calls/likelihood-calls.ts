import type { StudioHandlers } from '../../contract/calls/index.ts';
import { Failure } from '../../contract/failures.ts';
import { findPackages } from '../../model-packages/resolve.ts';
import { imageLikelihood } from '../likelihood.ts';
import type { Workshop } from '../workshop.ts';

/** The window's call about likelihoods. */
export function likelihoodHandlers(workshop: Workshop): StudioHandlers['likelihood'] {
  return {
    async *score(settings, signal) {
      // A window names models by their id; a folder it made up is not opened.
      if (!findPackages(workshop.folders).some(({ id }) => id === settings.model))
        throw new Failure('not-found', `There is no model '${settings.model}'.`, 'model');
      yield* imageLikelihood(settings, workshop, signal);
    },
  };
}
