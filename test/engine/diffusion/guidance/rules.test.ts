import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { adaptiveProjected } from '../../../../main/engine/diffusion/guidance/apg.ts';
import { annealedCondition } from '../../../../main/engine/diffusion/guidance/cads.ts';
import { cfgZeroStar, sigmaAfterShare, zeroedAbove } from '../../../../main/engine/diffusion/guidance/cfg-zero.ts';
import {
  classifierFree,
  type Estimates,
  type GuidanceRule,
} from '../../../../main/engine/diffusion/guidance/guided.ts';
import { rescaled } from '../../../../main/engine/diffusion/guidance/rescale.ts';
import { timeOfSigma } from '../../../../main/engine/diffusion/guidance/time-of-sigma.ts';
import {
  flowScale,
  variancePreservingScale,
  type Parameterization,
} from '../../../../main/engine/diffusion/parameterization.ts';
import type { Tensor } from '../../../../main/engine/tensor/tensor.ts';

const rows = (...values: number[][]): Tensor<Float64Array> => ({
  dims: [values.length, values[0]?.length ?? 0],
  data: Float64Array.from(values.flat()),
});
const flow: Parameterization = { prediction: 'flow', inputScale: flowScale, timestep: (sigma) => sigma };
const eps: Parameterization = { prediction: 'eps', inputScale: variancePreservingScale, timestep: (sigma) => sigma };

const estimates: Estimates = {
  x: rows([2, -1], [0.5, 1]),
  sigma: 2,
  conditional: rows([3, 4], [1, 0]),
  reference: rows([1, 5], [0, 2]),
};
const close = (got: Tensor, expected: readonly number[]): void => {
  expect(got.data).toHaveLength(expected.length);
  expected.forEach((value, i) => {
    expect(got.data[i]).toBeCloseTo(value, 12);
  });
};

describe('every rule', () => {
  const rules: readonly (readonly [string, GuidanceRule])[] = [
    ['classifier-free', classifierFree],
    ['APG', adaptiveProjected({ eta: 0, normThreshold: 1, momentum: -0.5 })],
    ['CFG-Zero*', cfgZeroStar(flow)],
    ['rescaled', rescaled(classifierFree, 0.7, eps)],
  ];
  it.each(rules)('%s gives the conditional estimate at scale 1', (_name, rule) => {
    close(rule(estimates, 1), [...estimates.conditional.data]);
  });

  it('treats each image of a batch as if it were alone', () => {
    const values = fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(values, values, values, fc.double({ min: 0, max: 9, noNaN: true }), (x, c, u, scale) => {
        const batch = (data: number[]): Tensor => rows(data.slice(0, 4), data.slice(4));
        const second = (data: number[]): Tensor => rows(data.slice(4));
        for (const make of [
          () => adaptiveProjected({ eta: 0.3, normThreshold: 2, momentum: -0.5 }),
          () => cfgZeroStar(flow),
        ]) {
          const both = make()({ x: batch(x), sigma: 1.5, conditional: batch(c), reference: batch(u) }, scale);
          const alone = make()({ x: second(x), sigma: 1.5, conditional: second(c), reference: second(u) }, scale);
          expect([...both.data.subarray(4)]).toEqual([...alone.data]);
        }
      }),
      { numRuns: 50 },
    );
  });
});

describe('adaptive projected guidance', () => {
  it('is classifier-free guidance with eta 1, no bound and no momentum', () => {
    const rule = adaptiveProjected({ eta: 1, normThreshold: 0, momentum: 0 });
    close(rule(estimates, 4), [...classifierFree(estimates, 4).data]);
  });

  it('keeps only the part across the conditional estimate with eta 0', () => {
    // Image 1: Δ = (2, −1), conditional (3, 4), ⟨Δ, c⟩/25 = 2/25: across = (2, −1) − 2/25 (3, 4) = (1.76, −1.32)
    // Image 2: Δ = (1, −2), conditional (1, 0): across = (0, −2)
    const rule = adaptiveProjected({ eta: 0, normThreshold: 0, momentum: 0 });
    close(rule(estimates, 3), [3 + 2 * 1.76, 4 - 2 * 1.32, 1, -4]);
  });

  it('bounds the norm of the difference image by image', () => {
    const rule = adaptiveProjected({ eta: 1, normThreshold: 1, momentum: 0 });
    const root = Math.sqrt(5);
    close(rule(estimates, 2), [3 + 2 / root, 4 - 1 / root, 1 + 1 / root, -2 / root]);
  });

  it('adds momentum times the running difference from the second step on', () => {
    const rule = adaptiveProjected({ eta: 1, normThreshold: 0, momentum: -0.5 });
    rule(estimates, 2);
    // Δ + (−0.5) Δ = Δ/2
    close(rule(estimates, 2), [3 + 1, 4 - 0.5, 1 + 0.5, -1]);
  });
});

describe('rescaled guidance', () => {
  it('has the conditional output’s standard deviation at amount 1, image by image', () => {
    const guided = rescaled(classifierFree, 1, eps)(estimates, 5);
    const spread = (denoised: Tensor, image: number): number => {
      const [a, b] = [0, 1].map(
        (i) => ((estimates.x.data[2 * image + i] ?? NaN) - (denoised.data[2 * image + i] ?? NaN)) / 2,
      );
      return Math.abs((a ?? NaN) - (b ?? NaN));
    };
    for (const image of [0, 1]) expect(spread(guided, image)).toBeCloseTo(spread(estimates.conditional, image), 12);
  });

  it('is the rule itself at amount 0', () => {
    expect(rescaled(classifierFree, 0, eps)).toBe(classifierFree);
  });
});

describe('CFG-Zero*', () => {
  it('scales the unconditional velocity by its projection', () => {
    const { x, sigma, conditional, reference } = estimates;
    // v = (x_t − x0)/t with x_t = x/(1 + sigma) and t = sigma/(1 + sigma)
    const t = sigma / (1 + sigma);
    const velocity = (denoised: Tensor, image: number): number[] =>
      [0, 1].map((i) => ((x.data[2 * image + i] ?? NaN) / (1 + sigma) - (denoised.data[2 * image + i] ?? NaN)) / t);
    const expected = [0, 1].flatMap((image) => {
      const [c, u] = [velocity(conditional, image), velocity(reference, image)] as [number[], number[]];
      const product = (a: number[], b: number[]): number => a.reduce((sum, value, i) => sum + value * (b[i] ?? NaN), 0);
      const s = product(c, u) / product(u, u);
      return c.map((value, i) => {
        const guided = s * (u[i] ?? NaN) + 4 * (value - s * (u[i] ?? NaN));
        return (x.data[2 * image + i] ?? NaN) / (1 + sigma) - t * guided;
      });
    });
    close(cfgZeroStar(flow)(estimates, 4), expected);
  });

  it('leaves a flow where it is in the zeroed steps, without calling the network', async () => {
    let calls = 0;
    const denoise = zeroedAbove(
      async (x) => {
        calls += 1;
        return x;
      },
      3,
      flow,
    );
    const x = rows([4, -8]);
    // denoised = x_t = x/(1 + sigma): the velocity is 0
    close(await denoise(x, 7), [0.5, -1]);
    expect(calls).toBe(0);
    await denoise(x, 3);
    expect(calls).toBe(1);
  });

  it('counts its share in steps', () => {
    const sigmas = [16, 8, 4, 2, 1, 0];
    expect([0, 0.04, 0.2, 0.4, 1].map((share) => sigmaAfterShare(sigmas, share))).toEqual([
      Infinity,
      Infinity,
      8,
      4,
      0,
    ]);
  });
});

describe('condition-annealed sampling', () => {
  const options = { low: 0.6, high: 0.9, scale: 0.25, mix: 1 };
  const y = rows([1, 2, 3, 4], [0, 0, 1, 1]);
  const noise = (): Tensor => rows([1, -1, 1, -1], [2, 0, -2, 0]);

  it('leaves the condition alone late in the run, and draws nothing', () => {
    const fails = (): Tensor => {
      throw new Error('drew noise');
    };
    expect(annealedCondition(y, 0.6, options, fails)).toBe(y);
  });

  it('keeps the mean and standard deviation of each condition at mix 1', () => {
    const moments = ({ data }: Tensor, start: number): number[] => {
      const part = [...data.subarray(start, start + 4)];
      const mean = part.reduce((sum, value) => sum + value, 0) / 4;
      return [mean, Math.sqrt(part.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 4)];
    };
    const annealed = annealedCondition(y, 0.8, options, noise);
    for (const start of [0, 4])
      moments(annealed, start).forEach((value, i) => {
        expect(value).toBeCloseTo(moments(y, start)[i] ?? NaN, 12);
      });
  });

  it('mixes condition and noise by gamma at mix 0', () => {
    // gamma = (0.9 − 0.8)/0.3 = 1/3
    const annealed = annealedCondition(y, 0.8, { ...options, mix: 0 }, noise);
    const [a, b] = [Math.sqrt(1 / 3), 0.25 * Math.sqrt(2 / 3)];
    close(annealed, [a + b, 2 * a - b, 3 * a + b, 4 * a - b, 2 * b, 0, a - 2 * b, a]);
  });

  it('is told the share of the run that is left', () => {
    const time = timeOfSigma([16, 8, 4, 2, 0]);
    expect([16, 12, 8, 2, 1, 0].map(time)).toEqual([1, 0.75, 0.75, 0.25, 0, 0]);
  });
});
