import * as fc from 'fast-check';
import { it } from 'vitest';

export { fc };

/** A test over one sample of `count` values: for what is too slow to run once for each. */
export function test<T>(
  name: string,
  values: fc.Arbitrary<T>,
  count: number,
  run: (values: readonly T[]) => Promise<void>,
): void {
  it(name, async () => {
    const seed = Date.now() % 2 ** 31;
    try {
      await run(fc.sample(values, { numRuns: count, seed }));
    } catch (error) {
      throw new Error(`with seed ${seed}`, { cause: error });
    }
  });
}
