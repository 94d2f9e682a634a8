import { describe, expect, it } from 'vitest';
import { torchCpuStream } from '../../../main/engine/tensor/torch-random.ts';
import conformance from '../../reference/conformance/diffusers-schedulers.json' with { type: 'json' };
import values from '../../reference/torch-random/values.json' with { type: 'json' };

/** torch computes in single precision, we in double. */
const tolerance = 1e-6;

const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.max(...Array.from(a, (value, i) => Math.abs(value - (b[i] ?? NaN))));

describe('the torch CPU stream', () => {
  it.each(values.normal)('draws what torch.randn draws after manual_seed($seed)', ({ seed, draws }) => {
    const stream = torchCpuStream(seed);
    const differences = draws.map((draw) => largestDifference(stream.normal(new Float32Array(draw.size)), draw.values));
    expect(Math.max(...differences)).toBeLessThan(tolerance);
  });

  it('draws what torch.rand draws', () => {
    const drawn = torchCpuStream(values.uniform.seed).uniform(new Float32Array(6));
    expect([...drawn]).toEqual(values.uniform.values);
  });

  it('agrees with the first values and sums of the conformance file', () => {
    const { seed0First16, seed0First768Sum, seed0First768AbsSum } = conformance.definitions.torchRng;
    const drawn = torchCpuStream(0).normal(new Float64Array(768));
    expect(largestDifference(seed0First16, drawn)).toBeLessThan(tolerance);
    const sum = (f: (x: number) => number): number => drawn.reduce((total, x) => total + f(x), 0);
    expect(Math.abs(sum((x) => x) - seed0First768Sum)).toBeLessThan(768 * tolerance);
    expect(Math.abs(sum(Math.abs) - seed0First768AbsSum)).toBeLessThan(768 * tolerance);
  });
});
