import { describe, expect, it } from 'vitest';
import { streamNoise } from '../../../../main/engine/diffusion/noise-source.ts';
import { logSpaced } from '../../../../main/engine/diffusion/ode.ts';
import { samplers } from '../../../../main/engine/diffusion/samplers/index.ts';
import type { Sampler, SamplerOptions } from '../../../../main/engine/diffusion/samplers/sampler.ts';
import { philoxStream } from '../../../../main/engine/tensor/philox.ts';
import type { Tensor } from '../../../../main/engine/tensor/tensor.ts';
import { drawMixture, mixtureDenoiser, type Mixture } from '../../../doubles/gaussian-mixture.ts';

const mixture: Mixture = [
  { weight: 0.4, mean: [-1, 0.5], std: 0.4 },
  { weight: 0.6, mean: [1.5, -0.5], std: 0.7 },
];
const count = 3000;
const sigmaMax = 20;
const sigmas = [...logSpaced(sigmaMax, 0.01, 250), 0];

/** Mean and covariance [xx, xy, yy] with their standard errors, from the sample itself. */
function moments({ data, dims }: Tensor): { values: number[]; errors: number[] } {
  const n = dims[0] ?? 0;
  const column = (i: number): number[] => Array.from({ length: n }, (_, row) => data[2 * row + i] ?? NaN);
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [column(0), column(1)];
  const [mx, my] = [mean(x), mean(y)];
  const products = [
    x,
    y,
    x.map((value) => (value - mx) ** 2),
    x.map((value, i) => (value - mx) * ((y[i] ?? NaN) - my)),
    y.map((value) => (value - my) ** 2),
  ];
  return {
    values: products.map(mean),
    errors: products.map((values) => {
      const centre = mean(values);
      return Math.sqrt(mean(values.map((value) => (value - centre) ** 2)) / n);
    }),
  };
}

/** The same of the mixture, exactly. */
function exactMoments(): number[] {
  const mean = [0, 1].map((i) => mixture.reduce((sum, part) => sum + part.weight * (part.mean[i] ?? 0), 0));
  const covariance = (i: number, j: number): number =>
    mixture.reduce(
      (sum, part) =>
        sum +
        part.weight *
          ((i === j ? part.std ** 2 : 0) +
            ((part.mean[i] ?? 0) - (mean[i] ?? 0)) * ((part.mean[j] ?? 0) - (mean[j] ?? 0))),
      0,
    );
  return [...mean, covariance(0, 0), covariance(0, 1), covariance(1, 1)];
}

const rows: readonly (readonly [name: string, sampler: Sampler, options: SamplerOptions])[] = [
  ['ddpm', samplers.ddpm, {}],
  ['ddim with eta 0.5', samplers.ddim, { eta: 0.5 }],
  ['ddim with eta 1', samplers.ddim, { eta: 1 }],
  ['euler-ancestral', samplers['euler-ancestral'], {}],
  ['kdpm2-ancestral', samplers['kdpm2-ancestral'], {}],
  ['euler with churn', samplers.euler, { churn: { amount: 20, sigmaMin: 0, sigmaMax: Infinity, noiseScale: 1 } }],
  ['dpm++2m-sde', samplers['dpm++2m-sde'], {}],
  ['dpm++3m as SDE', samplers['dpm++3m'], { algorithm: 'sde-dpmsolver++' }],
  ['dpm++sde', samplers['dpm++sde'], {}],
];

describe('stochastic samplers on an exact mixture', () => {
  it.each(rows)('%s has the right mean and covariance within the Monte Carlo error', async (name, sampler, options) => {
    const start = drawMixture(mixture, count, sigmaMax, philoxStream(11, 0, 'start'));
    const noise = streamNoise(philoxStream(11, 0, 'step'));
    let end: Tensor = start;
    for await (const { x } of sampler(mixtureDenoiser(mixture), start, sigmas, { ...options, noise })) end = x;
    const { values, errors } = moments(end);
    const deviations = exactMoments().map((exact, i) => ((values[i] ?? NaN) - exact) / (errors[i] ?? NaN));
    console.log(`${name}: deviations in standard errors ${deviations.map((z) => z.toFixed(1)).join(' ')}`);
    // Five figures of nine samplers: beyond four standard errors is no accident.
    expect(Math.max(...deviations.map(Math.abs))).toBeLessThan(4);
  });

  it('needs a noise source, and says so', async () => {
    const run = samplers['euler-ancestral'](
      mixtureDenoiser(mixture),
      { dims: [1, 2], data: new Float64Array(2) },
      [1, 0],
    );
    await expect(run.next()).rejects.toThrow('noise');
  });
});
