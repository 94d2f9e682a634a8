import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { logSpaced, rungeKutta4 } from '../../../../main/engine/diffusion/ode.ts';
import { samplers } from '../../../../main/engine/diffusion/samplers/index.ts';
import type { Sampler, SamplerOptions } from '../../../../main/engine/diffusion/samplers/sampler.ts';
import { philoxStream } from '../../../../main/engine/tensor/philox.ts';
import type { Tensor } from '../../../../main/engine/tensor/tensor.ts';
import { drawMixture, mixtureDenoiser, mixtureFlow, type Mixture } from '../../../doubles/gaussian-mixture.ts';

const mixture: Mixture = [
  { weight: 0.3, mean: [-1, 0.5], std: 0.4 },
  { weight: 0.5, mean: [1.5, -0.5], std: 0.7 },
  { weight: 0.2, mean: [0, 2], std: 0.5 },
];
/**
 * So much noise at the start that the flow is almost straight there: multistep methods begin with an Euler step, whose error
 * would otherwise hide their order.
 */
const [sigmaMax, sigmaMin] = [1000, 0.1];
const start = drawMixture(mixture, 4, sigmaMax, philoxStream(5, 0, 'start'));

async function last(run: ReturnType<Sampler>): Promise<Tensor> {
  let x = start as Tensor;
  for await (const step of run) x = step.x;
  return x;
}

/** The flow followed so finely that its error does not matter. */
async function exactEnd(): Promise<Tensor> {
  const flow = mixtureFlow(mixture);
  const field = async (x: Tensor, sigma: number) => ({ velocity: (await flow(x, sigma, x)).velocity, divergences: [] });
  let end: Tensor = start;
  for await (const { state } of rungeKutta4(logSpaced(sigmaMax, sigmaMin, 3000))(field, { x: start, integrals: [] }))
    end = state.x;
  return end;
}

const plain: SamplerOptions = { lowerOrderFinal: false };
const unipc = { form: 'bh2', predictDenoised: true, disableCorrector: [] } as const;

/** Samplers, and between which slopes the logarithm of their error must fall against that of the number of steps. */
const rows: readonly (readonly [name: string, sampler: Sampler, options: SamplerOptions, low: number, high: number])[] =
  [
    ['euler', samplers.euler, {}, 0.8, 1.3],
    ['ddim', samplers.ddim, {}, 0.8, 1.3],
    ['flow-match-euler', samplers['flow-match-euler'], {}, 0.8, 1.3],
    ['tcd with eta 0', samplers.tcd, {}, 0.8, 1.3],
    ['flow-match-heun', samplers['flow-match-heun'], {}, 1.7, 2.4],
    ['heun', samplers.heun, {}, 1.7, 2.4],
    ['kdpm2', samplers.kdpm2, {}, 1.7, 2.4],
    ['lms, order 2', samplers.lms, { order: 2 }, 1.7, 2.4],
    ['lms, order 4', samplers.lms, { order: 4 }, 3.2, 4.6],
    ['pndm', samplers.pndm, {}, 1.7, 2.4],
    ['pndm without Runge–Kutta', samplers.pndm, { skipRungeKutta: true }, 1.7, 2.4],
    ['dpm++2m, midpoint', samplers['dpm++2m'], plain, 1.7, 2.4],
    ['dpm++2m, heun', samplers['dpm++2m'], { ...plain, solver: 'heun' }, 1.7, 2.4],
    ['dpm-solver 2m (noise)', samplers['dpm++2m'], { ...plain, algorithm: 'dpmsolver' }, 1.7, 2.4],
    ['dpm++3m', samplers['dpm++3m'], plain, 2.6, 3.5],
    ['dpm++3m as released', samplers['dpm++3m'], { ...plain, releasedThirdOrder: true }, 1.7, 2.4],
    ['dpm-solver 3m (noise)', samplers['dpm++3m'], { ...plain, algorithm: 'dpmsolver' }, 2.6, 3.5],
    ['dpm++2s, midpoint', samplers['dpm++2s'], plain, 1.7, 2.4],
    ['dpm++2s, heun', samplers['dpm++2s'], { ...plain, solver: 'heun' }, 1.7, 2.4],
    ['dpm++3s, heun', samplers['dpm++2s'], { ...plain, order: 3, solver: 'heun' }, 2.6, 3.5],
    ['dpm++3s, midpoint', samplers['dpm++2s'], { ...plain, order: 3 }, 2.6, 3.5],
    ['deis, order 2', samplers.deis, { ...plain, order: 2 }, 1.7, 2.4],
    ['deis, order 3', samplers.deis, { ...plain, order: 3 }, 2.6, 3.5],
    ['unipc 2, bh2', samplers.unipc, { ...plain, order: 2, unipc }, 2.6, 3.5],
    ['unipc 2, bh1', samplers.unipc, { ...plain, order: 2, unipc: { ...unipc, form: 'bh1' } }, 2.6, 3.5],
    ['unipc 3, bh2', samplers.unipc, { ...plain, order: 3, unipc }, 3.2, 4.6],
    ['unipc 2, noise', samplers.unipc, { ...plain, order: 2, unipc: { ...unipc, predictDenoised: false } }, 2.6, 3.5],
  ];

describe('deterministic samplers on an exact mixture', () => {
  const table: string[] = [];
  let exact: Tensor = start;
  beforeAll(async () => {
    exact = await exactEnd();
  });
  afterAll(() => {
    console.log(`measured orders of convergence (96 to 384 steps)\n${table.join('\n')}`);
  });

  it.each(rows)('%s converges at its order', async (name, sampler, options, low, high) => {
    const errors: number[] = [];
    for (const stepCount of [96, 192, 384]) {
      const end = await last(
        sampler(mixtureDenoiser(mixture), start, logSpaced(sigmaMax, sigmaMin, stepCount), options),
      );
      errors.push(Math.hypot(...Array.from(end.data, (value, i) => value - (exact.data[i] ?? NaN))));
    }
    const [coarse = NaN, , fine = NaN] = errors;
    const slope = Math.log2(coarse / fine) / 2;
    table.push(
      `  ${name.padEnd(26)} ${slope.toFixed(2)}   errors ${errors.map((error) => error.toExponential(1)).join('  ')}`,
    );
    expect(slope).toBeGreaterThan(low);
    expect(slope).toBeLessThan(high);
  });
});
