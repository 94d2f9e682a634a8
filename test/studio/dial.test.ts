import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { settingsOfRequest } from '../../main/studio/settings-of-request.ts';
import { applyDial, knobsAt } from '../../main/studio/dial.ts';
import type { DialPath } from '../../main/contract/models.ts';

const stop = (dial: number, knobs: Partial<DialPath['stops'][number]> = {}): DialPath['stops'][number] => ({
  dial,
  guidanceScale: 3,
  guidanceInterval: null,
  densityWeight: 1,
  densityThreshold: 50,
  measures: [],
  acceptance: null,
  secondsPerKept: null,
  ...knobs,
});

const path: DialPath = {
  description: 'test',
  stops: [
    stop(-1, { guidanceScale: 6, densityWeight: 16, densityThreshold: 30, guidanceInterval: { low: 0, high: 4 } }),
    stop(0, { guidanceInterval: { low: 1, high: 8 } }),
    stop(1, { guidanceScale: 1, densityWeight: 1 / 4, densityThreshold: 70 }),
  ],
};

describe('the dial', () => {
  it.each(path.stops.map((one) => [one.dial, one] as const))(
    'at the stop %d has that stop’s knobs',
    (dial, expected) => {
      const { guidanceScale, guidanceInterval, densityWeight, densityThreshold } = expected;
      expect(knobsAt(path, dial)).toEqual({
        guidanceScale,
        guidanceInterval,
        densityWeight: expect.closeTo(densityWeight, 12),
        densityThreshold,
      });
    },
  );

  it('between stops goes evenly, the weight by ratios', () => {
    expect(knobsAt(path, -0.5)).toEqual({
      guidanceScale: 4.5,
      guidanceInterval: { low: 0.5, high: 6 },
      densityWeight: expect.closeTo(4, 12),
      densityThreshold: 40,
    });
    expect(knobsAt(path, 0.5)).toMatchObject({ guidanceInterval: null, densityWeight: expect.closeTo(0.5, 12) });
    expect(knobsAt(path, 0.4)).toMatchObject({ guidanceInterval: { low: 1, high: 8 } });
  });

  it('never leaves the range of its stops', () => {
    fc.assert(
      fc.property(fc.double({ min: -1, max: 1, noNaN: true }), (dial) => {
        const { guidanceScale, densityWeight, densityThreshold } = knobsAt(path, dial);
        expect(guidanceScale).toBeGreaterThanOrEqual(1);
        expect(guidanceScale).toBeLessThanOrEqual(6);
        expect(densityWeight).toBeGreaterThanOrEqual(0.25 - 1e-12);
        expect(densityWeight).toBeLessThanOrEqual(16 + 1e-12);
        expect(densityThreshold).toBeGreaterThanOrEqual(30);
        expect(densityThreshold).toBeLessThanOrEqual(70);
      }),
    );
  });

  it.each([-1.01, 1.01, NaN])('refuses %d', (dial) => {
    expect(() => knobsAt(path, dial)).toThrow(/dial: expected a number from -1 to 1/);
  });

  it('leaves settings without a dial alone, and keeps itself in those with one', () => {
    const settings = settingsOfRequest({ model: 'm', prompt: 'p', seed: 1, densityWeight: 3 });
    expect(applyDial(settings, path)).toBe(settings);
    expect(applyDial({ ...settings, dial: -1 }, path)).toMatchObject({
      dial: -1,
      guidanceScale: 6,
      densityThreshold: 30,
    });
    expect(() => applyDial({ ...settings, dial: 0 }, null)).toThrow(/no calibration/);
  });
});
