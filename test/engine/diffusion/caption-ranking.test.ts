import { describe, expect, it } from 'vitest';
import { rankCaptions, wilsonInterval } from '../../../main/engine/diffusion/caption-ranking.ts';

describe('ranking captions', () => {
  it('counts first places, reciprocal ranks and margins', () => {
    const scores = [
      [5, 1, 2], // own first
      [3, 4, 1], // own second
      [0, 2, 1], // own last
      [2, 2, 0], // own tied for the first place
    ];
    const ranking = rankCaptions(scores, [0, 0, 0, 0]);
    expect(ranking.accuracy).toBeCloseTo((1 + 0 + 0 + 0.5) / 4, 12);
    expect(ranking.meanReciprocalRank).toBeCloseTo((1 + 1 / 2 + 1 / 3 + 1 / 1.5) / 4, 12);
    expect(ranking.margins).toEqual([3, -1, -2, 0]);
    expect(ranking.meanMargin).toBe(0);
  });

  it('has an interval that holds the accuracy, also at the ends', () => {
    // Newcombe 1998, table I: 81 of 263, and 0 of 20
    expect(wilsonInterval(81 / 263, 263).map((p) => p.toFixed(4))).toEqual(['0.2553', '0.3662']);
    expect(wilsonInterval(0, 20).map((p) => p.toFixed(4))).toEqual(['0.0000', '0.1611']);
  });

  it('refuses rows it cannot rank', () => {
    expect(() => rankCaptions([[1]], [0])).toThrow('image 0');
    expect(() => rankCaptions([[1, NaN]], [0])).toThrow('image 0');
    expect(() => rankCaptions([[1, 2]], [2])).toThrow('image 0');
    expect(() => rankCaptions([], [])).toThrow('captions');
  });
});
