import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nudge, type NudgeOptions, type NudgeStep, type Slope } from '../../../main/engine/diffusion/nudge.ts';
import type { Tensor } from '../../../main/engine/tensor/tensor.ts';

const point = (
  values: readonly number[],
  Storage: typeof Float32Array | typeof Float64Array = Float32Array,
): Tensor => ({
  dims: [1, values.length],
  data: Storage.from(values),
});

/** Σ slope · x: its best point in a box is the corner that the slopes' signs name. */
const linear =
  (slopes: readonly number[]) =>
  async ({ dims, data }: Tensor): Promise<Slope> => ({
    value: slopes.reduce((sum, slope, i) => sum + slope * (data[i] ?? NaN), 0),
    gradient: { dims, data: Float64Array.from(slopes) },
  });

/** −Σ (x − peak)²: its best point in a box is the peak clipped to it. */
const quadratic =
  (peak: readonly number[]) =>
  async ({ dims, data }: Tensor): Promise<Slope> => ({
    value: -peak.reduce((sum, value, i) => sum + ((data[i] ?? NaN) - value) ** 2, 0),
    gradient: { dims, data: Float64Array.from(peak, (value, i) => -2 * ((data[i] ?? NaN) - value)) },
  });

async function run(start: Tensor, slopeAt: (x: Tensor) => Promise<Slope>, options: NudgeOptions) {
  const steps: NudgeStep[] = [];
  const running = nudge(start, slopeAt, options);
  let step = await running.next();
  for (; step.done !== true; step = await running.next()) steps.push(step.value);
  return { ...step.value, steps };
}

describe('a nudge', () => {
  it.each([
    ['up', [1.25, -2.25, 0.5]],
    ['down', [0.75, -1.75, 0.5]],
  ] as const)('of a linear figure goes %s to the corner of the box, and no farther', async (direction, corner) => {
    const start = point([1, -2, 0.5], Float64Array);
    const { x, value, startValue, largestChange, steps } = await run(start, linear([3, -0.001, 0]), {
      budget: 0.25,
      stepCount: 4,
      direction,
    });
    expect([...x.data]).toEqual(corner);
    expect(largestChange).toBe(0.25);
    expect(startValue).toBe(3 + 0.002);
    expect(value).toBeCloseTo(3 * corner[0] - 0.001 * corner[1], 12);
    // 2.5 ε / steps reaches the wall in two steps of four, and stays there.
    expect(steps.map(({ step }) => step)).toEqual([0, 1, 2, 3, 4]);
    expect(steps[2]?.value).toBe(value);
  });

  it('of a quadratic figure stops at its peak inside the box and at the wall outside', async () => {
    const { x, value } = await run(point([0, 0, 0], Float64Array), quadratic([0.1, 5, -0.04]), {
      budget: 0.2,
      stepCount: 200,
      stepSize: 0.002,
      direction: 'up',
    });
    expect(x.data[0]).toBeCloseTo(0.1, 2);
    expect(x.data[1]).toBe(0.2);
    expect(x.data[2]).toBeCloseTo(-0.04, 2);
    expect(value).toBeCloseTo(-(4.8 ** 2), 4);
  });

  it('keeps the best point on the way when steps overshoot, and the start when none is better', async () => {
    // Steps of 0.3 around a peak at 0.35: 0, 0.3, 0.6, 0.3, 0.6.
    const overshot = await run(point([0], Float64Array), quadratic([0.35]), {
      budget: 1,
      stepCount: 4,
      stepSize: 0.3,
      direction: 'up',
    });
    expect(overshot.x.data[0]).toBeCloseTo(0.3, 12);
    expect(overshot.steps.map(({ best }) => best)).toEqual(
      [...overshot.steps.map(({ best }) => best)].sort((a, b) => a - b),
    );
    const start = point([0.35]);
    const atPeak = await run(start, quadratic([start.data[0] ?? NaN]), { budget: 1, stepCount: 3, direction: 'up' });
    expect(atPeak.x).toBe(start);
    expect(atPeak.largestChange).toBe(0);
  });

  it('never leaves its budget, rounding included: the stored numbers differ by at most ε', async () => {
    const numbers = fc.array(fc.float({ noNaN: true, min: -8, max: 8 }), { minLength: 1, maxLength: 40 });
    const budgets = fc.oneof(
      fc.constantFrom(0.1, 0.05, 0.2, 1 / 3, 1e-7, 1e-3),
      fc.double({ min: 1e-9, max: 4, noNaN: true }),
    );
    await fc.assert(
      fc.asyncProperty(numbers, budgets, fc.constantFrom('up', 'down'), async (values, budget, direction) => {
        const start = point(values);
        const slopes = values.map((_, i) => (i % 2 === 0 ? 1 : -1));
        const { x, largestChange } = await run(start, linear(slopes), { budget, stepCount: 3, direction });
        expect(x.data).toBeInstanceOf(Float32Array);
        const changes = Array.from(x.data, (value, i) => Math.abs(value - (start.data[i] ?? NaN)));
        expect(Math.max(...changes)).toBeLessThanOrEqual(budget);
        expect(largestChange).toBe(Math.max(...changes));
        // Nor does it waste the budget: less than a place of the stored number is missing.
        changes.forEach((change, i) => {
          expect(change).toBeGreaterThanOrEqual(budget - 1.2e-7 * Math.max(Math.abs(start.data[i] ?? 0), budget) * 2);
        });
      }),
    );
  });

  it('fails on a value or gradient that is not finite, and names the step', async () => {
    const broken = async (x: Tensor): Promise<Slope> => ({ value: 0, gradient: { ...x, data: x.data.map(() => NaN) } });
    const options = { budget: 0.1, stepCount: 2, direction: 'up' } as const;
    await expect(run(point([1]), broken, options)).rejects.toMatchObject({
      code: 'non-finite',
      message: 'nudge: the value or gradient after step 0 of 2 is not finite',
    });
    const infinite = async (x: Tensor): Promise<Slope> => ({ value: Infinity, gradient: x });
    await expect(run(point([1]), infinite, options)).rejects.toMatchObject({ code: 'non-finite' });
  });

  it('stops between two steps', async () => {
    const controller = new AbortController();
    const running = nudge(point([1]), linear([1]), {
      budget: 1,
      stepCount: 50,
      direction: 'up',
      signal: controller.signal,
    });
    await running.next();
    controller.abort();
    await expect(running.next()).rejects.toThrow(/abort/i);
  });

  it.each([
    [{ budget: 0 }, 'budget: expected a positive number, got 0'],
    [{ budget: NaN }, 'budget: expected a positive number, got NaN'],
    [{ stepCount: 0 }, 'steps: expected a whole number from 1, got 0'],
    [{ stepCount: 2.5 }, 'steps: expected a whole number from 1, got 2.5'],
    [{ stepSize: -1 }, 'step size: expected a positive number, got -1'],
  ] as const)('refuses %j', async (wrong, message) => {
    const options = { budget: 0.1, stepCount: 2, direction: 'up', ...wrong } as const;
    await expect(run(point([1]), linear([1]), options)).rejects.toMatchObject({ code: 'bad-input', message });
  });
});
