import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { philox4x32, philoxStream, randomPurposes } from '../../../main/engine/tensor/philox.ts';

const hex = (words: readonly number[]): string => words.map((word) => word.toString(16).padStart(8, '0')).join(' ');
const full = 0xffffffff;

describe('Philox 4x32-10', () => {
  it('gives the known answers of Random123', () => {
    const answers = [
      philox4x32([0, 0, 0, 0], [0, 0]),
      philox4x32([full, full, full, full], [full, full]),
      philox4x32([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0]),
    ];
    expect(answers.map(hex)).toEqual([
      '6627e8d5 e169c58d bc57ac4c 9b00dbd8',
      '408f276d 41c83b0e a20bc7c6 6d5451fd',
      'd16cfe09 94fdcceb 5001e420 24126ea1',
    ]);
  });

  it('draws from the counter [block, draw, image, purpose] under the key of the seed', () => {
    const seed = 5 * 2 ** 32 + 9;
    const values = philoxStream(seed, 3, 'step').at(2).uniform(new Float64Array(6));
    const words = [0, 1].flatMap((block) => [...philox4x32([block, 2, 3, randomPurposes.indexOf('step')], [9, 5])]);
    expect([...values]).toEqual(words.slice(0, 6).map((word) => word / 2 ** 32));
  });
});

describe('a random stream', () => {
  it('is the same whatever was drawn before', () => {
    fc.assert(
      fc.property(
        fc.maxSafeNat(),
        fc.nat(1000),
        fc.nat(20),
        fc.integer({ min: 1, max: 40 }),
        (seed, image, draw, size) => {
          const stream = philoxStream(seed, image, 'start');
          for (let i = 0; i < draw; i++) stream.normal(new Float32Array(7));
          const inOrder = stream.normal(new Float32Array(size));
          const direct = philoxStream(seed, image, 'start').at(draw).normal(new Float32Array(size));
          expect(inOrder).toEqual(direct);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('has values of its own for every seed, image, purpose and draw', () => {
    const first = (seed: number, image: number, purpose: (typeof randomPurposes)[number], draw: number): number =>
      philoxStream(seed, image, purpose).at(draw).uniform(new Float64Array(1))[0] ?? NaN;
    const values = [0, 1, 2 ** 32, 2 ** 52].flatMap((seed) =>
      [0, 1, 2].flatMap((image) =>
        randomPurposes.flatMap((purpose) => [0, 1].map((draw) => first(seed, image, purpose, draw))),
      ),
    );
    expect(new Set(values).size).toBe(values.length);
  });

  it('is normal: mean, variance, fourth moment and the correlation of neighbours', () => {
    const n = 200_000;
    const values = philoxStream(1, 0, 'start').normal(new Float64Array(n));
    const mean = (f: (x: number, i: number) => number): number => values.reduce((sum, x, i) => sum + f(x, i), 0) / n;
    // Four standard errors of each moment.
    const bound = (variance: number): number => 4 * Math.sqrt(variance / n);
    expect(Math.abs(mean((x) => x))).toBeLessThan(bound(1));
    expect(Math.abs(mean((x) => x * x) - 1)).toBeLessThan(bound(2));
    expect(Math.abs(mean((x) => x ** 4) - 3)).toBeLessThan(bound(96));
    expect(Math.abs(mean((x, i) => x * (values[i ^ 1] ?? 0)))).toBeLessThan(bound(2));
  });

  it('stays in [0, 1) in single precision', () => {
    const values = philoxStream(3, 0, 'probes').uniform(new Float32Array(100_000));
    expect(Math.max(...values.slice(0, 50_000), ...values.slice(50_000))).toBeLessThan(1);
  });

  it('refuses seeds and indices it cannot tell apart', () => {
    expect(() => philoxStream(-1, 0, 'start')).toThrow('seed');
    expect(() => philoxStream(2 ** 53, 0, 'start')).toThrow('seed');
    expect(() => philoxStream(0, 2 ** 32, 'start')).toThrow('image index');
  });
});
