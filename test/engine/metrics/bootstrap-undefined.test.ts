import { describe, expect, it } from 'vitest';
import { bootstrap } from '../../../main/engine/metrics/bootstrap.ts';
import { uniformNumbers } from '../../../main/engine/features/uniform.ts';
import { philoxStream } from '../../../main/engine/tensor/philox.ts';

const random = (): (() => number) => uniformNumbers(philoxStream(3, 0, 'bootstrap'));
/** A statistic of pairs: undefined where a replicate holds one item only. */
const distinct = (times: Int32Array): number => {
  const count = times.filter((each) => each > 0).length;
  return count < 2 ? NaN : count;
};

describe('the bootstrap of a statistic that small replicates leave undefined', () => {
  it('leaves those replicates out', () => {
    const interval = bootstrap(4, 3, distinct, random());
    expect(Number.isFinite(interval?.low) && Number.isFinite(interval?.high)).toBe(true);
  });

  it('has no interval where most replicates are undefined', () => {
    expect(bootstrap(4, 3, () => NaN, random())).toBeNull();
  });
});
