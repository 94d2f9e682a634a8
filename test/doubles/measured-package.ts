import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Features } from '../../main/engine/features/features.ts';
import { constantOf } from '../../main/engine/graph/constants.ts';
import { encode } from '../../main/engine/graph/encode.ts';
import type { Node } from '../../main/engine/graph/model.ts';
import { philoxStream } from '../../main/engine/tensor/philox.ts';
import { npyBytes } from '../../main/studio/npy.ts';
import { copiedPackage } from './packages.ts';

const colours = ['red', 'green', 'blue', 'white'] as const;
const colourVectors = [
  [1, -1, -1],
  [-1, 1, -1],
  [-1, -1, 1],
  [1, 1, 1],
];

/**
 * The `flow` package with a feature encoder and references: features are the means of a picture's four quarters in three
 * channels [12], embeddings the mean colour [3]. The references are pictures of no colour, spread as the model spreads
 * them in 8 steps without guidance (0.0152 a latent value, measured over 48); half count as red, half as blue.
 */
export function measuredPackage(referenceCount = 200): { readonly path: string; readonly parent: string } & Disposable {
  const folder = copiedPackage('flow');
  const path = folder.path;
  mkdirSync(join(path, 'feature_encoder'));
  mkdirSync(join(path, 'reference'));
  writeFileSync(join(path, 'feature_encoder/image.onnx'), imageEncoder());
  writeFileSync(join(path, 'feature_encoder/text.onnx'), textEncoder(vocabularyOf(path)));
  writeJson(join(path, 'feature_encoder/preprocessor_config.json'), {
    do_resize: true,
    size: { height: 64, width: 64 },
    resample: 3,
    rescale_factor: 1 / 255,
    image_mean: [0.5, 0.5, 0.5],
    image_std: [0.5, 0.5, 0.5],
  });
  writeJson(join(path, 'gamut.json'), {
    id: 'measured',
    featureEncoder: {
      image: 'feature_encoder/image.onnx',
      text: 'feature_encoder/text.onnx',
      embeds: { imageOutput: 'image_embeds', textOutput: 'text_embeds' },
      features: { output: 'features' },
      attributes: { color: { output: 'logits_color', values: colours } },
    },
  });
  const references = referenceFeatures(referenceCount);
  writeFileSync(join(path, 'reference/features.f16.npy'), npyBytes(references));
  const codes = Float32Array.from({ length: referenceCount }, (_, i) => (i < referenceCount / 2 ? 0 : 2));
  writeFileSync(join(path, 'reference/attributes.npy'), npyBytes({ count: referenceCount, width: 1, values: codes }));
  return { path, parent: join(path, '..'), [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

/** [count, 12] as the encoder sees pictures of no colour. */
export function referenceFeatures(count: number): Features {
  const values = philoxStream(99, 0, 'start').normal(new Float32Array(count * 12));
  return { count, width: 12, values: values.map((value) => (value * 0.0152) / 4) };
}

function vocabularyOf(path: string): Record<string, number> {
  const file = JSON.parse(readFileSync(join(path, 'tokenizer/tokenizer.json'), 'utf8')) as {
    model: { vocab: Record<string, number> };
  };
  return file.model.vocab;
}

function writeJson(path: string, content: unknown): void {
  writeFileSync(path, JSON.stringify(content));
}

const node = (operator: string, inputs: string[], output: string, attributes: Node['attributes'] = {}): Node => ({
  name: output,
  operator,
  domain: '',
  inputs,
  outputs: [output],
  attributes,
});

const header = { irVersion: 9, opsets: { '': 17 }, producer: 'test', metadata: {} };

function imageEncoder(): Uint8Array {
  const sides = { kind: 'ints', value: [32, 32] } as const;
  const float = (name: string, width: number) => ({ name, elementType: 'float32' as const, dims: ['batch', width] });
  return encode({
    ...header,
    graph: {
      name: 'image encoder',
      inputs: [{ name: 'pixel_values', elementType: 'float32', dims: ['batch', 3, 64, 64] }],
      outputs: [float('image_embeds', 3), float('features', 12), float('logits_color', 4)],
      initializers: new Map([['axes', constantOf('float32', [3, 4], transposed(colourVectors))]]),
      declarations: new Map(),
      nodes: [
        node('AveragePool', ['pixel_values'], 'quarters', { kernel_shape: sides, strides: sides }),
        node('Flatten', ['quarters'], 'features'),
        node('GlobalAveragePool', ['pixel_values'], 'mean'),
        node('Flatten', ['mean'], 'image_embeds'),
        node('MatMul', ['image_embeds', 'axes'], 'logits_color'),
      ],
    },
  });
}

function transposed(rows: readonly (readonly number[])[]): number[] {
  return [0, 1, 2].flatMap((column) => rows.map((row) => row[column] ?? 0));
}

function textEncoder(vocabulary: Readonly<Record<string, number>>): Uint8Array {
  const size = Math.max(...Object.values(vocabulary)) + 1;
  const table = new Array<number>(size * 3).fill(0);
  colours.forEach((word, i) =>
    colourVectors[i]?.forEach((value, at) => (table[(vocabulary[word] ?? 0) * 3 + at] = value)),
  );
  return encode({
    ...header,
    graph: {
      name: 'text encoder',
      inputs: [{ name: 'input_ids', elementType: 'int64', dims: ['batch', 'length'] }],
      outputs: [{ name: 'text_embeds', elementType: 'float32', dims: ['batch', 3] }],
      initializers: new Map([['table', constantOf('float32', [size, 3], table)]]),
      declarations: new Map(),
      nodes: [
        node('Gather', ['table', 'input_ids'], 'words'),
        node('ReduceMean', ['words'], 'text_embeds', {
          axes: { kind: 'ints', value: [1] },
          keepdims: { kind: 'int', value: 0 },
        }),
      ],
    },
  });
}
