import { describe, expect, it } from 'vitest';
import { integerTimesteps, solverTimesteps } from '../../../main/engine/diffusion/timestep-spacing.ts';

describe('timesteps spaced backwards from the last one', () => {
  // 1000/61 is a little less in floating point, and counting down by it lands once more above 0
  it.each([61, 103, 201, 457])('are as many as steps were asked for, and none is below 0: %i', (stepCount) => {
    for (const timesteps of [
      integerTimesteps('trailing', 1000, stepCount, 0),
      solverTimesteps('trailing', 1000, 1000, stepCount, 0),
    ]) {
      expect(timesteps).toHaveLength(stepCount);
      expect(Math.min(...timesteps)).toBeGreaterThanOrEqual(0);
      expect(timesteps[0]).toBe(999);
    }
  });
});

describe('more steps than training timesteps', () => {
  it.each([
    ['linspace', 1001],
    ['leading', 1001],
    ['trailing', 1001],
  ] as const)('are refused with the number that goes, %s', (spacing, stepCount) => {
    expect(() => integerTimesteps(spacing, 1000, stepCount, 0)).toThrow('steps: expected at most 1000, got 1001');
    expect(() => solverTimesteps(spacing, 1000, 1000, stepCount, 0)).toThrow(/steps: expected at most \d+, got 1001/);
  });

  it('count the one at the clean end, where a solver leaves it out', () => {
    expect(() => solverTimesteps('leading', 1000, 1000, 1000, 0)).toThrow('steps: expected at most 999, got 1000');
    expect(new Set(solverTimesteps('leading', 1000, 1000, 999, 0)).size).toBe(999);
  });
});
