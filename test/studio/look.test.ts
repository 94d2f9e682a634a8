import { afterAll, expect, it } from 'vitest';
import type { GenerationRequest } from '../../main/contract/settings.ts';
import { generateCandidates, type CandidateEvent } from '../../main/studio/generate-candidates.ts';
import { prepareGeneration } from '../../main/studio/prepare-generation.ts';
import { settingsOfRequest } from '../../main/studio/settings-of-request.ts';
import { packagesWorkshop } from '../doubles/packages-workshop.ts';

const workshop = packagesWorkshop();
afterAll(() => {
  workshop[Symbol.dispose]();
});

const indices = [0, 1, 2, 3, 4, 5, 6];

const picturesIn = (events: readonly CandidateEvent[]) =>
  new Map(events.flatMap((event) => (event.kind === 'image' ? [[event.index, event.picture.pixels]] : [])));

it.each<[string, Partial<GenerationRequest>]>([
  ['Euler', {}],
  ['a multistep method and guidance', { sampler: 'dpm++2m', guidanceScale: 3 }],
  ['an ancestral method, rescaled', { sampler: 'euler-ancestral', guidanceScale: 3, guidanceRescale: 0.7 }],
  ['guidance that remembers', { guidanceScale: 3, apg: { eta: 0, normThreshold: 5, momentum: -0.5 } }],
  ['an annealed condition', { guidanceScale: 2, cads: { low: 0.2, high: 0.8, scale: 0.3, mix: 1 } }],
  ['zeroed steps', { guidanceScale: 3, zeroedSteps: 0.1 }],
])('candidates that are given up leave the others as they are: %s', async (_, asked) => {
  const request = { model: 'flow', prompt: 'a red vase', seed: 4, stepCount: 6, batchSize: 3, guidanceScale: 1 };
  const prepared = await prepareGeneration(settingsOfRequest({ ...request, ...asked }), workshop, 'b');
  const shown: number[] = [];
  // The second of the first batch, the whole second batch, none of the third.
  const dropped = [1, 3, 4, 5];
  const look = {
    share: 0.5,
    judge: async (estimates: readonly { readonly index: number }[]) => {
      shown.push(...estimates.map(({ index }) => index));
      return estimates.map(({ index }) => index).filter((index) => dropped.includes(index));
    },
  };
  const events = await Array.fromAsync(generateCandidates(prepared, indices, workshop, { look }));
  const all = picturesIn(await Array.fromAsync(generateCandidates(prepared, indices, workshop)));
  const kept = picturesIn(events);
  expect(shown).toEqual(indices);
  expect([...kept.keys()]).toEqual([0, 2, 6]);
  for (const [index, pixels] of kept) expect(pixels).toEqual(all.get(index));
  const givenUp = events.flatMap((event) => (event.kind === 'given-up' ? [event] : []));
  expect(givenUp.map(({ index, step, stepCount }) => [index, step, stepCount])).toEqual(
    dropped.map((index) => [index, 3, 6]),
  );
  // The batch of which nothing was left ended at its look.
  const steps = events.flatMap((event) => (event.kind === 'step' ? [[event.indices.join(' '), event.step]] : []));
  expect(steps.filter(([who]) => who === '3 4 5')).toHaveLength(3);
  expect(steps.filter(([who]) => who === '0 2')).toHaveLength(3);
});
