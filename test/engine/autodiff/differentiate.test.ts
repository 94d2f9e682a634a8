import { describe, expect, it } from 'vitest';
import { Failure } from '../../../main/contract/failures.ts';
import { differentiate, jacobianVectorProduct } from '../../../main/engine/autodiff/differentiate.ts';
import { decode } from '../../../main/engine/graph/decode.ts';
import type { Model } from '../../../main/engine/graph/model.ts';
import {
  bytesOf,
  load,
  loadAll,
  numbersOf,
  openRaw,
  relativeError,
  type RawTensor,
} from '../../doubles/raw-session.ts';
import { doubles, floats, modelOf, op, value } from '../../doubles/small-models.ts';
import { storedNetwork } from './stored-cases.ts';

/** L = Σ exp(x·w) for x [2, 3], w a weight [3]. */
const small = modelOf(
  [op('Mul', ['x', 'w'], 'm'), op('Exp', ['m'], 'e'), op('ReduceSum', ['e'], 'L', { keepdims: 0 })],
  [value('x', [2, 3])],
  [value('L', []), value('e', [2, 3])],
  { w: ['float32', [3], [0.5, -1, 2]] },
);
const x = floats([2, 3], [1, 0, -1, 0.5, 2, 0.25]);

function failureOf(make: () => unknown): Failure {
  try {
    make();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error('expected a failure, got none');
}

describe('differentiate', () => {
  it('gives the gradient of a scalar by inputs and by weights, which become inputs', async () => {
    const graph = differentiate(small, { output: 'L', withRespectTo: ['x', 'w'] });
    expect(graph.graph.inputs.map(({ name }) => name)).toEqual(['x', 'w']);
    expect(graph.graph.outputs.map(({ name }) => name)).toEqual(['L', 'grad_x', 'grad_w']);
    const session = await openRaw(graph);
    const result = await session.run({ x, w: floats([3], [1, 1, 1]) });
    await session.release();
    const e = [...x.data].map(Math.exp);
    expect(relativeError(numbersOf(result['grad_x'] ?? x), e)).toBeLessThan(1e-6);
    const byWeight = [0, 1, 2].map((column) =>
      [0, 1].reduce((sum, row) => sum + (e[row * 3 + column] ?? 0) * (x.data[row * 3 + column] ?? 0), 0),
    );
    expect(relativeError(numbersOf(result['grad_w'] ?? x), byWeight)).toBeLessThan(1e-6);
  });

  it('gives zeros for an input that the output does not depend on', async () => {
    const model: Model = {
      ...small,
      graph: { ...small.graph, inputs: [...small.graph.inputs, value('idle', ['n', 2])] },
    };
    const session = await openRaw(differentiate(model, { output: 'L', withRespectTo: ['idle', 'x'] }));
    const result = await session.run({ x, idle: floats([2, 2], [1, 2, 3, 4]) });
    await session.release();
    expect(numbersOf(result['grad_idle'] ?? x)).toEqual([0, 0, 0, 0]);
  });

  it('differentiates its own result: the Hessian of Σ x³ is 6x', async () => {
    const cube = modelOf(
      [op('Mul', ['x', 'x'], 's'), op('Mul', ['s', 'x'], 'c'), op('ReduceSum', ['c'], 'L', { keepdims: 0 })],
      [value('x', [3], 'float64')],
      [value('L', [], 'float64')],
    );
    const first = differentiate(cube, { output: 'L', withRespectTo: ['x'] });
    // The inner values of the first keep out of the way of the names of the second.
    const gradient: Model = {
      ...first,
      graph: {
        ...first.graph,
        nodes: [...first.graph.nodes, op('Identity', ['grad_x'], 'g')],
        outputs: [value('g', [3], 'float64')],
      },
    };
    const session = await openRaw(differentiate(gradient, { output: 'g', cotangent: 'c', withRespectTo: ['x'] }));
    const result = await session.run({ x: doubles([3], [1, 2, -3]), c: doubles([3], [1, 1, 1]) });
    await session.release();
    expect(numbersOf(result['grad_x'] ?? x)).toEqual([6, 12, -18]);
  });

  it('gives the same numbers when segments are computed again', async () => {
    const { model, inputs, cotangent } = storedNetwork('unet-legacy');
    const request = { output: 'out', cotangent: 'u', withRespectTo: ['sample', 'encoder_hidden_states'] };
    const feeds = { ...loadAll(inputs), u: load(cotangent) };
    const results = [];
    for (const segments of [1, 4]) {
      const graph = differentiate(model, { ...request, segments });
      const convolutions = graph.graph.nodes.filter(({ operator }) => operator === 'Conv').length;
      const session = await openRaw(graph);
      results.push({ convolutions, ...(await session.run(feeds)) });
      await session.release();
    }
    const [once, again] = results;
    expect(again?.convolutions).toBeGreaterThan(once?.convolutions ?? Infinity);
    for (const name of ['grad_sample', 'grad_encoder_hidden_states'] as const) {
      const [a, b] = [once, again].map((result) => (result as Record<string, RawTensor> | undefined)?.[name]);
      expect(a && b && relativeError(numbersOf(b), numbersOf(a))).toBeLessThan(1e-6);
    }
  });

  it('agrees with the transpose of itself: ⟨u, J·v⟩ = ⟨Jᵀ·u, v⟩, on a whole network', async () => {
    const { model, inputs, cotangent } = storedNetwork('vae-decoder-legacy');
    const [latent] = Object.values(inputs).map(load);
    const u = load(cotangent);
    if (latent === undefined) throw new Error('the record has no input');
    const tangent = { ...latent, data: Float32Array.from(latent.data as Float32Array, (_, index) => Math.sin(index)) };
    const forward = await openRaw(jacobianVectorProduct(model, { output: 'out', withRespectTo: ['latent_sample'] }));
    const backward = await openRaw(
      differentiate(model, { output: 'out', cotangent: 'u', withRespectTo: ['latent_sample'] }),
    );
    const jv = numbersOf(
      (await forward.run({ latent_sample: latent, tangent_latent_sample: tangent }))['jvp_out'] ?? u,
    );
    const ju = numbersOf((await backward.run({ latent_sample: latent, u }))['grad_latent_sample'] ?? u);
    await forward.release();
    await backward.release();
    const dot = (a: readonly number[], b: readonly number[]): number =>
      a.reduce((sum, each, index) => sum + each * (b[index] ?? NaN), 0);
    const left = dot(numbersOf(u), jv);
    expect(Math.abs(left - dot(ju, numbersOf(tangent))) / Math.abs(left)).toBeLessThan(1e-5);
    expect(Math.abs(left)).toBeGreaterThan(1e-3);
  });
});

it(
  'pushes forward along weights of a network whose sizes are only known at run time',
  { timeout: 60_000 },
  async () => {
    const { model, inputs, cotangent, gradients } = storedNetwork('unet-legacy');
    const withRespectTo = Object.keys(gradients).filter((name) => !(name in inputs));
    expect(withRespectTo.length).toBeGreaterThan(2);
    const feeds = loadAll(inputs);
    const tangents = withRespectTo.map((name, at) => {
      const like = load(gradients[name] ?? cotangent);
      return floats(
        like.dims,
        numbersOf(like).map((_, index) => Math.sin(index + at)),
      );
    });
    const weights = withRespectTo.map((name) => {
      const { dims, content } = model.graph.initializers.get(name) ?? {};
      if (dims === undefined || content?.kind !== 'bytes') throw new Error(`the model holds no weight ${name}`);
      return floats(dims, [...new Float32Array(new Uint8Array(content.bytes).buffer)]);
    });
    withRespectTo.forEach((name, at) => {
      feeds[name] = weights[at] ?? x;
      feeds[`tangent_${name}`] = tangents[at] ?? x;
    });
    const session = await openRaw(jacobianVectorProduct(model, { output: 'out', withRespectTo }));
    const jv = numbersOf((await session.run(feeds))['jvp_out'] ?? x);
    await session.release();
    const dot = (a: readonly number[], b: readonly number[]): number =>
      a.reduce((sum, each, index) => sum + each * (b[index] ?? NaN), 0);
    // ⟨u, J·v⟩ against torch's own Jᵀ·u
    const left = dot(numbersOf(load(cotangent)), jv);
    const right = withRespectTo.reduce(
      (sum, name, at) => sum + dot(numbersOf(load(gradients[name] ?? cotangent)), numbersOf(tangents[at] ?? x)),
      0,
    );
    expect(Math.abs(left - right) / Math.abs(right)).toBeLessThan(1e-4);
  },
);

describe('differentiate refuses', () => {
  const strange = modelOf(
    [op('Det', ['x'], 'd'), op('Add', ['d', 'b'], 'L')],
    [value('x', [2, 2]), value('b', []), value('i', [1], 'int64')],
    [value('L', []), value('k', [2], 'int64')],
    { k: ['int64', [2], [1, 2]] },
  );

  it('an operator without a rule on the way, by name, and only there', () => {
    const failure = failureOf(() => differentiate(strange, { output: 'L', withRespectTo: ['x'] }));
    expect(failure.code).toBe('unsupported');
    expect(failure.message).toContain('Det');
    expect(failure.message).toContain('→ d');
    expect(differentiate(strange, { output: 'L', withRespectTo: ['b'] }).graph.outputs).toHaveLength(2);
  });

  it.each([
    ['a name that does not exist', { output: 'L', withRespectTo: ['nobody'] }, 'nobody'],
    ['an integer input', { output: 'L', withRespectTo: ['i'] }, 'int64'],
    ['an integer weight', { output: 'L', withRespectTo: ['k'] }, 'int64'],
    ['the same name twice', { output: 'L', withRespectTo: ['b', 'b'] }, 'twice'],
    ['no name', { output: 'L', withRespectTo: [] }, 'none'],
    ['an output that does not exist', { output: 'M', withRespectTo: ['b'] }, '"M"'],
    ['a cotangent with the name of an input', { output: 'L', cotangent: 'x', withRespectTo: ['b'] }, '"x"'],
  ] as const)('%s', (_, request, word) => {
    const failure = failureOf(() => differentiate(strange, request));
    expect(failure.code).toBe('bad-input');
    expect(failure.message).toContain(word);
  });

  it('an output that is no scalar without a cotangent, telling its dims', () => {
    const failure = failureOf(() => differentiate(small, { output: 'e', withRespectTo: ['x'] }));
    expect(failure).toMatchObject({ code: 'bad-input' });
    expect(failure.message).toContain('[2, 3]');
    expect(failure.message).toContain('cotangent');
  });

  it.each([
    ['a cycle', [op('Add', ['x', 'b'], 'a'), op('Neg', ['a'], 'b'), op('Neg', ['b'], 'L')], 'cycle'],
    ['an input that nobody makes', [op('Neg', ['nothing'], 'L')], 'nothing'],
    ['a value made twice', [op('Neg', ['x'], 'L'), op('Abs', ['x'], 'L')], 'again'],
  ] as const)('%s', (_, nodes, word) => {
    const failure = failureOf(() =>
      differentiate(modelOf(nodes, [value('x', [])], [value('L', [])]), { output: 'L', withRespectTo: ['x'] }),
    );
    expect(failure.code).toBe('model-broken');
    expect(failure.message).toContain(word);
  });

  it('a vendor’s own operators', () => {
    const nodes = [{ ...op('Fancy', ['x'], 'L'), domain: 'vendor.fancy' }];
    const model = { ...modelOf(nodes, [value('x', [])], [value('L', [])]), opsets: { '': 18, 'vendor.fancy': 1 } };
    const failure = failureOf(() => differentiate(model, { output: 'L', withRespectTo: ['x'] }));
    expect(failure.code).toBe('unsupported');
    expect(failure.message).toContain('vendor.fancy');
  });

  it('a loop that gradients would have to go through', () => {
    const body = modelOf(
      [op('Identity', ['c'], 'c2'), op('Mul', ['v', 'v'], 'v2')],
      [value('n', [], 'int64'), value('c', [], 'bool'), value('v', [])],
      [value('c2', [], 'bool'), value('v2', [])],
    );
    const loop = {
      ...op('Loop', ['times', '', 'x'], 'L'),
      attributes: { body: { kind: 'graph', value: body.graph } },
    } as const;
    const model = modelOf([loop], [value('x', [])], [value('L', [])], { times: ['int64', [], [3]] });
    expect(failureOf(() => differentiate(model, { output: 'L', withRespectTo: ['x'] })).message).toContain('Loop');
  });

  it('values that are quantized on the way, and only there', () => {
    const model = modelOf(
      [
        op('QuantizeLinear', ['x', 's', 'z'], 'q'),
        op('DequantizeLinear', ['q', 's', 'z'], 'd'),
        op('Mul', ['d', 'b'], 'm'),
        op('ReduceSum', ['m'], 'L', { keepdims: 0 }),
      ],
      [value('x', [3]), value('b', [3])],
      [value('L', [])],
      { s: ['float32', [], [0.1]], z: ['uint8', [], [128]] },
    );
    const failure = failureOf(() => differentiate(model, { output: 'L', withRespectTo: ['x'] }));
    expect(failure).toMatchObject({ code: 'unsupported' });
    expect(failure.message).toContain('QuantizeLinear');
    expect(failure.message).toContain('quantized');
    expect(differentiate(model, { output: 'L', withRespectTo: ['b'] }).graph.outputs).toHaveLength(2);
  });

  it('a fused operator with an attribute that changes what it does', () => {
    const node = { ...op('Attention', ['x', 'w'], 'L', { num_heads: 1, do_rotary: 1 }), domain: 'com.microsoft' };
    const plain = modelOf([node], [value('x', [1, 2, 2])], [value('L', [1, 2, 2])], {
      w: ['float32', [2, 6], Array<number>(12).fill(0.1)],
    });
    const model = { ...plain, opsets: { '': 18, 'com.microsoft': 1 } };
    const failure = failureOf(() => differentiate(model, { output: 'L', cotangent: 'u', withRespectTo: ['x'] }));
    expect(failure).toMatchObject({ code: 'unsupported' });
    expect(failure.message).toContain('do_rotary');
  });

  it('a product of matrices that do not fit', () => {
    const model = modelOf(
      [op('MatMul', ['x', 'y'], 'm'), op('ReduceSum', ['m'], 'L', { keepdims: 0 })],
      [value('x', [2, 3]), value('y', [4, 5])],
      [value('L', [])],
    );
    const failure = failureOf(() => differentiate(model, { output: 'L', withRespectTo: ['y'] }));
    expect(failure).toMatchObject({ code: 'model-broken' });
    expect(failure.message).toBe('MatMul (→ m): expected matrices that fit each other, got [2, 3] and [4, 5]');
  });

  it('bytes that are no model', () => {
    expect(failureOf(() => decode(bytesOf('bm90IGEgbW9kZWw='))).code).toBe('model-broken');
  });
});

describe('operators off the way stay fused:', () => {
  it('and tell the dims that gradients beside them need', async () => {
    const fused = { ...op('BiasGelu', ['c', 'w'], 'g'), domain: 'com.microsoft' };
    const plain = modelOf(
      [fused, op('Mul', ['x', 'g'], 'm'), op('ReduceSum', ['m'], 'L', { keepdims: 0 })],
      [value('x', ['n', 3]), value('c', ['n', 3])],
      [value('L', [])],
      { w: ['float32', [3], [0.5, -1, 2]] },
    );
    const model = { ...plain, opsets: { '': 18, 'com.microsoft': 1 } };
    const graph = differentiate(model, { output: 'L', withRespectTo: ['x'] });
    expect(graph.graph.nodes.filter(({ operator }) => operator === 'BiasGelu')).toHaveLength(1);
    const session = await openRaw(graph);
    const result = await session.run({ x, c: floats([2, 3], [0, 1, -2, 0, 1, -2]) });
    await session.release();
    // gelu(0.5), gelu(0), gelu(0)
    expect(relativeError(numbersOf(result['grad_x'] ?? x), [0.3457312, 0, 0, 0.3457312, 0, 0])).toBeLessThan(1e-6);
  });
});

describe('operators off the way that have no rule', () => {
  it.each([
    ['Det', [3, 3], [], {}],
    ['LSTM', [2, 1, 3], ['w', 'r'], { hidden_size: 1 }],
    ['GridSample', [1, 1, 4, 4], ['at'], {}],
    ['Compress', [2], ['both'], {}],
  ] as const)('%s: its dims are told by what it reads', async (operator, dims, others, attributes) => {
    const model = modelOf(
      [
        op(operator, ['c', ...others], 'side', attributes),
        op('Mul', ['side', 'x'], 'm'),
        op('ReduceSum', ['m'], 'L', { keepdims: 0 }),
      ],
      [value('c', dims), value('x', [1, 1, 1, 2])],
      [value('L', [])],
      {
        w: ['float32', [1, 4, 3], Array<number>(12).fill(0.1)],
        r: ['float32', [1, 4, 1], Array<number>(4).fill(0.1)],
        at: ['float32', [1, 2, 2, 2], Array<number>(8).fill(0.1)],
        both: ['bool', [2], [1, 1]],
      },
    );
    const session = await openRaw(differentiate(model, { output: 'L', withRespectTo: ['x'] }));
    const count = dims.reduce<number>((a, b) => a * b, 1);
    const feeds = {
      c: floats(
        dims,
        Array.from({ length: count }, (_, index) => (index % 4) + 0.5),
      ),
    };
    const plain = await session.run({ ...feeds, x: floats([1, 1, 1, 2], [1, 2]) });
    const [a = NaN, b = NaN] = numbersOf(plain['grad_x'] ?? x);
    // L is linear in x: its value is the gradient along x.
    expect(relativeError([a + 2 * b], numbersOf(plain['L'] ?? x))).toBeLessThan(1e-6);
    await session.release();
  });
});

describe('branches of decided conditions', () => {
  it('may use the same names for their own values', async () => {
    const branch = (operator: string, name: string) =>
      modelOf([op(operator, [name], 'inner')], [], [value('inner', [3])]).graph;
    const choice = (input: string, output: string) =>
      ({
        ...op('If', ['yes'], output),
        attributes: {
          then_branch: { kind: 'graph', value: branch('Exp', input) },
          else_branch: { kind: 'graph', value: branch('Neg', input) },
        },
      }) as const;
    const model = modelOf(
      [choice('x', 'a'), choice('a', 'b'), op('ReduceSum', ['b'], 'L', { keepdims: 0 })],
      [value('x', [3])],
      [value('L', [])],
      { yes: ['bool', [], [1]] },
    );
    const session = await openRaw(differentiate(model, { output: 'L', withRespectTo: ['x'] }));
    const at = [0.1, -0.4, 0.3];
    const result = await session.run({ x: floats([3], at) });
    await session.release();
    const expected = at.map((each) => Math.exp(Math.exp(each) + each));
    expect(relativeError(numbersOf(result['grad_x'] ?? x), expected)).toBeLessThan(1e-6);
  });
});

describe('a dispute about shapes is settled at run time:', () => {
  it('an extent of 1 that nobody declared is summed over', async () => {
    const model = modelOf(
      [op('Mul', ['a', 'b'], 'm'), op('ReduceSum', ['m'], 'L', { keepdims: 0 })],
      [value('a', ['p', 3]), value('b', ['q', 3])],
      [value('L', [])],
    );
    const session = await openRaw(differentiate(model, { output: 'L', withRespectTo: ['a', 'b'] }));
    const ones = (rows: number) => floats([rows, 3], Array<number>(rows * 3).fill(1));
    for (const [p, q] of [
      [4, 1],
      [1, 4],
      [4, 4],
      [1, 1],
    ] as const) {
      const result = await session.run({ a: ones(p), b: ones(q) });
      expect(result['grad_a']?.dims).toEqual([p, 3]);
      expect(result['grad_b']?.dims).toEqual([q, 3]);
      expect(numbersOf(result['grad_b'] ?? x)[0]).toBe(q === 1 ? p : 1);
    }
    await session.release();
  });
});

it('the gradient of what Pad fills with has its dims, a scalar’s or a list’s', async () => {
  for (const dims of [[], [1]]) {
    const model = modelOf(
      [op('Pad', ['x', 'p', 'v'], 'y'), op('ReduceSum', ['y'], 'L', { keepdims: 0 })],
      [value('x', [2, 3]), value('v', dims)],
      [value('L', [])],
      { p: ['int64', [4], [1, 0, 0, 2]] },
    );
    const session = await openRaw(differentiate(model, { output: 'L', withRespectTo: ['x', 'v'] }));
    const result = await session.run({ x, v: floats(dims, [5]) });
    await session.release();
    expect(result['grad_v']?.dims).toEqual(dims);
    // 15 elements, of which 6 are x.
    expect(numbersOf(result['grad_v'] ?? x)).toEqual([9]);
    expect(numbersOf(result['grad_x'] ?? x)).toEqual([1, 1, 1, 1, 1, 1]);
  }
});

it('LpPool keeps its dilations, and is refused where no average does', async () => {
  const pooled = (opset: number) =>
    modelOf(
      [
        op('LpPool', ['x'], 'y', { kernel_shape: [2, 2], dilations: [2, 2], p: 1 }),
        op('ReduceSum', ['y'], 'L', { keepdims: 0 }),
      ],
      [value('x', [1, 1, 3, 3])],
      [value('L', [])],
      {},
      opset,
    );
  const session = await openRaw(differentiate(pooled(19), { output: 'L', withRespectTo: ['x'] }));
  const result = await session.run({ x: floats([1, 1, 3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9]) });
  await session.release();
  expect(numbersOf(result['L'] ?? x)[0]).toBeCloseTo(1 + 3 + 7 + 9, 4);
  expect(numbersOf(result['grad_x'] ?? x).map((each) => Number(each.toFixed(4)))).toEqual([1, 0, 1, 0, 0, 0, 1, 0, 1]);
  const { message } = failureOf(() => differentiate(pooled(18), { output: 'L', withRespectTo: ['x'] }));
  expect(message).toBe('LpPool (→ y): no gradient through dilations of LpPool before version 19 of ai.onnx, got 18');
});
