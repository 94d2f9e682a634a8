import { describe, expect, it } from 'vitest';
import { differentiate } from '../../../main/engine/autodiff/differentiate.ts';
import { numbersOf, openRaw, relativeError, type RawTensor } from '../../doubles/raw-session.ts';
import { floats, modelOf, op, value } from '../../doubles/small-models.ts';

const waves = (dims: readonly number[], seed: number): RawTensor => {
  const size = dims.reduce((product, extent) => product * extent, 1);
  return floats(
    dims,
    Array.from({ length: size }, (_, index) => Math.sin(1.7 * index + seed) + 0.4 * seed),
  );
};

describe('x·σ(x) as one function', () => {
  const model = modelOf([op('Sigmoid', ['x'], 's'), op('Mul', ['s', 'x'], 'y')], [value('x', [5])], [value('y', [5])]);
  const graph = differentiate(model, { output: 'y', cotangent: 'dy', withRespectTo: ['x'] });

  it('takes four operators', () => {
    expect(graph.graph.nodes.map(({ operator }) => operator)).toEqual(
      'Sigmoid Mul Sub Mul Add Mul Identity'.split(' '),
    );
  });

  it('is right, far out too', async () => {
    const x = [-90, -2, 0, 3, 90];
    const session = await openRaw(graph);
    const result = await session.run({ x: floats([5], x), dy: floats([5], [1, 1, 1, 1, 1]) });
    await session.release();
    const slopes = x.map((each) => {
      const s = 1 / (1 + Math.exp(-each));
      return s + each * s * (1 - s);
    });
    expect(relativeError(numbersOf(result['grad_x'] ?? floats([0], [])), slopes)).toBeLessThan(1e-6);
  });
});

describe('a normalization over groups with scales and shifts by channel', () => {
  const names = ['x', 'w', 'b', 'm', 't'] as const;
  /** GroupNorm as torch.onnx writes it, then a modulation and a shift by one number. */
  const chain = (plainScale: boolean) =>
    modelOf(
      [
        op('Reshape', ['x', 'rows'], 'r'),
        op('InstanceNormalization', ['r', 'ones', 'zeros'], 'n', { epsilon: { float: 1e-5 } }),
        op('Reshape', ['n', 'shape'], 'c'),
        op('Mul', ['c', 'w'], 'cw'),
        op('Add', ['b', 'cw'], 'u'),
        op('Mul', ['u', 'm'], 'um'),
        op('Add', ['um', 't'], 'ut'),
        op('Add', ['ut', 'one'], 'y'),
      ],
      [
        value('x', [2, 6, 3, 4]),
        value('w', [6, 1, 1]),
        value('b', [6, 1, 1]),
        value('m', [2, 6, 1, 1]),
        value('t', [2, 6, 1, 1]),
        ...(plainScale ? [] : [value('ones', [3])]),
      ],
      [value('y', [2, 6, 3, 4])],
      {
        rows: ['int64', [3], [0, 3, -1]],
        shape: ['int64', [4], [2, 6, 3, 4]],
        one: ['float32', [], [1]],
        zeros: ['float32', [3], [0, 0, 0]],
        ...(plainScale ? { ones: ['float32', [3], [1, 1, 1]] as const } : {}),
      },
    );
  const inputs = {
    x: waves([2, 6, 3, 4], 1),
    w: waves([6, 1, 1], 2),
    b: waves([6, 1, 1], 3),
    m: waves([2, 6, 1, 1], 4),
    t: waves([2, 6, 1, 1], 5),
    dy: waves([2, 6, 3, 4], 6),
  };

  it('has the gradients that its parts have one by one', async () => {
    const results: Record<string, RawTensor>[] = [];
    const sizes: number[] = [];
    for (const plainScale of [true, false]) {
      const graph = differentiate(chain(plainScale), { output: 'y', cotangent: 'dy', withRespectTo: names });
      sizes.push(graph.graph.nodes.filter(({ operator }) => operator === 'Mul').length);
      const session = await openRaw(graph);
      results.push(await session.run(plainScale ? inputs : { ...inputs, ones: floats([3], [1, 1, 1]) }));
      await session.release();
    }
    for (const name of names) {
      const [whole, parts] = results.map((result) => result[`grad_${name}`]);
      expect(whole?.dims, name).toEqual(inputs[name].dims);
      expect(whole && parts && relativeError(numbersOf(whole), numbersOf(parts)), name).toBeLessThan(3e-6);
    }
    expect(sizes[0]).not.toBe(sizes[1]);
  });
});

it('adapters alone: frozen weights stay constants, nothing upstream of the first adapter is differentiated', () => {
  const square = (name: string) => ['float32', [2, 2], [1, 2, 3, name.length]] as const;
  const model = modelOf(
    [
      op('MatMul', ['x', 'first'], 'h'),
      op('Tanh', ['h'], 'a'),
      op('MatMul', ['a', 'second'], 'base'),
      op('MatMul', ['a', 'down'], 'd'),
      op('MatMul', ['d', 'up'], 'u'),
      op('Add', ['base', 'u'], 's'),
      op('MatMul', ['s', 'third'], 'y'),
      op('ReduceSum', ['y'], 'L', { keepdims: 0 }),
    ],
    [value('x', [3, 2])],
    [value('L', [])],
    {
      first: square('first'),
      second: square('second'),
      third: square('third'),
      down: ['float32', [2, 1], [1, 2]],
      up: ['float32', [1, 2], [1, 2]],
    },
  );
  const { graph } = differentiate(model, { output: 'L', withRespectTo: ['down', 'up'] });
  const uses = (name: string): number => graph.nodes.filter(({ inputs }) => inputs.includes(name)).length;
  expect(graph.inputs.map(({ name }) => name)).toEqual(['x', 'down', 'up']);
  expect(['first', 'second', 'third'].filter((name) => graph.initializers.has(name))).toHaveLength(3);
  expect({ first: uses('first'), second: uses('second'), third: uses('third') }).toEqual({
    first: 1,
    second: 1,
    third: 2,
  });
});
