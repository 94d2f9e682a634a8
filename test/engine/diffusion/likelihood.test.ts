import { describe, expect, it } from 'vitest';
import {
  byFiniteDifferences,
  byVectorJacobianProducts,
  likelihoodDifference,
  logLikelihood,
  rademacherProbes,
  type LikelihoodEstimate,
  type LikelihoodOptions,
  type LikelihoodResult,
  type VectorJacobianField,
} from '../../../main/engine/diffusion/likelihood.ts';
import { dormandPrince, logSpaced, rungeKutta4, type OdeSolver } from '../../../main/engine/diffusion/ode.ts';
import { philoxStream } from '../../../main/engine/tensor/philox.ts';
import type { Tensor } from '../../../main/engine/tensor/tensor.ts';
import { logDensity, mapRows, mixtureFlow, score, type Mixture } from '../../doubles/gaussian-mixture.ts';
import reference from '../../reference/conformance/reference-values.json' with { type: 'json' };

const column = (...values: number[]): Tensor<Float64Array> => ({
  dims: [values.length, 1],
  data: Float64Array.from(values),
});
const ones = (x: Tensor): Tensor => ({ dims: x.dims, data: new Float64Array(x.data.length).fill(1) });
const at = (row: ArrayLike<number>): number => row[0] ?? NaN;
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const gaussian = (mean: number, std: number): Mixture => [{ weight: 1, mean: [mean], std }];

async function run(x0: Tensor, options: LikelihoodOptions): Promise<LikelihoodResult> {
  const steps = logLikelihood(x0, options);
  for (;;) {
    const { done, value } = await steps.next();
    if (done) return value;
  }
}

/** In one dimension a single probe of 1 is the exact divergence. */
async function inOneDimension(
  flow: VectorJacobianField,
  x0: number,
  solver: OdeSolver,
  prior: { standardDeviation: number; mean?: Tensor },
): Promise<{ estimate: LikelihoodEstimate; xEnd: number; divergence: number; evaluations: number }> {
  const x = column(x0);
  const field = byVectorJacobianProducts(flow, [ones(x)]);
  const { images, xEnd, evaluations } = await run(x, { field, probeCount: 1, solver, prior });
  const [estimate] = images;
  if (estimate === undefined) throw new Error('no image');
  return {
    estimate,
    evaluations,
    xEnd: xEnd.data[0] ?? NaN,
    divergence: estimate.logLikelihood - estimate.priorLogDensity,
  };
}

/** Half of beta(t) times (mu − x − score), the probability flow of a (mean-reverting) variance-preserving SDE. */
function variancePreservingFlow(
  betaMin: number,
  betaMax: number,
  mu: number,
  mean: number,
  std: number,
): VectorJacobianField {
  return async (x, t, v) => {
    const beta = betaMin + (betaMax - betaMin) * t;
    const a = Math.exp(-0.5 * (betaMin * t + 0.5 * (betaMax - betaMin) * t * t));
    const variance = a * a * std * std + 1 - a * a;
    const centre = a * mean + (1 - a) * mu;
    return {
      velocity: mapRows(x, (row) => [0.5 * beta * (mu - at(row) + (at(row) - centre) / variance)]),
      product: mapRows(v, (row) => [0.5 * beta * (-1 + 1 / variance) * at(row)]),
    };
  };
}

const tight = (from: number, to: number): OdeSolver => dormandPrince({ from, to, absolute: 1e-12, relative: 1e-12 });

describe('the likelihood of a Gaussian', () => {
  const rows = reference.likelihoodGaussian1D;

  it.each(rows.filter((row) => 'betaMin' in row))(
    '$sde, x0 = $x0: solution, divergence and log density',
    async (row) => {
      const { betaMin = NaN, betaMax = NaN, mu = NaN, dataMean, dataStd, x0, xT = NaN, bpdPfOde = NaN } = row;
      const flow = variancePreservingFlow(betaMin, betaMax, mu, dataMean, dataStd);
      const prior = { standardDeviation: 1, mean: column(mu) };
      const { estimate, xEnd, divergence } = await inOneDimension(flow, x0, tight(0, 1), prior);
      expect(xEnd).toBeCloseTo(xT, 8);
      expect(divergence).toBeCloseTo(row.divIntegral, 9);
      expect(estimate.priorLogDensity).toBeCloseTo(row.priorLogp, 8);
      expect(estimate.logLikelihood).toBeCloseTo(row.logpPfOde, 8);
      expect(estimate.bitsPerDimension).toBeCloseTo(bpdPfOde, 8);
    },
  );

  it.each(rows.filter((row) => 'sigmaMin' in row))(
    '$sde, x0 = $x0: solution, divergence and log density',
    async (row) => {
      const { sigmaMin = NaN, sigmaMax = NaN, xSigmaMax = NaN, x0, dataMean, dataStd } = row;
      const { estimate, xEnd, divergence } = await inOneDimension(
        mixtureFlow(gaussian(dataMean, dataStd)),
        x0,
        tight(sigmaMin, sigmaMax),
        { standardDeviation: sigmaMax },
      );
      expect(xEnd).toBeCloseTo(xSigmaMax, 7);
      expect(divergence).toBeCloseTo(row.divIntegral, 8);
      expect(estimate.priorLogDensity).toBeCloseTo(row.priorLogp, 8);
      expect(estimate.logLikelihood).toBeCloseTo(row.logpPfOde, 8);
    },
  );

  it('with log-spaced RK4 errs as stated and converges at order 4', async () => {
    const [sigmaMin, sigmaMax] = [0.0291671581517, 14.6146412293];
    const exact = await inOneDimension(mixtureFlow(gaussian(0.5, 0.5)), 1, tight(sigmaMin, sigmaMax), {
      standardDeviation: sigmaMax,
    });
    expect(exact.estimate.logLikelihood).toBeCloseTo(-0.7605520184, 8);
    const stated = [2.8e-3, 1.8e-4, 4.7e-6, 2.9e-7];
    const errors: number[] = [];
    for (const count of [10, 20, 50, 100]) {
      const solver = rungeKutta4(logSpaced(sigmaMin, sigmaMax, count));
      const { estimate } = await inOneDimension(mixtureFlow(gaussian(0.5, 0.5)), 1, solver, {
        standardDeviation: sigmaMax,
      });
      errors.push(Math.abs(estimate.logLikelihood - exact.estimate.logLikelihood));
    }
    console.log(`RK4 errors with 10, 20, 50, 100 steps: ${errors.map((error) => error.toExponential(2)).join(' ')}`);
    // Even steps in sigma itself are 10 to 100 times worse.
    for (const [i, count] of [10, 20, 50, 100].entries()) {
      const even = Array.from({ length: count + 1 }, (_, k) => sigmaMin + ((sigmaMax - sigmaMin) * k) / count);
      const prior = { standardDeviation: sigmaMax };
      const { estimate } = await inOneDimension(mixtureFlow(gaussian(0.5, 0.5)), 1, rungeKutta4(even), prior);
      const ratio = Math.abs(estimate.logLikelihood - exact.estimate.logLikelihood) / (errors[i] ?? NaN);
      expect(ratio).toBeGreaterThan(10);
      expect(ratio).toBeLessThan(100);
    }
    errors.forEach((error, i) => {
      expect(error / (stated[i] ?? NaN)).toBeGreaterThan(0.8);
      expect(error / (stated[i] ?? NaN)).toBeLessThan(1.25);
    });
  });

  it('with adaptive Dormand–Prince takes the evaluations that scipy’s RK45 takes', async () => {
    const flow = variancePreservingFlow(0.1, 20, 0, 0.5, 0.5);
    const counts: number[] = [];
    for (const tolerance of [1e-3, 1e-5, 1e-8]) {
      const solver = dormandPrince({ from: 0, to: 1, absolute: tolerance, relative: tolerance });
      counts.push((await inOneDimension(flow, 1, solver, { standardDeviation: 1 })).evaluations);
    }
    expect(counts).toEqual([26, 44, 146]);
  });
});

describe('the likelihood of a mixture', () => {
  const { weights, means, stds, cases } = reference.likelihoodMixture1D;
  const mixture = weights.map((weight, k) => ({ weight, mean: [means[k] ?? NaN], std: stds[k] ?? NaN }));
  const [sigmaMin, sigmaMax] = [1e-7, 80];

  it.each(cases)('at x0 = $x0: solution, divergence, and log density with either prior', async (row) => {
    const { estimate, xEnd, divergence } = await inOneDimension(
      mixtureFlow(mixture),
      row.x0,
      tight(sigmaMin, sigmaMax),
      {
        standardDeviation: sigmaMax,
      },
    );
    expect(xEnd).toBeCloseTo(row.xSigmaMax, 6);
    expect(divergence).toBeCloseTo(row.divIntegral, 7);
    expect(estimate.logLikelihood).toBeCloseTo(row.logpWithN0SigmaMaxPrior, 7);
    expect(logDensity(mixture, [xEnd], sigmaMax) + divergence).toBeCloseTo(row.logpWithExactPrior, 7);
    expect(logDensity(mixture, [row.x0])).toBeCloseTo(row.exactLogp, 8);
  });
});

describe('the likelihood under guidance', () => {
  const conditional = gaussian(1, 0.5);
  const unconditional = gaussian(0, 1.5);

  // The file's rows, and the two that PAPERS.md names beside them (§1e).
  const rows = [
    ...reference.cfgGaussianOde.rows,
    { omega: 1, logpAtX1: -0.22584994677571668 },
    { omega: 3, logpAtX1: -5.874952517916011 },
  ];

  it.each(rows)('at scale $omega has the closed form', async ({ omega, logpAtX1 }) => {
    const flow: VectorJacobianField = async (x, sigma, v) => {
      const [c, u] = await Promise.all([
        mixtureFlow(conditional)(x, sigma, v),
        mixtureFlow(unconditional)(x, sigma, v),
      ]);
      const mix = (a: Tensor, b: Tensor): Tensor =>
        mapRows(a, (row, i) => [omega * (row[0] ?? NaN) + (1 - omega) * (b.data[i] ?? NaN)]);
      return { velocity: mix(c.velocity, u.velocity), product: mix(c.product, u.product) };
    };
    const { estimate } = await inOneDimension(flow, 1, tight(1e-7, 80), { standardDeviation: 80 });
    expect(Math.abs(estimate.logLikelihood / logpAtX1 - 1)).toBeLessThan(1e-7);
  });
});

describe('the divergence estimator', () => {
  const { matrix, rademacher } = reference.hutchinson;
  const linear: VectorJacobianField = async (x, _time, v) => ({
    velocity: mapRows(x, (row) => matrix.map((line) => line.reduce((sum, a, j) => sum + a * (row[j] ?? NaN), 0))),
    // vᵀ A
    product: mapRows(v, (row) =>
      [0, 1].map((j) => matrix.reduce((sum, line, i) => sum + (row[i] ?? NaN) * (line[j] ?? NaN), 0)),
    ),
  });
  const x = { dims: [1, 2], data: Float64Array.of(0.3, -0.7) };
  const probe = (a: number, b: number): Tensor => ({ dims: [1, 2], data: Float64Array.of(a, b) });
  const probes = [probe(1, 1), probe(1, -1), probe(-1, 1), probe(-1, -1)];

  it('has the values, mean and variance of the worked example', async () => {
    const { divergences } = await byVectorJacobianProducts(linear, probes)(x, 0);
    const values = divergences.map(([value]) => value ?? NaN);
    expect(values).toEqual([rademacher.values['(1,1)'], rademacher.values['(1,-1)'], 2, 6]);
    const mean = values.reduce((sum, value) => sum + value, 0) / 4;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 4;
    expect([mean, variance]).toEqual([rademacher.mean, rademacher.variance]);
  });

  it('is the same by finite differences', async () => {
    const velocity = async (at: Tensor): Promise<Tensor> => (await linear(at, 0, at)).velocity;
    const { divergences } = await byFiniteDifferences(velocity, probes, () => 0.03)(x, 0);
    [6, 2, 2, 6].forEach((value, i) => {
      expect(divergences[i]?.[0]).toBeCloseTo(value, 10);
    });
  });

  it('draws signs that do not depend on the batch', () => {
    const stream = (image: number) => philoxStream(4, image, 'probes');
    const together = rademacherProbes([3, 2, 5], 2, [0, 1, 2].map(stream));
    const alone = rademacherProbes([1, 2, 5], 2, [stream(1)]);
    together.forEach(({ data }, k) => {
      expect(data.every((value) => Math.abs(value) === 1)).toBe(true);
      expect([...data.subarray(10, 20)]).toEqual([...(alone[k]?.data ?? [])]);
    });
    expect(() => rademacherProbes([1, 4], 0, [stream(0)])).toThrow('probes');
  });
});

describe('several images and probes', () => {
  const mixture: Mixture = [
    { weight: 0.5, mean: [-1, 0, 0.5], std: 0.5 },
    { weight: 0.5, mean: [1, 0.5, 0], std: 0.8 },
  ];
  const other: Mixture = [{ weight: 1, mean: [0, 0, 0], std: 1 }];
  const x0 = { dims: [2, 3], data: Float64Array.of(-0.9, 0.2, 0.4, 1.2, 0.1, -0.3) };
  const solver = rungeKutta4(logSpaced(1e-3, 80, 60));
  const signs = rademacherProbes(
    [2, 3],
    8,
    [0, 1].map((image) => philoxStream(1, image, 'probes')),
  );
  const likelihoodOf = (data: Mixture): Promise<LikelihoodResult> =>
    run(x0, {
      field: byVectorJacobianProducts(mixtureFlow(data), signs),
      probeCount: signs.length,
      solver,
      prior: { standardDeviation: 80 },
    });

  it('agree with the exact density within the probes’ error, and tell that error', async () => {
    const { images } = await likelihoodOf(mixture);
    images.forEach(({ logLikelihood, standardError, byProbe }, i) => {
      const exact = logDensity(mixture, x0.data.subarray(3 * i, 3 * i + 3));
      expect(byProbe).toHaveLength(8);
      expect(standardError).toBeGreaterThan(0);
      expect(Math.abs(logLikelihood - exact)).toBeLessThan(4 * (standardError ?? 0) + 1e-2);
    });
  });

  it('make a difference whose error is smaller than that of its parts', async () => {
    const [first, second] = [await likelihoodOf(mixture), await likelihoodOf(other)];
    const [a, b] = [first.images[0], second.images[0]];
    if (a === undefined || b === undefined) throw new Error('no images');
    const { nats, standardError } = likelihoodDifference(a, b);
    expect(nats).toBeCloseTo(a.logLikelihood - b.logLikelihood, 12);
    expect(standardError).toBeLessThanOrEqual(Math.hypot(a.standardError ?? NaN, b.standardError ?? NaN) + 1e-12);
  });

  it('have errors that are those which repeating with other probes shows, of values and of differences', async () => {
    // The same field but for a part: what both have in common cancels in the difference.
    const [first, second]: Mixture[] = [mixture, mixture.map((part, k) => ({ ...part, std: part.std + 0.1 * k }))];
    const coarse = rungeKutta4(logSpaced(0.05, 40, 10));
    const [values, differences]: { nats: number; squaredError: number }[][] = [[], []];
    const draws = 400;
    // One image a draw, so that one integration repeats the experiment with fresh probes for each.
    const streams = Array.from({ length: draws }, (_, draw) => philoxStream(7, draw, 'probes'));
    const same = {
      dims: [draws, 3],
      data: Float64Array.from({ length: 3 * draws }, (_, i) => [0.2, 0.4, -0.1][i % 3] ?? NaN),
    };
    const signs = rademacherProbes(same.dims, 4, streams);
    const [a, b] = await Promise.all(
      [first, second].map((data = []) =>
        run(same, {
          field: byVectorJacobianProducts(mixtureFlow(data), signs),
          probeCount: signs.length,
          solver: coarse,
          prior: { standardDeviation: 40 },
        }),
      ),
    );
    a?.images.forEach((one, draw) => {
      const other = b?.images[draw];
      if (other === undefined) throw new Error('no image');
      const { nats, standardError } = likelihoodDifference(one, other);
      values?.push({ nats: one.logLikelihood, squaredError: (one.standardError ?? NaN) ** 2 });
      differences?.push({ nats, squaredError: (standardError ?? NaN) ** 2 });
    });
    const told = (all: typeof values = []): number => mean(all.map(({ squaredError }) => squaredError));
    const shown = (all: typeof values = []): number => {
      const centre = mean(all.map(({ nats }) => nats));
      return mean(all.map(({ nats }) => (nats - centre) ** 2));
    };
    console.log(
      `variance shown / told: values ${shown(values) / told(values)}, differences ${shown(differences) / told(differences)}`,
    );
    for (const all of [values, differences]) expect(Math.abs(shown(all) / told(all) - 1)).toBeLessThan(0.25);
    // What independent probes would show is far more.
    expect(told(differences)).toBeLessThan(0.5 * told(values));
  });

  it('stop when told to', async () => {
    const controller = new AbortController();
    const steps = logLikelihood(x0, {
      field: byVectorJacobianProducts(mixtureFlow(mixture), signs),
      probeCount: signs.length,
      solver,
      prior: { standardDeviation: 80 },
      signal: controller.signal,
    });
    await steps.next();
    controller.abort();
    await expect(steps.next()).rejects.toThrow('abort');
  });

  it('fail as soon as a value is not finite', async () => {
    const broken: VectorJacobianField = async (x) => ({
      velocity: mapRows(x, (row) => Array.from(row, () => NaN)),
      product: x,
    });
    const options = {
      field: byVectorJacobianProducts(broken, signs),
      probeCount: 8,
      solver,
      prior: { standardDeviation: 1 },
    };
    await expect(run(x0, options)).rejects.toMatchObject({ code: 'non-finite' });
  });
});

describe('the double itself', () => {
  it('has a score and a vector–Jacobian product that agree with differences of its density', async () => {
    const mixture: Mixture = [
      { weight: 0.3, mean: [-1, 0.5], std: 0.4 },
      { weight: 0.7, mean: [1.5, -0.5], std: 0.7 },
    ];
    const [sigma, delta] = [0.8, 1e-5];
    const x = [0.2, 0.3];
    const shifted = (i: number, by: number): number[] => x.map((value, j) => value + (i === j ? by : 0));
    const differences = [0, 1].map(
      (i) =>
        (logDensity(mixture, shifted(i, delta), sigma) - logDensity(mixture, shifted(i, -delta), sigma)) / (2 * delta),
    );
    score(mixture, x, sigma).forEach((value, i) => {
      expect(value).toBeCloseTo(differences[i] ?? NaN, 8);
    });
    const v = { dims: [1, 2], data: Float64Array.of(0.7, -1.3) };
    const rowOf = (row: number[]): Tensor => ({ dims: [1, 2], data: Float64Array.from(row) });
    const { product } = await mixtureFlow(mixture)(rowOf(x), sigma, v);
    for (const i of [0, 1]) {
      const above = (await mixtureFlow(mixture)(rowOf(shifted(i, delta)), sigma, v)).velocity.data;
      const below = (await mixtureFlow(mixture)(rowOf(shifted(i, -delta)), sigma, v)).velocity.data;
      const column = [0, 1].reduce((sum, j) => sum + ((above[j] ?? NaN) - (below[j] ?? NaN)) * (v.data[j] ?? NaN), 0);
      expect(product.data[i]).toBeCloseTo(column / (2 * delta), 7);
    }
  });
});
