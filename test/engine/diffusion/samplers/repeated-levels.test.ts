import { describe, expect, it } from 'vitest';
import { samplers } from '../../../../main/engine/diffusion/samplers/index.ts';
import type { Sampler, SamplerOptions } from '../../../../main/engine/diffusion/samplers/sampler.ts';
import { mixtureDenoiser, type Mixture } from '../../../doubles/gaussian-mixture.ts';

const mixture: Mixture = [
  { weight: 0.4, mean: [-1, 0.5], std: 0.4 },
  { weight: 0.6, mean: [1, -0.5], std: 0.6 },
];
const start = { dims: [2, 2], data: new Float64Array([6, -3, -8, 5]) };

/** Sixteen steps, so that no solver lowers its order at the end; then the same with levels that are listed twice. */
const levels = Array.from({ length: 17 }, (_, i) => 10 * 0.75 ** i);
const repeated = levels.flatMap((sigma, i) => ([4, 9, 16].includes(i) ? [sigma, sigma] : [sigma]));

const unipc = { form: 'bh2', predictDenoised: true, disableCorrector: [] } as const;
const rows: readonly (readonly [name: string, sampler: Sampler, options: SamplerOptions])[] = [
  ...(['dpmsolver++', 'dpmsolver'] as const).flatMap((algorithm) =>
    ([1, 2, 3] as const).flatMap((order) =>
      (['midpoint', 'heun'] as const).map(
        (solver) =>
          [
            `${algorithm} ${order} ${solver}`,
            samplers['dpm++2m'],
            { algorithm, order, solver, releasedThirdOrder: true },
          ] as const,
      ),
    ),
  ),
  ...([1, 2, 3] as const).map((order) => [`deis ${order}`, samplers.deis, { order }] as const),
  ...([1, 2, 3] as const).flatMap((order) =>
    ([true, false] as const).map(
      (predictDenoised) =>
        [
          `unipc ${order} ${predictDenoised ? 'x0' : 'noise'}`,
          samplers.unipc,
          { order, unipc: { ...unipc, predictDenoised, disableCorrector: Array.from({ length: 20 }, (_, i) => i) } },
        ] as const,
    ),
  ),
];

async function end(sampler: Sampler, sigmas: readonly number[], options: SamplerOptions): Promise<number[]> {
  let x: number[] = [];
  for await (const step of sampler(mixtureDenoiser(mixture), start, sigmas, options)) x = [...step.x.data];
  return x;
}

/** Timesteps rounded to integers repeat levels in long runs, and some schedules end on the level before. */
describe('a step between two equal noise levels', () => {
  it.each(rows)('changes nothing in %s', async (_name, sampler, options) => {
    const plain = await end(sampler, levels, { ...options, lowerOrderFinal: false });
    const got = await end(sampler, repeated, { ...options, lowerOrderFinal: false });
    plain.forEach((value, i) => {
      expect(got[i]).toBeCloseTo(value, 12);
    });
  });

  // A repeated level moves the groups of a singlestep solver; it must not break them.
  it.each(([2, 3] as const).flatMap((order) => (['midpoint', 'heun'] as const).map((solver) => ({ order, solver }))))(
    'changes little in dpm++2s of order $order, $solver',
    async (options) => {
      const plain = await end(samplers['dpm++2s'], levels, { ...options, lowerOrderFinal: false });
      for (const twice of levels.keys()) {
        const sigmas = levels.flatMap((sigma, i) => (i === twice ? [sigma, sigma] : [sigma]));
        const got = await end(samplers['dpm++2s'], sigmas, { ...options, lowerOrderFinal: false });
        expect(Math.max(...plain.map((value, i) => Math.abs(value - (got[i] ?? NaN))))).toBeLessThan(0.05);
      }
    },
  );

  it('is corrected like every other by UniPC', async () => {
    const options = { order: 2, lowerOrderFinal: false, unipc };
    const got = await end(samplers.unipc, [...levels, levels[16] ?? NaN], options);
    const plain = await end(samplers.unipc, levels, options);
    expect(got.every(Number.isFinite)).toBe(true);
    expect(got.some((value, i) => Math.abs(value - (plain[i] ?? NaN)) > 1e-9)).toBe(true);
  });
});
