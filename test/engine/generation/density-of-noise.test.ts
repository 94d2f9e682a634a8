import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import type { GenerationRequest } from '../../../main/contract/settings.ts';
import { densityOfNoise } from '../../../main/engine/generation/density-of-noise.ts';
import { openChain } from '../../../main/engine/generation/nudge-image.ts';
import type { Picture } from '../../../main/engine/generation/generation-request.ts';
import { Sessions } from '../../../main/engine/runtime/sessions.ts';
import { combine } from '../../../main/engine/tensor/arithmetic.ts';
import { philoxStream } from '../../../main/engine/tensor/philox.ts';
import { sizeOf, type Tensor } from '../../../main/engine/tensor/tensor.ts';
import { measuredPackage } from '../../doubles/measured-package.ts';
import { nudgeInput } from '../../doubles/nudge-input.ts';

vi.setConfig({ testTimeout: 300_000 });

const builtIn = fileURLToPath(new URL('../../../resources/models/gamut-catalogue-128', import.meta.url));

interface SlopeOptions {
  readonly delta: number;
  readonly directions: number;
  readonly k?: number | 'all';
  readonly start?: Picture | null;
}

/** The slope along unit directions by the gradient, and by central differences. */
async function slopes(
  folder: string,
  asked: Omit<GenerationRequest, 'model'>,
  { delta, directions, k = 10, start = null }: SlopeOptions,
) {
  const input = await nudgeInput(folder, asked, k);
  const context = { signal: new AbortController().signal, now: () => 0, sessions: new Sessions() };
  const { chain } = await openChain({ ...input.generation, start }, input.encoder, input.ruler, context);
  const slopeAt = await densityOfNoise(chain);
  const { downscale, channels } = input.generation.model.latent;
  const dims = [1, channels, input.generation.height / downscale, input.generation.width / downscale];
  const normal = (image: number): Tensor => ({
    dims,
    data: philoxStream(5, image, 'start').normal(new Float32Array(sizeOf(dims))),
  });
  const noise = normal(0);
  const { gradient } = await slopeAt(noise);
  const dot = (a: Tensor, b: Tensor): number =>
    Array.from(a.data, (value, i) => value * (b.data[i] ?? NaN)).reduce((sum, term) => sum + term, 0);
  // The gradient's own direction, then random ones.
  return Promise.all(
    [gradient, ...Array.from({ length: directions }, (_, i) => normal(i + 1))].map(async (direction) => {
      const unit = combine([1 / Math.sqrt(dot(direction, direction)), direction]);
      const above = await slopeAt(combine([1, noise], [delta, unit]));
      const below = await slopeAt(combine([1, noise], [-delta, unit]));
      return { exact: dot(gradient, unit), measured: (above.value - below.value) / (2 * delta) };
    }),
  );
}

describe('the gradient of log density by the starting noise', () => {
  it.each<[string, Omit<GenerationRequest, 'model' | 'prompt' | 'seed'>]>([
    ['in few steps', { stepCount: 4, guidanceScale: 1 }],
    ['under guidance', { stepCount: 3, guidanceScale: 1.5 }],
    ['under guidance in an interval', { stepCount: 4, guidanceScale: 1.2, guidanceInterval: { low: 0.5, high: 10 } }],
    ['by a sampler of second order', { stepCount: 4, guidanceScale: 1, sampler: 'dpm++2m' }],
    [
      'by a sampler that draws noise on the way',
      { stepCount: 4, guidanceScale: 1, sampler: 'euler-ancestral', eta: 0.5 },
    ],
    ['from an image', { stepCount: 6, guidanceScale: 1, image: { source: 'grey', strength: 0.6 } }],
  ])('agrees with central differences on a tiny model %s', async (_, asked) => {
    using model = measuredPackage();
    const start = asked.image == null ? null : { width: 64, height: 64, pixels: new Uint8Array(3 * 64 * 64).fill(128) };
    const found = await slopes(
      model.path,
      { prompt: 'vase', seed: 1, ...asked },
      { delta: 0.3, directions: 3, k: 'all', start },
    );
    const largest = Math.max(...found.map(({ exact }) => Math.abs(exact)));
    expect(largest).toBeGreaterThan(1e-3);
    for (const { exact, measured } of found) expect(Math.abs(exact - measured)).toBeLessThan(0.01 * largest);
  });

  it('agrees with central differences on the built-in model', async () => {
    // The encoder reads each channel's greatest value, whose place jumps: in float64 differences of this density meet the
    // gradient only below 1e-5, and over 0.004 they are off by anything up to a half, depending on the noise. Float32 cannot
    // go that low, so this noise is one whose way crosses few kinks.
    const asked = { prompt: 'mug', seed: 3, stepCount: 4, guidanceScale: 3, sampler: 'flow-match-euler' } as const;
    const [along, ...others] = await slopes(builtIn, asked, { delta: 0.004, directions: 1 });
    expect(along?.exact).toBeGreaterThan(0.05);
    // The density bends, so the difference must be small; below 0.004 float32 rounds it away.
    expect(Math.abs((along?.measured ?? NaN) / (along?.exact ?? NaN) - 1)).toBeLessThan(0.03);
    for (const { exact, measured } of others)
      expect(Math.abs(exact - measured)).toBeLessThan(0.1 * Math.abs(exact) + 0.002 * (along?.exact ?? NaN));
  });
});
