import { describe, expect, it } from 'vitest';
import { knobsAt } from '../../main/studio/dial.ts';
import type { DialPath } from '../../main/contract/models.ts';
import { expectedAt, valueOf } from '../../renderer/state/dial.ts';

const measure = (value: number) => ({
  name: 'precision' as const,
  value,
  low: value - 0.1,
  high: value + 0.1,
  generatedCount: 8,
  referenceCount: 100,
  features: 'made up',
  note: null,
});

const path: DialPath = {
  description: '',
  stops: [
    {
      dial: -1,
      guidanceScale: 6,
      guidanceInterval: null,
      densityWeight: 4,
      densityThreshold: 60,
      measures: [measure(0.9)],
      acceptance: 0.4,
      secondsPerKept: 2,
    },
    {
      dial: 0,
      guidanceScale: 3,
      guidanceInterval: null,
      densityWeight: 1,
      densityThreshold: 50,
      measures: [measure(0.7)],
      acceptance: 1,
      secondsPerKept: 1,
    },
    {
      dial: 1,
      guidanceScale: 1,
      guidanceInterval: { low: 0.3, high: 5 },
      densityWeight: 0.25,
      densityThreshold: 50,
      measures: [measure(0.5)],
      acceptance: null,
      secondsPerKept: 2,
    },
  ],
};

describe('what the dial promises', () => {
  it.each([-1, -0.75, -0.5, 0, 0.5, 1])('shows at %d the knobs that the studio will turn', (dial) => {
    const shown = expectedAt(path, dial);
    const turned = knobsAt(path, dial);
    expect(shown?.guidanceScale).toBeCloseTo(turned.guidanceScale, 12);
    expect(shown?.densityWeight).toBeCloseTo(turned.densityWeight, 12);
    expect(shown?.densityThreshold).toBeCloseTo(turned.densityThreshold, 12);
  });

  it('lies between its neighbours in proportion', () => {
    expect(valueOf(expectedAt(path, -0.5)?.measures ?? [], 'precision')).toBeCloseTo(0.8, 12);
    expect(expectedAt(path, -0.5)?.acceptance).toBeCloseTo(0.7, 12);
  });

  it('is nothing without a path', () => {
    expect(expectedAt(null, 0)).toBeNull();
    expect(expectedAt({ description: '', stops: [] }, 0)).toBeNull();
  });
});
