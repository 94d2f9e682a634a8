import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { likelihoodDifference } from '../../../main/engine/diffusion/likelihood.ts';
import { encodeImage } from '../../../main/engine/generation/autoencoder.ts';
import { fromPicture } from '../../../main/engine/generation/pictures.ts';
import {
  scorePrompts,
  type LikelihoodEvent,
  type LikelihoodInput,
} from '../../../main/engine/generation/score-prompts.ts';
import type { EngineContext } from '../../../main/engine/protocol.ts';
import { Sessions } from '../../../main/engine/runtime/sessions.ts';
import { loadPackage } from '../../../main/model-packages/load.ts';
import { mixingPackage } from '../../doubles/mixing-package.ts';
import { packageFolder } from '../../doubles/packages.ts';

const builtIn = fileURLToPath(new URL('../../../resources/models/gamut-catalogue-128', import.meta.url));

function contextOf(signal = new AbortController().signal): EngineContext {
  return { signal, now: () => 0, sessions: new Sessions() };
}

/** Nearly red, a little different in every pixel. */
function redPicture(side: number) {
  const pixels = Uint8Array.from({ length: 3 * side * side }, (_, at) => (at % 3 === 0 ? 250 : 5) + (at % 4));
  return { width: side, height: side, pixels };
}

function inputOf(
  folder: string,
  prompts: readonly string[],
  more: Partial<LikelihoodInput> = {},
  side = 32,
): LikelihoodInput {
  const { model, readPrompt } = loadPackage(folder);
  return {
    model,
    provider: 'cpu',
    image: redPicture(side),
    prompts: prompts.map((prompt) => readPrompt(prompt).windows),
    empty: readPrompt('').windows,
    solver: 'rk4',
    stepCount: 8,
    tolerance: 1e-3,
    probeCount: 2,
    seed: 3,
    method: null,
    ...more,
  };
}

async function scored(input: LikelihoodInput): Promise<Extract<LikelihoodEvent, { kind: 'scored' }>> {
  const last = (await Array.fromAsync(scorePrompts(input, contextOf()))).at(-1);
  if (last?.kind !== 'scored') throw new Error('no scores');
  return last;
}

/**
 * The `flow` network is that of N(mean, 0.05²) in each latent value, so its flow is known: offsets from the mean grow as
 * sqrt(0.05² + sigma²), and the integral of the divergence is the logarithm of that growth.
 */
function exact(x0: readonly number[], mean: (at: number) => number, sigmaMin: number, sigmaMax: number): number {
  const growth = Math.sqrt((0.05 ** 2 + sigmaMax ** 2) / (0.05 ** 2 + sigmaMin ** 2));
  return x0.reduce((sum, x, at) => {
    const end = mean(at) + (x - mean(at)) * growth;
    const prior = -(end ** 2) / (2 * sigmaMax ** 2) - Math.log(sigmaMax * Math.sqrt(2 * Math.PI));
    return sum + prior + Math.log(growth);
  }, 0);
}

describe('the likelihood of an image under prompts', () => {
  const flow = packageFolder('flow');

  it('is that of a law that is known, by products and by finite differences', async () => {
    const { model } = loadPackage(flow);
    const encoder = await new Sessions().open({ kind: 'file', path: model.files.vaeEncoder ?? '' }, 'cpu');
    const image = fromPicture(redPicture(32));
    const x0 = await encodeImage(encoder, image, model.latent, new AbortController().signal);
    const plane = (x0.dims[2] ?? 0) * (x0.dims[3] ?? 0);
    const colours = { red: [1, -1, -1, 0], blue: [-1, -1, 1, 0], '': [] };
    for (const method of ['vector-jacobian', 'finite-differences'] as const) {
      const found = await scored(inputOf(flow, Object.keys(colours), { stepCount: 60, method }));
      expect(found).toMatchObject({ method, notes: [] });
      expect([found.sigmaMin, found.sigmaMax]).toEqual([expect.closeTo(1 / 24, 12), expect.closeTo(24, 10)]);
      Object.values(colours).forEach((colour, at) => {
        const mean = (i: number): number => colour[Math.floor(i / plane)] ?? 0;
        const expected = exact(Array.from(x0.data), mean, found.sigmaMin, found.sigmaMax);
        const { logLikelihood = NaN, dimensions, standardError = NaN } = found.estimates[at] ?? {};
        expect(dimensions).toBe(x0.data.length);
        expect(Math.abs(logLikelihood / expected - 1)).toBeLessThan(1e-5);
        // A diagonal Jacobian is seen without error by every probe of signs.
        expect(standardError).toBeLessThan(1e-2);
      });
    }
  });

  it('comes closer to that law as Dormand–Prince steps may err less, in calls that are counted', async () => {
    const exactly = await scored(inputOf(flow, ['red', 'blue'], { stepCount: 200 }));
    const runs = [];
    for (const tolerance of [1e-2, 1e-3, 1e-5]) {
      const input = inputOf(flow, ['red', 'blue'], { solver: 'dormand-prince', tolerance });
      const events = await Array.fromAsync(scorePrompts(input, contextOf()));
      const found = events.at(-1);
      if (found?.kind !== 'scored') throw new Error('no scores');
      const progress = events.filter((event) => event.kind === 'progress');
      expect(progress.at(-1)).toEqual({ kind: 'progress', done: found.evaluations, all: found.evaluations });
      expect(progress.every(({ done, all }) => done <= all)).toBe(true);
      expect(progress).toHaveLength(found.stepCount + 1);
      runs.push({
        error: Math.max(
          ...found.estimates.map(({ logLikelihood }, at) =>
            Math.abs(logLikelihood - (exactly.estimates[at]?.logLikelihood ?? NaN)),
          ),
        ),
        evaluations: found.evaluations,
      });
    }
    const [coarse, middle, fine] = runs;
    expect(coarse?.error).toBeGreaterThan(middle?.error ?? NaN);
    expect(middle?.error).toBeGreaterThan(fine?.error ?? NaN);
    // Of −14254 nats; 20 steps of rk4, about as many evaluations, are 2.5 off.
    expect(fine?.error).toBeLessThan(0.3);
    expect(coarse?.evaluations).toBeLessThan(fine?.evaluations ?? NaN);
  });

  it.each(['legacy', 'optimum', 'half', 'fixed'] as const)(
    'agrees by both methods on the package %s, and equal prompts are equal to the last bit',
    async (name) => {
      const folder = packageFolder(name);
      const { size } = loadPackage(folder);
      const side = size.fixed ? size.width : 32;
      const prompts = ['red', 'blue', 'red'];
      const products = await scored(inputOf(folder, prompts, { method: 'vector-jacobian' }, side));
      const differences = await scored(inputOf(folder, prompts, { method: 'finite-differences' }, side));
      products.estimates.forEach(({ logLikelihood }, at) => {
        expect(Math.abs((differences.estimates[at]?.logLikelihood ?? NaN) / logLikelihood - 1)).toBeLessThan(1e-5);
      });
      expect(products.estimates[2]).toEqual(products.estimates[0]);
    },
  );

  it(
    'agrees by both methods on the built-in U-Net, in the difference of two prompts too',
    { timeout: 300_000 },
    async () => {
      const prompts = ['red vase', 'blue mug on a dark backdrop'];
      const request = { stepCount: 3, probeCount: 1 };
      const products = await scored(inputOf(builtIn, prompts, { ...request, method: 'vector-jacobian' }, 128));
      const differences = await scored(inputOf(builtIn, prompts, { ...request, method: 'finite-differences' }, 128));
      const nats = [products, differences].map(({ estimates }) => estimates.map(({ logLikelihood }) => logLikelihood));
      const [[a = NaN, b = NaN] = [], [c = NaN, d = NaN] = []] = nats;
      console.log(`nats by products ${a} ${b}, by differences ${c} ${d}`);
      expect(Math.abs(a - c)).toBeLessThan(0.5);
      expect(Math.abs(a - b - (c - d))).toBeLessThan(0.25);
    },
  );

  it('shares probes: the error of a difference is far below that of a value, and company changes nothing', async () => {
    using mixing = mixingPackage();
    const probes = { probeCount: 6 };
    const found = await scored(inputOf(mixing.path, ['red', 'red vase', ''], probes));
    const [red, , nothing] = found.estimates;
    if (red === undefined || nothing === undefined) throw new Error('no estimates');
    const difference = likelihoodDifference(red, nothing);
    console.log(`standard errors: value ${red.standardError}, difference ${difference.standardError} nats`);
    expect(red.standardError).toBeGreaterThan(0.01);
    expect(difference.standardError).toBeLessThan(0.01 * (red.standardError ?? NaN));
    const alone = await scored(inputOf(mixing.path, ['red'], probes));
    alone.estimates[0]?.byProbe.forEach((value, probe) => {
      expect(value).toBeCloseTo(red.byProbe[probe] ?? NaN, 2);
    });
    const otherSeed = await scored(inputOf(mixing.path, ['red'], { ...probes, seed: 4 }));
    expect(otherSeed.estimates[0]?.byProbe).not.toEqual(alone.estimates[0]?.byProbe);

    const differences = await scored(inputOf(mixing.path, ['red'], { ...probes, method: 'finite-differences' }));
    differences.estimates[0]?.byProbe.forEach((value, probe) => {
      expect(Math.abs(value / (alone.estimates[0]?.byProbe[probe] ?? NaN) - 1)).toBeLessThan(1e-4);
    });
  });

  it('falls back to finite differences where an operator has no rule, and says so; never when products are asked for', async () => {
    using mixing = mixingPackage({ withoutRule: true });
    const found = await scored(inputOf(mixing.path, ['red']));
    expect(found).toMatchObject({
      method: 'finite-differences',
      notes: [expect.stringMatching(/^By finite differences, because exact products cannot be had: .*LRN/)],
    });
    await expect(scored(inputOf(mixing.path, ['red'], { method: 'vector-jacobian' }))).rejects.toMatchObject({
      code: 'unsupported',
    });
  });

  it('counts its evaluations, all of them at the end', async () => {
    const events = await Array.fromAsync(scorePrompts(inputOf(flow, ['red', 'blue', 'red']), contextOf()));
    const all = 2 * 4 * 8 * 2;
    const counts = events.map((event) => (event.kind === 'progress' ? event.done : event.evaluations));
    expect(counts).toEqual([...Array.from({ length: 9 }, (_, step) => (all / 8) * step), all]);
  });

  it('tells of networks that count timesteps in whole numbers', async () => {
    const { notes } = await scored(inputOf(packageFolder('optimum'), ['red']));
    expect(notes).toEqual(['The network counts timesteps in whole numbers, so noise levels are rounded to them.']);
  });

  it('stops between two calls of the network', async () => {
    const controller = new AbortController();
    const work = scorePrompts(inputOf(flow, ['red']), contextOf(controller.signal));
    await work.next();
    await work.next();
    controller.abort();
    await expect(work.next()).rejects.toThrow(/abort/);
  });

  it.each([
    [{ probeCount: 0 }, 'probes: expected a whole number from 1, got 0'],
    [{ stepCount: 0 }, 'steps: expected a whole number from 1, got 0'],
    [{ tolerance: 0 }, 'tolerance: expected a number above 0, got 0'],
    [{ stepCount: 1.5 }, 'steps: expected a whole number from 1, got 1.5'],
  ])('refuses %j', async (wrong, message) => {
    await expect(scored(inputOf(flow, ['red'], wrong))).rejects.toMatchObject({ code: 'bad-input', message });
  });

  it('never hands out a likelihood that is not finite', async () => {
    await expect(scored(inputOf(packageFolder('breaking'), ['red']))).rejects.toMatchObject({ code: 'non-finite' });
  });
});
