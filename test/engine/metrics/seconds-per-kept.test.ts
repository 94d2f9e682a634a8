import { describe, expect, it } from 'vitest';
import { secondsPerKeptFactors, type Round } from '../../../main/engine/metrics/seconds-per-kept.ts';
import { philoxStream } from '../../../main/engine/tensor/philox.ts';

const round = (seconds: number, candidates = 1, kept = candidates): Round => ({ seconds, candidates, kept });

describe('the interval of seconds for each image kept', () => {
  it.each([
    // Three rounds of 2, 3 and 4 s: mean 3, standard error √(1/3), Student's 4.303 with two degrees.
    ['rounds that differ', [round(2), round(3), round(4)], Math.exp((4.303 * Math.sqrt(1 / 3)) / 3)],
    [
      'rounds of several, the last one shorter',
      [round(8, 4), round(12, 4), round(5, 2)],
      Math.exp((4.303 * Math.sqrt(1.5 * 8)) / 25),
    ],
    [
      'candidates that took the same and were half kept',
      [round(4, 4, 2), round(4, 4, 2), round(4, 4, 2)],
      Math.exp(1.959964 * Math.sqrt(0.5 / 6)),
    ],
    ['all the same, all kept', [round(1), round(1), round(1)], 1],
  ])('of %s is what the formula gives by hand', (_, rounds, high) => {
    const factors = secondsPerKeptFactors(rounds);
    expect(factors?.high).toBeCloseTo(high, 5);
    expect(factors?.low).toBeCloseTo(1 / high, 5);
  });

  it.each([
    ['nothing', []],
    ['one round', [round(8, 8)]],
    ['two rounds', [round(2), round(3)]],
    ['nothing kept', [round(1, 4, 0), round(1, 4, 0), round(1, 4, 0)]],
    ['no time at all', [round(0), round(0), round(0)]],
  ])('is none of %s', (_, rounds) => {
    expect(secondsPerKeptFactors(rounds)).toBeNull();
  });

  it('holds the true cost in about 95 of 100 batches', () => {
    const random = philoxStream(7, 0, 'selection');
    const uniform = (): number => random.uniform(new Float64Array(1))[0] ?? NaN;
    // Rounds of four, 1 s a candidate give or take a quarter by the round, three in ten kept: 10/3 s each.
    const batch = (): Round[] => {
      const rounds: Round[] = [];
      for (let kept = 0; kept < 12; kept += rounds.at(-1)?.kept ?? 0)
        rounds.push(round(4 * (0.75 + 0.5 * uniform()), 4, [0, 0, 0, 0].filter(() => uniform() < 0.3).length));
      return rounds;
    };
    let held = 0;
    for (let i = 0; i < 2000; i += 1) {
      const rounds = batch();
      const [seconds, kept] = [
        rounds.reduce((sum, r) => sum + r.seconds, 0),
        rounds.reduce((sum, r) => sum + r.kept, 0),
      ];
      const factors = secondsPerKeptFactors(rounds);
      if (factors === null) throw new Error('expected an interval');
      const [low, high] = [(factors.low * seconds) / kept, (factors.high * seconds) / kept];
      if (low <= 10 / 3 && 10 / 3 <= high) held += 1;
    }
    expect(held / 2000).toBeGreaterThan(0.93);
    expect(held / 2000).toBeLessThan(0.98);
  });
});
