import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  denoiserOf,
  edmScale,
  flowScale,
  noisePredictorOf,
  variancePreservingScale,
  type Network,
  type Parameterization,
  type Prediction,
} from '../../../main/engine/diffusion/parameterization.ts';
import {
  noiseSchedule,
  betasOf,
  sigmaOfTimestep,
  timestepOfSigma,
} from '../../../main/engine/diffusion/noise-schedule.ts';

const sigmaData = 0.5;

/** What a perfect network of each kind outputs for x0 and noise, in its own words. */
const outputs: Record<Prediction, (x0: number, noise: number, sigma: number) => number> = {
  eps: (_x0, noise) => noise,
  // v = sqrt(ᾱ) noise − sqrt(1 − ᾱ) x0
  v: (x0, noise, sigma) => (noise - sigma * x0) / Math.sqrt(1 + sigma * sigma),
  x0: (x0) => x0,
  flow: (x0, noise) => noise - x0,
  edm: (x0, noise, sigma) => edmOutput(x0, x0 + sigma * noise, sigma),
  'edm-v': (x0, noise, sigma) => -edmOutput(x0, x0 + sigma * noise, sigma),
};

/** (x0 − cSkip x)/cOut with the EDM paper's cSkip and cOut. */
function edmOutput(x0: number, x: number, sigma: number): number {
  const variance = sigma ** 2 + sigmaData ** 2;
  return (x0 - (sigmaData ** 2 / variance) * x) / ((sigma * sigmaData) / Math.sqrt(variance));
}

const inputScales: Record<Prediction, (sigma: number) => number> = {
  eps: variancePreservingScale,
  v: variancePreservingScale,
  x0: variancePreservingScale,
  flow: flowScale,
  edm: (sigma) => edmScale(sigma, sigmaData),
  'edm-v': (sigma) => edmScale(sigma, sigmaData),
};

const value = fc.double({ min: -3, max: 3, noNaN: true });
const level = fc.double({ min: -4, max: 5, noNaN: true }).map(Math.exp);

describe('a wrapped network', () => {
  it.each(Object.keys(outputs) as Prediction[])('of prediction %s gives back x0 and the noise', async (prediction) => {
    await fc.assert(
      fc.asyncProperty(value, value, level, async (x0, noise, sigma) => {
        const seen: number[] = [];
        const network: Network = async (scaled, timestep) => {
          seen.push(scaled.data[0] ?? NaN, timestep);
          return { dims: [1], data: Float64Array.of(outputs[prediction](x0, noise, sigma)) };
        };
        const parameterization: Parameterization = {
          prediction,
          sigmaData,
          inputScale: inputScales[prediction],
          timestep: (sigma) => 7 * sigma,
        };
        const x = { dims: [1], data: Float64Array.of(x0 + sigma * noise) };
        const denoised = (await denoiserOf(network, parameterization)(x, sigma)).data[0] ?? NaN;
        const eps = (await noisePredictorOf(network, parameterization)(x, sigma)).data[0] ?? NaN;
        const rounding = 1e-12 * (1 + sigma) * (1 + 1 / sigma);
        expect(Math.abs(denoised - x0)).toBeLessThan(rounding);
        expect(Math.abs(eps - noise)).toBeLessThan(rounding);
        // By difference, since a zero may come back with either sign.
        expect(Math.abs((seen[0] ?? NaN) - inputScales[prediction](sigma) * (x0 + sigma * noise))).toBeLessThan(1e-12);
        expect(seen[1]).toBe(7 * sigma);
      }),
      { numRuns: 100 },
    );
  });

  it('tells the noise at sigma 0 too', async () => {
    const network: Network = async (scaled) => ({ dims: scaled.dims, data: Float64Array.of(0.25) });
    const predict = noisePredictorOf(network, {
      prediction: 'eps',
      inputScale: variancePreservingScale,
      timestep: () => 0,
    });
    expect((await predict({ dims: [1], data: Float64Array.of(2) }, 0)).data[0]).toBe(0.25);
  });
});

describe('a noise schedule', () => {
  const schedule = noiseSchedule(betasOf('scaled_linear', 1000, 0.00085, 0.012));

  it('has the ends of Stable Diffusion', () => {
    expect(schedule.sigmas[0]).toBeCloseTo(0.0291671581517, 12);
    expect(schedule.sigmas[999]).toBeCloseTo(14.6146412293, 9);
  });

  it('goes from timestep to sigma and back at whole timesteps, and never out of its ends', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999 }), (t) => {
        expect(timestepOfSigma(schedule, sigmaOfTimestep(schedule, t))).toBeCloseTo(t, 8);
      }),
    );
    expect([timestepOfSigma(schedule, 1e-9), timestepOfSigma(schedule, 1e9)]).toEqual([0, 999]);
    expect([sigmaOfTimestep(schedule, -3), sigmaOfTimestep(schedule, 5000)]).toEqual([
      schedule.sigmas[0],
      schedule.sigmas[999],
    ]);
  });

  it('refuses a name it does not know', () => {
    expect(() => betasOf('quadratic', 10, 0, 1)).toThrow(expect.objectContaining({ code: 'unsupported' }));
  });
});
