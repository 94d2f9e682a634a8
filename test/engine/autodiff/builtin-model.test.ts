import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { differentiate } from '../../../main/engine/autodiff/differentiate.ts';
import { numbersOf as numbersOfConstant } from '../../../main/engine/graph/constants.ts';
import { decode } from '../../../main/engine/graph/decode.ts';
import type { Model } from '../../../main/engine/graph/model.ts';
import { widenWeights } from '../../../main/engine/graph/widen.ts';
import { sizeOf } from '../../../main/engine/tensor/tensor.ts';
import { load, numbersOf, openRaw, type RawTensor } from '../../doubles/raw-session.ts';

/** What `builtin_gradients.py` stores of a gradient: its norm, and its products with fixed random directions. */
interface StoredGradient {
  readonly dims: readonly number[];
  readonly norm: number;
  /** The relative error that PyTorch makes in float32. */
  readonly single: number;
  readonly products: readonly number[];
}

interface NetworkCase {
  readonly file: string;
  readonly sha256: string;
  readonly output: string;
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  /** Inputs that no formula gives, in base64: hidden states of a prompt. */
  readonly data: Readonly<Record<string, string>>;
  readonly cotangent: readonly number[];
  readonly gradients: Readonly<Record<string, StoredGradient>>;
}

const models = new URL('../../../resources/models/', import.meta.url);
const stored = JSON.parse(
  readFileSync(new URL('../../reference/builtin-model/gradients.json', import.meta.url), 'utf8'),
) as { readonly model: string; readonly cases: readonly NetworkCase[] };

/** Numbers in [-1, 1) from a hash of seed and row-major index: the script's own function. */
function uniform(seed: number, size: number): Float64Array {
  return Float64Array.from({ length: size }, (_, index) => {
    let h = Math.imul((index + seed * 7_919_777) | 0, 2_654_435_761);
    h = Math.imul(h ^ (h >>> 15), 2_246_822_519);
    h = Math.imul(h ^ (h >>> 13), 3_266_489_917);
    return ((h ^ (h >>> 16)) >>> 0) / 2 ** 31 - 1;
  });
}

function inputOf(name: string, dims: readonly number[], seed: number, data: string | undefined): RawTensor {
  if (data !== undefined) return load({ type: 'float32', dims, data });
  if (name === 'input_ids')
    return { type: 'int64', dims, data: BigInt64Array.from([2, 9, 40, 17, 3, 0, 2, 31, 3, 0, 0, 0].map(BigInt)) };
  const spread = name === 'sample' && dims[1] === 8 ? 1.7 : 1;
  const values = uniform(seed, sizeOf(dims)).map((each) => (name === 'timestep' ? 200 : each * spread));
  return { type: 'float32', dims, data: Float32Array.from(values) };
}

/** An estimate of ‖a − b‖/‖b‖ from the products of both with the same random directions (mean square 1/3 an element). */
function relativeDistance(gradient: readonly number[], { norm, products }: StoredGradient): number {
  const square = products.reduce((sum, product, k) => {
    const direction = uniform(1000 + k, gradient.length);
    const own = gradient.reduce((total, each, index) => total + each * (direction[index] ?? NaN), 0);
    return sum + (own - product) ** 2;
  }, 0);
  return Math.sqrt((3 * square) / products.length) / norm;
}

async function gradientsOf(model: Model, each: NetworkCase, spoil: number): Promise<Record<string, RawTensor>> {
  const withRespectTo = Object.keys(each.gradients);
  const graph = differentiate(model, { output: each.output, cotangent: 'cotangent', withRespectTo });
  const weights = withRespectTo.flatMap((name): [string, RawTensor][] => {
    const constant = model.graph.initializers.get(name);
    if (constant === undefined) return [];
    const data = Float32Array.from(numbersOfConstant(constant) ?? [], (value) => value * spoil);
    return [[name, { type: 'float32', dims: constant.dims, data }]];
  });
  const inputs = Object.entries(each.inputs).map(
    ([name, dims], index) => [name, inputOf(name, dims, index + 1, each.data[name])] as const,
  );
  const session = await openRaw(graph, 0);
  const result = await session.run({
    ...Object.fromEntries([...inputs, ...weights]),
    cotangent: {
      type: 'float32',
      dims: each.cotangent,
      data: Float32Array.from(uniform(77, sizeOf(each.cotangent))),
    },
  });
  await session.release();
  return result;
}

describe('gradients of the built-in model, against torch.autograd in float64:', () => {
  it('has figures of the denoiser, the decoder and the encoders', () => {
    expect(new Set(stored.cases.map(({ file }) => file.split('/')[0]))).toEqual(
      new Set(['unet', 'vae_decoder', 'vae_encoder', 'text_encoder', 'feature_encoder']),
    );
  });

  it.each(stored.cases.map((each) => [`${each.file} (${each.output})`, each] as const))(
    '%s',
    { timeout: 300_000 },
    async (_, each) => {
      const bytes = readFileSync(new URL(`${stored.model}/${each.file}`, models));
      expect(
        createHash('sha256').update(bytes).digest('hex'),
        'the figures are of other weights: run python test/reference/autodiff/builtin_gradients.py',
      ).toBe(each.sha256);
      const { graph, ...rest } = decode(bytes);
      const model = { ...rest, graph: widenWeights(graph) };
      const result = await gradientsOf(model, each, 1);
      for (const [name, expected] of Object.entries(each.gradients)) {
        const got = result[`grad_${name}`];
        expect(got?.dims, name).toEqual(expected.dims);
        const distance = relativeDistance(got === undefined ? [] : numbersOf(got), expected);
        if (process.env['GAMUT_VERBOSE'] !== undefined) console.log(each.file, name, distance);
        // Where float32 itself cannot do better, no more than five times PyTorch's own error: both are estimated from 16
        // directions, so each is uncertain by a fifth.
        expect(distance, name).toBeLessThan(Math.max(1e-5, 5 * expected.single));
      }
    },
  );

  it('tells weights that are wrong by one in a thousand', { timeout: 300_000 }, async () => {
    const each = stored.cases.find(({ file }) => file === 'vae_decoder/model.onnx');
    if (each === undefined) throw new Error('no figures of the decoder');
    const { graph, ...rest } = decode(readFileSync(new URL(`${stored.model}/${each.file}`, models)));
    const result = await gradientsOf({ ...rest, graph: widenWeights(graph) }, each, 1.001);
    const got = result['grad_latent_sample'];
    const expected = each.gradients['latent_sample'];
    expect(got && expected && relativeDistance(numbersOf(got), expected)).toBeGreaterThan(1e-4);
  });
});
