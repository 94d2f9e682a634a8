import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { Failure } from '../../main/contract/failures.ts';
import { decode } from '../../main/engine/graph/decode.ts';
import { encode } from '../../main/engine/graph/encode.ts';
import { checkExternalData } from '../../main/engine/graph/external-data.ts';
import type { Graph, Model, TensorConstant } from '../../main/engine/graph/model.ts';
import { readOutline } from '../../main/model-packages/outline.ts';
import { modelOf, op, value } from '../doubles/small-models.ts';

const models = fileURLToPath(new URL('../reference/autodiff/models/', import.meta.url));
const builtIn = fileURLToPath(new URL('../../resources/models/gamut-catalogue-128/', import.meta.url));
const files = [
  ...readdirSync(models)
    .filter((name) => name.endsWith('.onnx'))
    .map((name) => join(models, name)),
  ...['unet', 'text_encoder', 'vae_decoder', 'vae_encoder'].map((part) => join(builtIn, part, 'model.onnx')),
];

const folder = mkdtempSync(join(tmpdir(), 'gamut-outline-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A model whose weights lie beyond the limit (w) and below it (s), once as initializers and once in Constant nodes. */
function smallModel(): Model {
  const numbers = Array.from({ length: 3000 }, (_, i) => i / 7);
  const model = modelOf(
    [op('Add', ['x', 'w'], 'a'), op('Mul', ['a', 's'], 'y')],
    [value('x', [3000])],
    [value('y', [3000])],
    { w: ['float32', [3000], numbers], s: ['float32', [1], [2]] },
  );
  const large = model.graph.initializers.get('w');
  if (large === undefined) throw new Error('the model lost its weight');
  const constant = { ...op('Constant', [], 'c'), attributes: { value: { kind: 'tensor', value: large } as const } };
  return { ...model, graph: { ...model.graph, nodes: [constant, ...model.graph.nodes] } };
}

function constantsOf(graph: Graph): TensorConstant[] {
  const inNodes = graph.nodes.flatMap(({ attributes }) =>
    Object.values(attributes).flatMap((attribute) => {
      if (attribute.kind === 'tensor') return [attribute.value];
      return attribute.kind === 'graph' ? constantsOf(attribute.value) : [];
    }),
  );
  return [...graph.initializers.values(), ...inNodes];
}

/** Type, extents and a digest of the bytes of every constant, those of external ones fetched from `file`. */
function constantsIn(model: Model, file: Uint8Array): string[] {
  return constantsOf(model.graph).map(({ elementType, dims, content }) => {
    if (content.kind === 'strings') return `${elementType} [${dims}] ${content.strings}`;
    const bytes =
      content.kind === 'bytes' ? content.bytes : file.subarray(content.offset, content.offset + content.length);
    return `${elementType} [${dims}] ${createHash('sha256').update(bytes).digest('hex')}`;
  });
}

function outcomeOf(read: () => Model): string {
  try {
    const { graph } = read();
    return `${graph.nodes.length} nodes, ${graph.initializers.size} weights`;
  } catch (error) {
    if (error instanceof Failure) return error.code;
    throw error;
  }
}

describe('an outline', () => {
  it.each(files.map((file) => [file.slice(file.indexOf('models/')), file]))(
    'tells where the weights of %s lie',
    (_, file) => {
      const bytes = readFileSync(file);
      const whole = decode(bytes);
      const outline = decode(readOutline(file));
      const beside = constantsOf(whole.graph).some(({ content }) => content.kind === 'external');
      if (!beside) expect(constantsIn(outline, bytes)).toEqual(constantsIn(whole, bytes));
      expect(outline.graph.nodes.map(({ operator, outputs }) => [operator, outputs])).toEqual(
        whole.graph.nodes.map(({ operator, outputs }) => [operator, outputs]),
      );
      expect([outline.graph.inputs, outline.graph.outputs]).toEqual([whole.graph.inputs, whole.graph.outputs]);
      expect([outline.opsets, outline.metadata, outline.producer]).toEqual([
        whole.opsets,
        whole.metadata,
        whole.producer,
      ]);
    },
  );

  it('leaves the weights of the built-in denoiser in their file', () => {
    const file = join(builtIn, 'unet', 'model.onnx');
    expect(readFileSync(file).length).toBeGreaterThan(20e6);
    expect(readOutline(file).length).toBeLessThan(1e6);
  });

  it('leaves large constants of nodes as well, and reads small ones', () => {
    const file = join(folder, 'small.onnx');
    writeFileSync(file, encode(smallModel()));
    const outline = decode(readOutline(file));
    const kinds = constantsOf(outline.graph).map(({ content }) => content.kind);
    expect(kinds.sort()).toEqual(['bytes', 'external', 'external']);
    const bytes = readFileSync(file);
    expect(constantsIn(outline, bytes)).toEqual(constantsIn(decode(bytes), bytes));
    expect(checkExternalData(outline, () => bytes.length)).toEqual([basename(file)]);
  });

  it('refuses what decode refuses, wherever a file ends or a byte is wrong', () => {
    const bytes = encode(smallModel());
    const file = join(folder, 'broken.onnx');
    const differing: string[] = [];
    const compare = (what: string, broken: Uint8Array): void => {
      writeFileSync(file, broken);
      const [ours, theirs] = [outcomeOf(() => decode(readOutline(file))), outcomeOf(() => decode(broken))];
      if (ours !== theirs) differing.push(`${what}: ${ours}, decode: ${theirs}`);
    };
    for (let length = 0; length < bytes.length; length += 101) compare(`${length} bytes`, bytes.slice(0, length));
    for (let at = 0; at < bytes.length; at += at < 200 ? 1 : 53) {
      const broken = Uint8Array.from(bytes);
      broken[at] = (broken[at] ?? 0) ^ 0xff;
      compare(`byte ${at}`, broken);
    }
    expect(differing).toEqual([]);
  });
});
