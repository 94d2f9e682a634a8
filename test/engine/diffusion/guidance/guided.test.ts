import { describe, expect, it } from 'vitest';
import type { Denoiser } from '../../../../main/engine/diffusion/denoiser.ts';
import {
  autoguidancePair,
  classifierFreePair,
  guided,
  type ConditionedDenoiser,
  type GuidanceOptions,
} from '../../../../main/engine/diffusion/guidance/guided.ts';
import { streamNoise } from '../../../../main/engine/diffusion/noise-source.ts';
import { dormandPrince, logSpaced } from '../../../../main/engine/diffusion/ode.ts';
import { samplers } from '../../../../main/engine/diffusion/samplers/index.ts';
import { philoxStream } from '../../../../main/engine/tensor/philox.ts';
import type { Tensor } from '../../../../main/engine/tensor/tensor.ts';
import { drawMixture, logDensity, mixtureDenoiser, type Mixture } from '../../../doubles/gaussian-mixture.ts';
import reference from '../../../reference/conformance/reference-values.json' with { type: 'json' };

type Name = 'conditional' | 'unconditional';

/** A model of two conditions that counts what it is asked. */
function counting(parts: Readonly<Record<Name, Mixture>>): { model: ConditionedDenoiser<Name>; asked: Name[][] } {
  const asked: Name[][] = [];
  const denoisers = {
    conditional: mixtureDenoiser(parts.conditional),
    unconditional: mixtureDenoiser(parts.unconditional),
  };
  const model: ConditionedDenoiser<Name> = (x, sigma, conditions) => {
    asked.push([...conditions]);
    return Promise.all(conditions.map((condition) => denoisers[condition](x, sigma)));
  };
  return { model, asked };
}

const gaussian = (mean: number, std: number, weight = 1): Mixture => [{ weight, mean: [mean], std }];
const twoGaussians = { conditional: gaussian(1, 0.5), unconditional: gaussian(0, 1.5) };
const cfg = (parts: Readonly<Record<Name, Mixture>>, options: GuidanceOptions): Denoiser =>
  guided(classifierFreePair(counting(parts).model, 'conditional', 'unconditional'), options);

async function last(run: AsyncGenerator<{ x: Tensor }>, x: Tensor): Promise<Tensor> {
  for await (const step of run) x = step.x;
  return x;
}

describe('the passes of guidance', () => {
  const x = { dims: [1, 1], data: Float64Array.of(0.3) };
  const askedAt = async (sigma: number, options: GuidanceOptions): Promise<Name[][]> => {
    const { model, asked } = counting(twoGaussians);
    await guided(classifierFreePair(model, 'conditional', 'unconditional'), options)(x, sigma);
    return asked;
  };

  it('are one call with both conditions inside the interval', async () => {
    expect(await askedAt(2, { guidanceScale: 3, interval: { low: 1, high: 2 } })).toEqual([
      ['conditional', 'unconditional'],
    ]);
  });

  it('are the conditional one alone outside the interval, whose lower end is open', async () => {
    const interval = { low: 1, high: 2 };
    for (const sigma of [0.5, 1, 2.01])
      expect(await askedAt(sigma, { guidanceScale: 3, interval })).toEqual([['conditional']]);
  });

  it('are the conditional one alone at scale 1', async () => {
    expect(await askedAt(2, { guidanceScale: 1 })).toEqual([['conditional']]);
  });

  it('are saved over a whole run by an interval that covers half the steps', async () => {
    const { model, asked } = counting(twoGaussians);
    const sigmas = [...logSpaced(80, 0.01, 19), 0];
    const interval = { low: sigmas[15] ?? NaN, high: sigmas[5] ?? NaN };
    const denoise = guided(classifierFreePair(model, 'conditional', 'unconditional'), { guidanceScale: 3, interval });
    await last(samplers.euler(denoise, x, sigmas), x);
    expect(asked.filter((conditions) => conditions.length === 2)).toHaveLength(10);
    expect(asked.flat()).toHaveLength(30);
  });
});

describe('autoguidance', () => {
  it('moves away from the weaker model, which runs only where guidance acts', async () => {
    let weakCalls = 0;
    const constant =
      (value: number): Denoiser =>
      async (x) => ({ dims: x.dims, data: x.data.map(() => value) });
    const weak: Denoiser = (x, sigma) => {
      weakCalls += 1;
      return constant(1)(x, sigma);
    };
    const denoise = guided(autoguidancePair(constant(2), weak), { guidanceScale: 2.5, interval: { low: 0, high: 1 } });
    const x = { dims: [1, 1], data: Float64Array.of(0) };
    expect((await denoise(x, 0.5)).data[0]).toBe(1 + 2.5 * (2 - 1));
    expect((await denoise(x, 5)).data[0]).toBe(2);
    expect(weakCalls).toBe(1);
  });
});

describe('classifier-free guidance of two Gaussians', () => {
  it.each(reference.cfgGaussianOde.rows)('at scale $omega ends in the closed form', async (row) => {
    const { omega, samplerMean, samplerStd } = row;
    const denoise = cfg(twoGaussians, { guidanceScale: omega });
    // The flow is linear: where ±1 standard deviation of the prior end tells mean and deviation.
    const start = { dims: [2, 1], data: Float64Array.of(80, -80) };
    const solver = dormandPrince({ from: 80, to: 1e-6, absolute: 1e-13, relative: 1e-12 });
    const field = async (x: Tensor, sigma: number) => {
      const denoised = await denoise(x, sigma);
      return {
        velocity: {
          dims: x.dims,
          data: Float64Array.from(x.data, (value, i) => (value - (denoised.data[i] ?? NaN)) / sigma),
        },
        divergences: [],
      };
    };
    let [a, b] = [NaN, NaN];
    for await (const { state } of solver(field, { x: start, integrals: [] })) [a = NaN, b = NaN] = state.x.data;
    expect((a + b) / 2).toBeCloseTo(samplerMean, 8);
    expect((a - b) / 2 / samplerStd).toBeCloseTo(1, 6);
  });
});

/** The classes of the figures, for the guided class and the other one. */
const models = {
  A1: { own: [...gaussian(-1, 1, 0.5), ...gaussian(1, 1, 0.5)], other: gaussian(0, 1) },
  A0: { own: gaussian(0, 1), other: [...gaussian(-1, 1, 0.5), ...gaussian(1, 1, 0.5)] },
  B: { own: gaussian(1, 1), other: gaussian(-1, 1) },
} as const satisfies Record<string, { own: Mixture; other: Mixture }>;

/** Conditional and unconditional law of a model whose classes are equally likely. */
const lawsOf = ({ own, other }: { own: Mixture; other: Mixture }): Record<Name, Mixture> => ({
  conditional: own,
  unconditional: [...own, ...other].map((part) => ({ ...part, weight: part.weight / 2 })),
});

/** P(c | x). */
const probability = ({ own, other }: { own: Mixture; other: Mixture }, x: number): number =>
  1 / (1 + Math.exp(logDensity(other, [x]) - logDensity(own, [x])));

/** The figures' horizon of 8, as a noise level: sigma² = e^(2·8) − 1. */
const horizon = Math.sqrt(Math.expm1(16));

describe('the average reciprocal probability under guidance', () => {
  const rows = (['A1', 'A0', 'B'] as const).flatMap((name) =>
    reference.guidanceMixture1D.models[name].rows.map(({ guidanceScale, sde, ode }) => ({
      name,
      guidanceScale,
      sde,
      ode,
    })),
  );

  it.each(rows)('$name at scale $guidanceScale, deterministic', async ({ name, guidanceScale, ode }) => {
    const model = models[name];
    // Integrate over the starting law on an even grid, which is exact for smooth densities to many digits.
    const count = 601;
    const points = Array.from({ length: count }, (_, i) => ((12 * i) / (count - 1) - 6) * horizon);
    const density = points.map((x) => Math.exp(logDensity(model.own, [x], horizon)));
    const total = density.reduce((sum, value) => sum + value, 0);
    const start = { dims: [count, 1], data: Float64Array.from(points) };
    const sigmas = [...logSpaced(horizon, 1e-3, 260), 0];
    const end = await last(samplers['dpm++3m'](cfg(lawsOf(model), { guidanceScale }), start, sigmas), start);
    const mean = (f: (x: number) => number): number =>
      density.reduce((sum, weight, i) => sum + (weight / total) * f(end.data[i] ?? NaN), 0);
    const centre = mean((x) => x);
    expect(Math.abs(mean((x) => 1 / probability(model, x)) / ode.E_recip - 1)).toBeLessThan(1e-4);
    expect(Math.abs(mean((x) => probability(model, x)) / ode.E_p - 1)).toBeLessThan(1e-4);
    expect(Math.abs(centre - ode.mean)).toBeLessThan(2e-4);
    expect(Math.abs(Math.sqrt(mean((x) => (x - centre) ** 2)) - ode.sd)).toBeLessThan(3e-4);
  });

  const stochastic = rows.filter(({ guidanceScale }) => [2, 6].includes(guidanceScale));
  it.each(stochastic)('$name at scale $guidanceScale, stochastic, within the Monte Carlo error', async (row) => {
    const model = models[row.name];
    const count = 4000;
    const start = drawMixture(model.own, count, horizon, philoxStream(21, 0, 'start'));
    const noise = streamNoise(philoxStream(21, 0, 'step'));
    const sigmas = [...logSpaced(horizon, 0.02, 150), 0];
    const denoise = cfg(lawsOf(model), { guidanceScale: row.guidanceScale });
    const end = await last(samplers['dpm++2m-sde'](denoise, start, sigmas, { noise }), start);
    const check = (f: (x: number) => number, expected: number): void => {
      const values = Array.from(end.data, f);
      const mean = values.reduce((sum, value) => sum + value, 0) / count;
      const error = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count / count);
      expect(Math.abs(mean - expected)).toBeLessThan(4 * error);
    };
    check((x) => 1 / probability(model, x), row.sde.E_recip);
    check((x) => probability(model, x), row.sde.E_p);
    check((x) => x, row.sde.mean);
    check((x) => (x - row.sde.mean) ** 2, row.sde.sd ** 2);
  });
});
