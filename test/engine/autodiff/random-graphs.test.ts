import fc from 'fast-check';
import { expect, it } from 'vitest';
import { differentiate } from '../../../main/engine/autodiff/differentiate.ts';
import type { Model, Node } from '../../../main/engine/graph/model.ts';
import { numbersOf, openRaw } from '../../doubles/raw-session.ts';
import { doubles, modelOf, op, value } from '../../doubles/small-models.ts';

/** Steps that keep a [3, 4] matrix a [3, 4] matrix, smooth everywhere, with kernels in double precision. */
const steps: readonly ((x: string, other: string, name: string) => Node[])[] = [
  (x, _, y) => [op('Tanh', [x], y)],
  (x, _, y) => [op('Sigmoid', [x], y)],
  (x, _, y) => [op('Sin', [x], y)],
  (x, other, y) => [op('Mul', [x, other], y)],
  (x, other, y) => [op('Add', [x, other], y)],
  (x, other, y) => [op('Sub', [other, x], y)],
  (x, _, y) => [op('Softmax', [x], y, { axis: 0 })],
  (x, _, y) => [op('LogSoftmax', [x], y, { axis: 1 })],
  (x, _, y) => [op('MatMul', [x, 'square'], y)],
  (x, _, y) => [op('Gemm', [x, 'square', 'row'], y, { transB: 1, alpha: { float: 0.5 } })],
  (x, other, y) => [
    op('Transpose', [other], `${y}t`, { perm: [1, 0] }),
    op('MatMul', [x, `${y}t`], `${y}m`),
    op('MatMul', [`${y}m`, other], y),
  ],
  (x, _, y) => [op('ReduceMean', [x, 'axis1'], `${y}m`), op('Sub', [x, `${y}m`], y)],
  (x, _, y) => [op('ReduceSum', [x, 'axis0'], `${y}s`), op('Mul', [x, `${y}s`], y)],
  (x, other, y) => [op('Concat', [x, other], `${y}c`, { axis: 0 }), op('Slice', [`${y}c`, 'one', 'four', 'axis0'], y)],
  (x, _, y) => [
    op('Split', [x, 'parts'], [`${y}a`, `${y}b`], { axis: 1 }),
    op('Concat', [`${y}b`, `${y}a`], y, { axis: 1 }),
  ],
  (x, _, y) => [op('Gather', [x, 'rows'], y, { axis: 0 })],
  (x, _, y) => [op('Reshape', [x, 'flat'], `${y}f`), op('Reshape', [`${y}f`, 'matrix'], y)],
  (x, other, y) => [op('Exp', [other], `${y}e`), op('Add', [`${y}e`, 'ones'], `${y}p`), op('Div', [x, `${y}p`], y)],
  (x, _, y) => [op('Einsum', [x, 'square'], y, { equation: 'ij,jk->ik' })],
  (x, _, y) => [op('Mul', [x, x], `${y}q`), op('Add', [`${y}q`, 'ones'], `${y}p`), op('Sqrt', [`${y}p`], y)],
];

const square = Array.from({ length: 16 }, (_, index) => Math.cos(index * 2.3) * 0.6);

function compose(choices: readonly (readonly [number, number])[]): Model {
  const made = ['x'];
  const nodes = choices.flatMap(([which, from], index) => {
    const x = made.at(-1) ?? 'x';
    const other = made[from % made.length] ?? 'x';
    made.push(`v${index}`);
    return steps[which % steps.length]?.(x, other, `v${index}`) ?? [];
  });
  return modelOf(
    [
      ...nodes,
      op('Mul', [made.at(-1) ?? 'x', 'weights'], 'weighted'),
      op('ReduceSum', ['weighted'], 'L', { keepdims: 0 }),
    ],
    [value('x', [3, 4], 'float64')],
    [value('L', [], 'float64')],
    {
      square: ['float64', [4, 4], square],
      row: ['float64', [4], [0.1, -0.2, 0.3, 0.4]],
      ones: ['float64', [1], [1]],
      weights: ['float64', [3, 4], square.slice(0, 12).map((each) => each + 0.3)],
      axis0: ['int64', [1], [0]],
      axis1: ['int64', [1], [1]],
      one: ['int64', [1], [1]],
      four: ['int64', [1], [4]],
      parts: ['int64', [2], [1, 3]],
      rows: ['int64', [3], [2, 0, 2]],
      flat: ['int64', [1], [-1]],
      matrix: ['int64', [2], [3, 4]],
    },
  );
}

it(
  'a random composition has the gradient that central differences find, in double precision',
  { timeout: 120_000 },
  async () => {
    const choice = fc.tuple(fc.nat(steps.length - 1), fc.nat(20));
    const numbers = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 12, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(fc.array(choice, { minLength: 1, maxLength: 7 }), numbers, async (choices, at) => {
        const session = await openRaw(differentiate(compose(choices), { output: 'L', withRespectTo: ['x'] }));
        const run = async (x: readonly number[]) => await session.run({ x: doubles([3, 4], x) });
        const { L, grad_x: gradient } = await run(at);
        if (L === undefined || gradient === undefined) throw new Error('an output is missing');
        const analytic = numbersOf(gradient);
        const scale = Math.max(1, ...analytic.map(Math.abs), Math.abs(numbersOf(L)[0] ?? 0));
        const h = 1e-5;
        for (let index = 0; index < at.length; index += 1) {
          const moved = (by: number) => at.map((each, other) => (other === index ? each + by : each));
          const [up, down] = [await run(moved(h)), await run(moved(-h))].map(({ L: loss }) =>
            loss ? (numbersOf(loss)[0] ?? NaN) : NaN,
          );
          const difference = ((up ?? NaN) - (down ?? NaN)) / (2 * h);
          expect(Math.abs(difference - (analytic[index] ?? NaN)) / scale).toBeLessThan(1e-5);
        }
        await session.release();
      }),
      { numRuns: 25, seed: 20261123 },
    );
  },
);
