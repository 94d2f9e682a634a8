import { describe, expect, it, onTestFinished } from 'vitest';
import { clientOf } from '../../main/contract/calls/client.ts';
import { calls } from '../../main/contract/calls/index.ts';
import { libraryQuerySchema } from '../../main/contract/library.ts';
import { FeatureState, goesByLikeness } from '../../renderer/state/features.svelte.ts';
import { Language } from '../../renderer/state/language.svelte.ts';
import { Notices } from '../../renderer/state/notices.svelte.ts';
import { openFakeStudio, type FakeStudioOptions } from '../doubles/fake-studio.ts';
import { studioTransport } from '../doubles/studio-transport.ts';

interface Window {
  readonly features: FeatureState;
  readonly notices: Notices;
}

function openFeatures(options: FakeStudioOptions, model: string | null = 'gamut'): Window {
  const studio = openFakeStudio({ images: 3, ...options });
  onTestFinished(() => studio.close());
  const language = new Language();
  const notices = new Notices(language);
  return {
    notices,
    features: new FeatureState(clientOf(calls, studioTransport(studio)), notices, language, () => model),
  };
}

const byLikeness = libraryQuerySchema.parse({ sort: 'similar', similarTo: 'image-1' });

describe('images without features', () => {
  it('are counted where an order goes by likeness, outside the trash', async () => {
    const queries = (['newest', 'similar', 'alike'] as const).flatMap((sort) =>
      [false, true].map((deleted) => libraryQuerySchema.parse({ sort, deleted })),
    );
    expect(queries.map(goesByLikeness)).toEqual([false, false, true, false, true, false]);
    const { features } = openFeatures({ featureless: 5 });
    features.look({ ...byLikeness, batch: 'batch-1' });
    await expect.poll(() => features.missingIn('batch-1')).toBe(5);
    expect(features.missingIn(null)).toBe(0);
  });

  it('get them: with progress and the time left, and then none is missing', async () => {
    const { features, notices } = openFeatures({ featureless: 5, stepTime: 20 });
    features.look(byLikeness);
    await expect.poll(() => features.missingIn(null)).toBe(5);
    features.compute(null);
    expect(features.work).toEqual({ state: 'working', done: 0, all: 0, secondsLeft: null });
    await expect
      .poll(() => features.work, { interval: 5 })
      .toMatchObject({ state: 'working', all: 5, secondsLeft: expect.any(Number) as number });
    await expect.poll(() => features.work).toEqual({ state: 'done', result: { encoded: 5, skipped: 0, reason: null } });
    await expect.poll(() => features.missingIn(null)).toBe(0);
    expect(notices.list.map(({ text }) => text)).toEqual(['5 images are now compared by what they show.']);
  });

  it('that cannot be read are told, with the reason of the first', async () => {
    const { features, notices } = openFeatures({ featureless: 2, unreadable: 2, stepTime: 1 });
    features.look(byLikeness);
    features.compute(null);
    const result = { encoded: 0, skipped: 2, reason: "the file of image 'image-2' is gone" };
    await expect.poll(() => features.work).toEqual({ state: 'done', result });
    await expect.poll(() => features.missingIn(null)).toBe(2);
    expect(notices.list).toEqual([]);
  });

  it('keep what was computed when it is stopped, and the rest can be begun again', async () => {
    const { features } = openFeatures({ featureless: 6, stepTime: 100 });
    features.look(byLikeness);
    await expect.poll(() => features.missingIn(null)).toBe(6);
    features.compute(null);
    await expect.poll(() => (features.work.state === 'working' ? features.work.done : 0)).toBeGreaterThan(1);
    features.stop();
    expect(features.work).toEqual({ state: 'idle' });
    await expect.poll(() => features.missingIn(null)).toBeLessThan(6);
    const left = features.missingIn(null);
    expect(left).toBeGreaterThan(0);
    features.compute(null);
    const result = { encoded: left, skipped: 0, reason: null };
    await expect.poll(() => features.work, { timeout: 5000 }).toEqual({ state: 'done', result });
  });

  it('stay as they are where no model has an encoder', () => {
    const { features } = openFeatures({ featureless: 5 }, null);
    features.look(byLikeness);
    features.compute(null);
    expect(features.work).toEqual({ state: 'idle' });
  });
});
