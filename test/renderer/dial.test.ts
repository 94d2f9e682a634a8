import { describe, expect, it } from 'vitest';
import { knobsAt } from '../../main/studio/dial.ts';
import type { DialPath } from '../../main/contract/models.ts';
import { countMeasured, expectedAt, pathFor, valueOf } from '../../renderer/state/dial.ts';

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
  it('goes by the number of images, in proportion to its logarithm, where that was measured', () => {
    const [first] = path.stops;
    const recall = { ...measure(0.6), name: 'recall' as const };
    const byCount = [
      { count: 4, precision: 0.8, recall: 0.1 },
      { count: 16, precision: 0.9, recall: 0.3 },
      { count: 64, precision: 0.9, recall: 0.6 },
    ];
    const counted: DialPath = {
      description: '',
      stops: first === undefined ? [] : [{ ...first, measures: [measure(0.9), recall], byCount }],
    };
    const valuesFor = (count: number) => {
      const measures = pathFor(counted, count)?.stops[0]?.measures ?? [];
      return [valueOf(measures, 'precision'), valueOf(measures, 'recall')].map((value) => value?.toFixed(6));
    };
    expect(valuesFor(4)).toEqual(['0.800000', '0.100000']);
    expect(valuesFor(8)).toEqual(['0.850000', '0.200000']);
    expect(valuesFor(32)).toEqual(['0.900000', '0.450000']);
    expect(valuesFor(1)).toEqual(valuesFor(4));
    expect(valuesFor(1000)).toEqual(valuesFor(64));
    expect([1, 8, 1000].map((count) => countMeasured(counted, count))).toEqual([4, 8, 64]);
    expect(countMeasured(path, 8)).toBeNull();
    expect(pathFor(path, 8)).toEqual(path);
    expect(pathFor(null, 8)).toBeNull();
  });

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
