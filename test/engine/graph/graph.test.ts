import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Failure } from '../../../main/contract/failures.ts';
import { constantOf, numbersOf } from '../../../main/engine/graph/constants.ts';
import { decode } from '../../../main/engine/graph/decode.ts';
import {
  addOutput,
  initializerToInput,
  insertNodes,
  pruneUnused,
  renameValues,
} from '../../../main/engine/graph/edit.ts';
import { encode } from '../../../main/engine/graph/encode.ts';
import { checkExternalData } from '../../../main/engine/graph/external-data.ts';
import { fromHalf, toHalf } from '../../../main/engine/graph/half.ts';
import type { Model } from '../../../main/engine/graph/model.ts';
import { sortTopologically, verify } from '../../../main/engine/graph/verify.ts';
import { widenWeights } from '../../../main/engine/graph/widen.ts';
import { floats, modelOf, op, value } from '../../doubles/small-models.ts';
import { bytesOf, openRaw } from '../../doubles/raw-session.ts';

const models = new URL('../../reference/autodiff/models/', import.meta.url);
const small = modelOf(
  [op('Add', ['x', 'w'], 's'), op('Neg', ['s'], 'y')],
  [value('x', ['n', 2])],
  [value('y', ['n', 2])],
  {
    w: ['float32', [2], [1, 2]],
  },
);

/** A model with one weight in an external file. */
function withExternal(location: string, offset: number, length: number): Model {
  const weight = {
    elementType: 'float32',
    dims: [2],
    content: { kind: 'external', location, offset, length },
  } as const;
  return { ...small, graph: { ...small.graph, initializers: new Map([['w', weight]]) } };
}

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof Failure) return error.code;
    throw error;
  }
  return 'none';
}

describe('decode and encode', () => {
  it.each(['unet-dynamo', 'unet-legacy'])('keep everything of %s', (name) => {
    const model = decode(readFileSync(new URL(`${name}.onnx`, models)));
    verify(model);
    const bytes = encode(model);
    const again = decode(bytes);
    expect(Buffer.compare(bytes, encode(again))).toBe(0);
    expect(again.graph.nodes.map(({ operator }) => operator)).toEqual(
      model.graph.nodes.map(({ operator }) => operator),
    );
    expect(model.graph.nodes.length).toBeGreaterThan(20);
  });

  it('keep numbers, external references and attributes of every kind', () => {
    const nodes = [op('Fake', ['x'], 'y', { i: -3, is: [1, 2 ** 63], s: 'text', f: { float: 0.5 } })];
    const model = {
      ...withExternal('weights/w.bin', 16, 8),
      graph: { ...withExternal('weights/w.bin', 16, 8).graph, nodes },
    };
    expect(decode(encode(model))).toEqual(model);
  });

  it('say of which node an attribute is that cannot be read', () => {
    const far = modelOf([op('Softmax', ['x'], 'y', { axis: 2 ** 60 })], [value('x', [2])], [value('y', [2])]);
    expect(() => decode(encode(far))).toThrow('Softmax (→ y): attribute "axis": expected a whole number below 2^53');
  });

  it('refuse what is no model, too large or inconsistent', () => {
    expect(codeOf(() => decode(Uint8Array.of(1, 2, 3)))).toBe('model-broken');
    expect(codeOf(() => decode(new Uint8Array()))).toBe('model-broken');
    const bytes = encode(small);
    expect(codeOf(() => decode(bytes.subarray(0, bytes.length - 7)))).toBe('model-broken');
    expect(codeOf(() => decode(bytes, { bytes: 10, nodes: 100, rank: 8 }))).toBe('model-broken');
    expect(codeOf(() => decode(bytes, { bytes: 1e6, nodes: 1, rank: 8 }))).toBe('model-broken');
    const wrong = new Map([['w', { ...constantOf('float32', [2], [1, 2]), dims: [3] }]]);
    expect(codeOf(() => decode(encode({ ...small, graph: { ...small.graph, initializers: wrong } })))).toBe(
      'model-broken',
    );
  });

  it('inline local functions, their attributes filled in', async () => {
    const model = decode(bytesOf(withFunction));
    expect(model.graph.nodes.map(({ operator }) => operator)).toEqual(['Constant', 'Mul', 'Mul', 'Relu']);
    const session = await openRaw(model);
    const { y } = await session.run({ x: floats([1, 3], [1, 1, -1]) });
    await session.release();
    expect([...(y?.data ?? [])]).toEqual([2, 4, 0]);
  });
});

/** f<alpha>(a, b) = a·b·alpha, called with alpha 2 on x [N, 3] and w = (1, 2, 3), then Relu; written with onnx.parser. */
const withFunction =
  'CAg6gQEKJAoBeAoBdxIBdCIBZioPCgVhbHBoYRUAAABAoAEBOgVsb2NhbAoOCgF0EgF5IgRSZWx1OgASBmFncmFwaCoVCAMQASIMAACAPwAAAEAAAEBAQgF3WhQKAXgSDwoNCAESCQoDEgFOCgIIA2IUCgF5Eg8KDQgBEgkKAxIBTgoCCANCBAoAEBJCCQoFbG9jYWwQAcoBbwoBZiIBYSIBYioBYzIFYWxwaGE6KRIBayIIQ29uc3RhbnQqGAoLdmFsdWVfZmxvYXSgAQGqAQVhbHBoYToAOhAKAWEKAWISAWQiA011bDoAOhAKAWQKAWsSAWMiA011bDoASgQKABASUgVsb2NhbA==';

describe('external data', () => {
  const size = (location: string): number | undefined => (location === 'w.bin' ? 64 : undefined);
  it('is checked before anything is loaded', () => {
    expect(checkExternalData(withExternal('w.bin', 56, 8), size)).toEqual(['w.bin']);
    expect(codeOf(() => checkExternalData(withExternal('w.bin', 60, 8), size))).toBe('model-broken');
    expect(codeOf(() => checkExternalData(withExternal('other.bin', 0, 8), size))).toBe('not-found');
  });

  it.each(['../w.bin', '/etc/passwd', 'a/../../w.bin', 'C:\\w.bin', '\\\\host\\w.bin', ''])(
    'may not leave the folder: %j',
    (location) => {
      expect(codeOf(() => checkExternalData(withExternal(location, 0, 8), () => 64))).toBe('model-broken');
    },
  );
});

describe('a graph', () => {
  it('is sorted where it can be', () => {
    const [add, neg] = small.graph.nodes;
    if (add === undefined || neg === undefined) throw new Error('the model has two nodes');
    const shuffled = { ...small, graph: { ...small.graph, nodes: [neg, add] } };
    expect(codeOf(() => verify(shuffled))).toBe('model-broken');
    expect(sortTopologically(shuffled.graph).nodes).toEqual([add, neg]);
  });

  it('needs operators of a version that is known', () => {
    expect(codeOf(() => verify({ ...small, opsets: { '': 99 } }))).toBe('unsupported');
    expect(codeOf(() => verify({ ...small, opsets: {} }))).toBe('unsupported');
  });

  it('takes edits and stays well formed', () => {
    const tapped = addOutput(small.graph, value('s', ['n', 2]));
    const trained = initializerToInput(tapped, 'w');
    expect(trained.inputs.map(({ name }) => name)).toEqual(['x', 'w']);
    expect(trained.initializers.size).toBe(0);
    const longer = insertNodes(trained, 1, [op('Abs', ['s'], 'idle')]);
    verify({ ...small, graph: longer });
    expect(pruneUnused(longer).nodes).toHaveLength(2);
    const renamed = renameValues(longer, new Map([['s', 'sum']]));
    verify({ ...small, graph: renamed });
    expect(renamed.nodes[0]?.outputs).toEqual(['sum']);
    expect(renamed.outputs.map(({ name }) => name)).toEqual(['y', 'sum']);
  });

  it('widens weights that are stored in half precision', () => {
    const halves = modelOf(
      [op('Cast', ['h'], 'w', { to: 1 }), op('Add', ['x', 'w'], 'y')],
      [value('x', [2])],
      [value('y', [2])],
      {
        h: ['float16', [2], [0.5, -3]],
      },
    );
    const graph = widenWeights(halves.graph);
    expect(graph.nodes.map(({ operator }) => operator)).toEqual(['Add']);
    expect([...graph.initializers.keys()]).toEqual(['w']);
    const weight = graph.initializers.get('w');
    expect(weight && numbersOf(weight)).toEqual([0.5, -3]);
  });
});

it('every half-precision number survives the way through a double', () => {
  const lost: number[] = [];
  for (let bits = 0; bits < 0x10000; bits += 1) {
    const number = fromHalf(bits);
    if (!Number.isNaN(number) && toHalf(number) !== bits) lost.push(bits);
  }
  expect(lost).toEqual([]);
});
