import { existsSync, globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../../main/contract/failures.ts';
import { decode } from '../../../main/engine/graph/decode.ts';
import type { ElementType } from '../../../main/engine/graph/element-type.ts';
import type { DeclaredDim, Model, Node } from '../../../main/engine/graph/model.ts';
import { sortTopologically, verify } from '../../../main/engine/graph/verify.ts';
import { modelOf, op, value } from '../../doubles/small-models.ts';

/** What `verify` says of a model, or null. */
function verdict(model: Model): string | null {
  try {
    verify({ ...model, graph: sortTopologically(model.graph) });
  } catch (error) {
    if (error instanceof Failure && error.code === 'model-broken') return error.message;
    throw error;
  }
  return null;
}

type Inputs = Readonly<Record<string, readonly [ElementType, readonly DeclaredDim[] | undefined]>>;
type Constants = NonNullable<Parameters<typeof modelOf>[3]>;

/** A model of one node; its outputs are not the model's, so that nothing is declared of them. */
function alone(node: Node, inputs: Inputs, constants: Constants = {}, opset = 21): Model {
  const values = Object.entries(inputs).map(([name, [type, dims]]) => value(name, dims, type));
  const model = modelOf([node], values, [], constants, opset);
  return node.domain === '' ? model : { ...model, opsets: { ...model.opsets, [node.domain]: 1 } };
}

const x = { x: ['float32', [2, 3]] } as const;
const pair = (a: readonly DeclaredDim[], b: readonly DeclaredDim[]): Inputs => ({
  a: ['float32', a],
  b: ['float32', b],
});
const images = { x: ['float32', [1, 4, 8, 8]] } as const;
const list = (...numbers: number[]): Constants => ({ i: ['int64', [numbers.length], numbers] });

describe('verify refuses, with node, expected and given:', () => {
  it.each<[string, Model, string]>([
    [
      'an input too few',
      alone({ ...op('Gemm', ['x'], 'y'), name: 'fc' }, x),
      'Gemm "fc" (→ y): expected the input "B" (2 to 3 inputs), got 1 without it',
    ],
    [
      'a required input left empty',
      alone(op('Conv', ['x', '', 'b'], 'y'), { ...images, b: ['float32', [4]] }),
      'Conv (→ y): expected the input "W" (2 to 3 inputs), got 3 without it',
    ],
    ['no input of many', alone(op('Concat', [], 'y', { axis: 0 }), {}), 'expected at least 1 input, got 0'],
    ['an input too many', alone(op('Relu', ['x', 'x'], 'y'), x), 'Relu (→ y): expected 1 input, got 2'],
    ['an output too many', alone(op('Relu', ['x'], ['y', 'z']), x), 'Relu (→ y, z): expected 1 output, got 2'],
    [
      'a required attribute left out',
      alone(op('Concat', ['x', 'x'], 'y'), x),
      'Concat (→ y): expected the attribute "axis" (int), got none',
    ],
    [
      'a required attribute of a fused operator left out',
      alone({ ...op('Attention', ['x', 'x'], 'y'), domain: 'com.microsoft' }, { x: ['float32', [1, 2, 6]] }),
      'com.microsoft.Attention (→ y): expected the attribute "num_heads" (int), got none',
    ],
    [
      'an attribute of another kind',
      alone(op('Softmax', ['x'], 'y', { axis: { float: 1 } }), x),
      'Softmax (→ y): expected the attribute "axis" as int, got float',
    ],
    [
      'an attribute that the operator has not',
      alone(op('Softmax', ['x'], 'y', { dim: 1 }), x),
      'Softmax (→ y): expected attributes among axis, got "dim"',
    ],
    [
      'an attribute that only another version has',
      alone(op('ReduceMean', ['x'], 'y', { axes: [1] }), x),
      'ReduceMean (→ y): expected attributes among keepdims, noop_with_empty_axes, got "axes"',
    ],
    [
      'an element type that the operator does not take',
      alone(op('Conv', ['x', 'w'], 'y'), { x: ['int64', [1, 4, 8, 8]], w: ['int64', [4, 4, 3, 3]] }),
      'Conv (→ y): expected float16, float32, float64 for the input "X", got int64 ("x")',
    ],
    ...['Add', 'Pow', 'MatMul', 'Gemm', 'Concat', 'Where', 'Max', 'Less'].map((operator): [string, Model, string] => {
      const inputs = operator === 'Where' ? ['c', 'a', 'b'] : ['a', 'b'];
      const given = operator === 'Concat' ? { axis: 0 } : {};
      const model = alone(op(operator, inputs, 'y', given), {
        c: ['bool', [2, 2]],
        a: ['float32', [2, 2]],
        b: operator === 'Pow' ? ['bool', [2, 2]] : ['float64', [2, 2]],
      });
      const expected =
        operator === 'Pow'
          ? 'for the input "Y", got bool ("b")'
          : 'of one element type, got float32 ("a") and float64 ("b")';
      return [`element types that differ in ${operator}`, model, expected];
    }),
    [
      'an output of another element type than declared',
      modelOf([op('Shape', ['x'], 'y')], [value('x', [2])], [value('y', [1])]),
      'graph output "y": expected float32 as declared, got int64',
    ],
    ['extents that do not broadcast', alone(op('Add', ['a', 'b'], 'y'), pair([2, 3], [2, 4])), '[2, 3] and [2, 4]'],
    [
      'extents that do not broadcast behind a name',
      alone(op('Mul', ['a', 'b'], 'y'), pair(['n', 3], [5])),
      'Mul (→ y): expected dims that broadcast, got [n, 3] and [5]',
    ],
    ['an Expand against broadcasting', alone(op('Expand', ['x', 'i'], 'y'), x, list(4, 3)), '[2, 3] and [4, 3]'],
    [
      'matrices that do not fit',
      alone(op('MatMul', ['a', 'b'], 'y'), pair([7, 2, 3], [4, 5])),
      'expected matrices that fit each other, got [7, 2, 3] and [4, 5]',
    ],
    [
      'matrices that do not fit once turned',
      alone(op('Gemm', ['a', 'b'], 'y', { transB: 1 }), pair([2, 3], [3, 5])),
      'got [2, 3] and [3, 5] transposed',
    ],
    [
      'a bias that Gemm cannot add',
      alone(op('Gemm', ['a', 'a', 'b'], 'y'), pair([3, 3], [5])),
      'Gemm (→ y): expected dims that broadcast, got [3, 3] and [5]',
    ],
    [
      'a bias that Gemm would have to repeat its product for',
      alone(op('Gemm', ['a', 'a', 'b'], 'y'), pair([1, 1], [2, 1])),
      'expected a bias that broadcasts to [1, 1], got [2, 1]',
    ],
    [
      'channels that a convolution does not take',
      alone(op('Conv', ['x', 'w'], 'y', { group: 2 }), { ...images, w: ['float32', [4, 4, 3, 3]] }),
      'expected a weight that fits the input [1, 4, 8, 8] in 2 groups, got [4, 4, 3, 3]',
    ],
    [
      'strides of other axes',
      alone(op('MaxPool', ['x'], 'y', { kernel_shape: [2, 2], strides: [2] }), images),
      'expected 2 numbers in "strides" for 2 axes, got [2]',
    ],
    ...[
      op('Softmax', ['x'], 'y', { axis: 2 }),
      op('LogSoftmax', ['x'], 'y', { axis: -3 }),
      op('Concat', ['x', 'x'], 'y', { axis: 2 }),
      op('Split', ['x'], ['y', 'z'], { axis: 2, num_outputs: 2 }),
      op('Gather', ['x', 'i'], 'y', { axis: 2 }),
      op('GatherElements', ['x', 'i'], 'y', { axis: 2 }),
      op('ScatterElements', ['x', 'i', 'x'], 'y', { axis: -3 }),
      op('ReduceSum', ['x', 'i'], 'y'),
      op('ArgMax', ['x'], 'y', { axis: 2 }),
      op('Squeeze', ['x', 'i'], 'y'),
      op('LayerNormalization', ['x', 'x'], 'y', { axis: 2 }),
      op('CumSum', ['x', 's'], 'y'),
      op('TopK', ['x', 'i'], ['y', 'z'], { axis: 2 }),
    ].map((node): [string, Model, string] => [
      `an axis that ${node.operator} does not have`,
      alone(node, x, { ...list(2), s: ['int64', [], [2]] }),
      'expected the axis from -2 to 1, got',
    ]),
    [
      'an axis beyond those that Unsqueeze makes',
      alone(op('Unsqueeze', ['x', 'i'], 'y'), x, list(3)),
      'from -3 to 2, got 3',
    ],
    [
      'an axis of Unsqueeze twice',
      alone(op('Unsqueeze', ['x', 'i'], 'y'), x, list(0, -4)),
      'every axis once, got [0, -4]',
    ],
    ['an axis behind the one that Flatten may have', alone(op('Flatten', ['x'], 'y', { axis: 3 }), x), 'got 3'],
    [
      'a Squeeze of more than one element',
      alone(op('Squeeze', ['x', 'i'], 'y'), x, list(1)),
      'an extent of 1 at axis 1',
    ],
    ...[[0, 0], [0], [0, 2], [1, 0, 2]].map((perm): [string, Model, string] => [
      `the order [${perm.join(', ')}], which is no permutation of two axes`,
      alone(op('Transpose', ['x'], 'y', { perm }), x),
      `expected a permutation of the 2 axes of [2, 3], got [${perm.join(', ')}]`,
    ]),
    [
      'a Reshape of too many elements',
      alone(op('Reshape', ['x', 'i'], 'y'), x, list(2, 4)),
      'the 6 elements of [2, 3], got [2, 4]',
    ],
    ['a Reshape that -1 cannot complete', alone(op('Reshape', ['x', 'i'], 'y'), x, list(-1, 4)), 'got [-1, 4]'],
    ['a Reshape with two parts open', alone(op('Reshape', ['x', 'i'], 'y'), x, list(-1, -1)), 'at most one -1'],
    [
      'extents that differ beside the axis of Concat',
      alone(op('Concat', ['a', 'b'], 'y', { axis: 0 }), pair([2, 3], [2, 4])),
      'Concat (→ y): expected dims equal beside axis 0, got [2, 3] and [2, 4]',
    ],
    [
      'parts that are not the whole',
      alone(op('Split', ['x', 'i'], ['y', 'z'], { axis: 1 }), x, list(1, 1)),
      'expected 2 sizes that sum to 3, got [1, 1]',
    ],
    ['a Split that says nothing of its parts', alone(op('Split', ['x'], ['y', 'z'], { axis: 1 }), x), 'got neither'],
    ['a Constant without a value', alone(op('Constant', [], 'y'), {}), 'one attribute that holds the value, got none'],
    ['a Resize to nothing', alone(op('Resize', ['x'], 'y'), x), 'Resize (→ y): expected scales or sizes, got neither'],
    [
      'a Resize to sizes of other axes',
      alone(op('Resize', ['x', '', '', 'i'], 'y'), x, list(4)),
      'expected 2 sizes, got 1',
    ],
    [
      'a step of nothing',
      alone(op('Slice', ['x', 'i', 'j', 'k', 'k'], 'y'), x, {
        ...list(0),
        j: ['int64', [1], [1]],
        k: ['int64', [1], [0]],
      }),
      'steps other than 0',
    ],
    [
      'an index beyond the axis',
      alone(op('Gather', ['x', 'i'], 'y', { axis: 1 }), x, list(3)),
      'from -3 to 2 for axis 1, got 3',
    ],
    [
      'a window wider than the padded image',
      alone(op('MaxPool', ['x'], 'y', { kernel_shape: [5], pads: [0, 1] }), { x: ['float32', [1, 1, 3]] }),
      'MaxPool (→ y): expected a window that fits 4 places along axis 2, got one of 5',
    ],
    [
      'a malformed node in a branch',
      alone(
        {
          ...op('If', ['c'], 'y'),
          attributes: {
            then_branch: { kind: 'graph', value: modelOf([op('Relu', [], 't')], [], [value('t', [2])]).graph },
            else_branch: { kind: 'graph', value: modelOf([op('Relu', ['x'], 'e')], [], [value('e', [2])]).graph },
          },
        },
        { ...x, c: ['bool', []] },
      ),
      'Relu (→ t): expected the input "X" (1 input), got 0 without it',
    ],
  ])('%s', (_, model, expected) => {
    const message = verdict(model);
    expect(message).toContain(expected);
    expect(message?.split('\n')).toHaveLength(1);
  });
});

describe('verify lets pass', () => {
  it.each<[string, Model]>([
    ['an optional input left empty', alone(op('Clip', ['x', '', 'h'], 'y'), x, { h: ['float32', [], [1]] })],
    ['empty names at the end', alone(op('Clip', ['x', '', ''], 'y'), x)],
    [
      'an optional output left empty',
      alone(op('LayerNormalization', ['x', 'w'], ['y', '', 's']), { ...x, w: ['float32', [3]] }),
    ],
    ['any number of inputs of many', alone(op('Sum', ['x', 'x', 'x', 'x'], 'y'), x)],
    ['a base and an exponent of different types', alone(op('Pow', ['x', 'i'], 'y'), x, list(2, 2, 2))],
    ['names that may be equal', alone(op('Add', ['a', 'b'], 'y'), pair(['n', 3], ['m', 1]))],
    ['a name against a number', alone(op('MatMul', ['a', 'b'], 'y'), pair(['n', 'k'], [4, 5]))],
    ['a rank that nobody declared', alone(op('Softmax', ['x'], 'y', { axis: 5 }), { x: ['float32', undefined] })],
    ['a Flatten behind the last axis', alone(op('Flatten', ['x'], 'y', { axis: 2 }), x)],
    ['a Reshape with copied extents', alone(op('Reshape', ['x', 'i'], 'y'), x, list(0, -1, 1))],
    ['a scalar along its one axis', alone(op('Softmax', ['x'], 'y', { axis: -1 }), { x: ['float32', []] })],
    [
      'scales that are an empty list where there are sizes',
      alone(op('Resize', ['x', '', 's', 'i'], 'y'), x, { ...list(4, 4), s: ['float32', [0], []] }),
    ],
    ['a reduction in its older form', alone(op('ReduceMean', ['x'], 'y', { axes: [1] }), x, {}, 17)],
    ['operators of before shapes are read', alone(op('Softmax', ['x'], 'y', { axis: 2 }), x, {}, 11)],
    [
      'a fused operator with an attribute of a newer runtime',
      alone({ ...op('Gelu', ['x'], 'y', { newer: 1 }), domain: 'com.microsoft' }, x),
    ],
    [
      'what ONNX Runtime has beside the definitions',
      alone(op('SimplifiedLayerNormalization', ['x', 'w'], 'y'), { ...x, w: ['float32', [3]] }),
    ],
    [
      'dims of inner values that an exporter declared wrongly',
      (() => {
        const model = modelOf(
          [op('Relu', ['x'], 'r'), op('Add', ['r', 'x'], 'y')],
          [value('x', [2, 3])],
          [value('y', [9, 9])],
        );
        const declarations = new Map([['r', { elementType: 'float32', dims: [7, 5] } as const]]);
        return { ...model, graph: { ...model.graph, declarations } };
      })(),
    ],
  ])('%s', (_, model) => {
    expect(verdict(model)).toBeNull();
  });

  const root = fileURLToPath(new URL('../../../', import.meta.url));
  const files = globSync(['test/reference/**/*.onnx', 'test/doubles/**/*.onnx', 'resources/**/*.onnx'], { cwd: root });
  it.each(files)('%s', (file) => {
    expect(existsSync(root + file)).toBe(true);
    expect(verdict(decode(readFileSync(root + file)))).toBeNull();
  });
});

describe('of random shapes', () => {
  const extent = fc.constantFrom(1, 2, 3);
  const dims = fc.array(extent, { maxLength: 4 });

  it('verify takes just those that numpy broadcasts', () => {
    fc.assert(
      fc.property(dims, dims, (a, b) => {
        const fits = a.every((left, axis) => {
          const right = b[axis - a.length + b.length] ?? 1;
          return left === right || left === 1 || right === 1;
        });
        expect(verdict(alone(op('Add', ['a', 'b'], 'y'), pair(a, b))) === null).toBe(fits);
      }),
    );
  });

  it('verify takes just the permutations', () => {
    const perm = fc.array(fc.integer({ min: -1, max: 3 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(perm, fc.integer({ min: 1, max: 4 }), (order, rank) => {
        const fits = order.length === rank && order.toSorted().every((axis, index) => axis === index);
        const model = alone(op('Transpose', ['x'], 'y', { perm: order }), { x: ['float32', Array(rank).fill(2)] });
        expect(verdict(model) === null).toBe(fits);
      }),
    );
  });

  it('verify takes just the axes that there are', () => {
    const operators = fc.constantFrom('Softmax', 'ArgMax', 'LayerNormalization');
    fc.assert(
      fc.property(operators, fc.integer({ min: -6, max: 6 }), fc.integer({ min: 1, max: 4 }), (name, axis, rank) => {
        const inputs = name === 'LayerNormalization' ? ['x', 'x'] : ['x'];
        const model = alone(op(name, inputs, 'y', { axis }), { x: ['float32', Array(rank).fill(2)] });
        expect(verdict(model) === null).toBe(axis >= -rank && axis < rank);
      }),
    );
  });
});
