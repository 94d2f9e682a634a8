import type { StudioHandlers } from '../../contract/calls/index.ts';
import { installedPackage } from '../../model-packages/resolve.ts';
import { imageLikelihood } from '../likelihood.ts';
import type { Workshop } from '../workshop.ts';

/** The window's call about likelihoods. */
export function likelihoodHandlers(workshop: Workshop): StudioHandlers['likelihood'] {
  return {
    async *score(settings, signal) {
      installedPackage(settings.model, workshop.folders);
      yield* imageLikelihood(settings, workshop, signal);
    },
  };
}
