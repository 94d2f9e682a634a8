import { batchCalls, collectionCalls, exportCalls, imageCalls } from './images.ts';
import { densityCalls } from './density.ts';
import { featureCalls } from './features.ts';
import { jobCalls } from './jobs.ts';
import { likelihoodCalls } from './likelihood.ts';
import { nudgeCalls } from './nudge.ts';
import { activityCalls, hostCalls, modelCalls, preferenceCalls, presetCalls } from './workshop.ts';
import { namedCalls, type CallTree } from './call.ts';
import type { Client } from './client.ts';
import type { Handlers } from './handlers.ts';

/**
 * Everything a window may ask and be told. One entry drives the desktop's handlers, the preload, the socket of the browser
 * host and the typed client.
 */
export const calls = {
  activity: activityCalls,
  jobs: jobCalls,
  batches: batchCalls,
  images: imageCalls,
  collections: collectionCalls,
  exports: exportCalls,
  presets: presetCalls,
  models: modelCalls,
  features: featureCalls,
  density: densityCalls,
  likelihood: likelihoodCalls,
  nudge: nudgeCalls,
  preferences: preferenceCalls,
  host: hostCalls,
} satisfies CallTree;

export const callsByName = namedCalls(calls);
export type StudioClient = Client<typeof calls>;
export type StudioHandlers = Handlers<typeof calls>;
