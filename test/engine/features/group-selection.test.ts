import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { groupValue, selectGroup, type GroupProblem } from '../../../main/engine/features/group-selection.ts';

function* choices(size: number, count: number, from = 0): Generator<number[]> {
  if (count === 0) yield [];
  else
    for (let i = from; i <= size - count; i++) for (const rest of choices(size, count - 1, i + 1)) yield [i, ...rest];
}

function bruteForce(problem: GroupProblem): number {
  return Math.max(...[...choices(problem.quality.length, problem.count)].map((chosen) => groupValue(problem, chosen)));
}

const problems = fc
  .record({
    points: fc.array(fc.tuple(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 20 })), {
      minLength: 2,
      maxLength: 10,
    }),
    seed: fc.array(fc.double({ min: 0, max: 10, noNaN: true }), { minLength: 10, maxLength: 10 }),
    diversityWeight: fc.constantFrom(0, 0.1, 1, 5),
  })
  .chain(({ points, seed, diversityWeight }) =>
    fc.integer({ min: 1, max: points.length }).map((count): GroupProblem => ({
      quality: seed.slice(0, points.length),
      difference: points.flatMap(([x, y]) => points.map(([a, b]) => Math.hypot(x - a, y - b))),
      count,
      diversityWeight,
    })),
  );

describe('a group of K from M', () => {
  it('is within half of the best for distances, below the bound, and has no candidate twice', () => {
    fc.assert(
      fc.property(problems, (problem) => {
        const { chosen, value, bound } = selectGroup(problem);
        const best = bruteForce(problem);
        expect(new Set(chosen).size).toBe(problem.count);
        expect(value).toBeCloseTo(groupValue(problem, chosen), 9);
        expect(value).toBeLessThanOrEqual(best + 1e-9);
        expect(value).toBeGreaterThanOrEqual(best / 2 - 1e-9);
        expect(bound).toBeGreaterThanOrEqual(best - 1e-9);
      }),
      { numRuns: 300 },
    );
  });

  it('is the best in most small cases', () => {
    let found = 0;
    const sample = fc.sample(problems, { numRuns: 200, seed: 1 });
    for (const problem of sample) if (selectGroup(problem).value > bruteForce(problem) - 1e-9) found++;
    expect(found).toBeGreaterThan(190);
  });

  it('without a weight on diversity is the best by quality, and the bound is tight', () => {
    const choice = selectGroup({
      quality: [3, 9, 1, 7],
      difference: new Float64Array(16),
      count: 2,
      diversityWeight: 0,
    });
    expect([...choice.chosen].sort()).toEqual([1, 3]);
    expect(choice).toMatchObject({ value: 16, bound: 16 });
  });

  it('takes the ends of a line when only distance counts', () => {
    const line = [0, 1, 2, 3, 10];
    const difference = line.flatMap((a) => line.map((b) => Math.abs(a - b)));
    const { chosen } = selectGroup({ quality: [0, 0, 0, 0, 0], difference, count: 2, diversityWeight: 1 });
    expect([...chosen].sort()).toEqual([0, 4]);
  });

  it.each([0, 6, 1.5])('refuses to choose %d of 5', (count) => {
    const problem = { quality: [1, 2, 3, 4, 5], difference: new Float64Array(25), count, diversityWeight: 1 };
    expect(() => selectGroup(problem)).toThrow(/count: expected 1 to 5/);
  });
});
