import { describe, expect, it } from 'vitest';
import { measureGuidance, type GuidanceEvent } from '../../main/studio/measure-guidance.ts';
import { settingsOfRequest } from '../../main/studio/settings-of-request.ts';
import { measuredPackage } from '../doubles/measured-package.ts';
import { packagesWorkshop } from '../doubles/packages-workshop.ts';

describe('the measured effect of guidance', () => {
  it('compares the same seeds at every scale, and the unguided mean with the prior', async () => {
    using model = measuredPackage();
    using workshop = packagesWorkshop();
    const settings = settingsOfRequest({
      model: model.path,
      prompt: 'red vase',
      seed: 4,
      count: 6,
      stepCount: 3,
      batchSize: 6,
    });
    const events: GuidanceEvent[] = await Array.fromAsync(measureGuidance(settings, [2, 1, 2], workshop));
    const complete = events.at(-1);
    if (complete?.kind !== 'complete') throw new Error('no report');
    expect(complete.report.steps.map(({ guidanceScale }) => guidanceScale)).toEqual([1, 2]);
    expect(complete.report).toMatchObject({ stated: ['red'], count: 6, unguided: { expected: 2, consistent: false } });
    // Logits 3 and three times −1 at most: 1/P is 1 + 3 e⁻⁴ for a pure red, and never below.
    for (const { reciprocal } of complete.report.steps)
      expect(reciprocal.mean).toBeGreaterThanOrEqual(1 + 3 * Math.exp(-4) - 1e-6);
  });

  it('refuses a brief of which no head knows a word', async () => {
    using model = measuredPackage();
    using workshop = packagesWorkshop();
    const settings = settingsOfRequest({ model: model.path, prompt: 'a vase', seed: 4, count: 2 });
    await expect(Array.fromAsync(measureGuidance(settings, [1], workshop))).rejects.toThrow(
      /heads know \(color\), got "a vase"/,
    );
  });
});
