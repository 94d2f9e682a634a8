import { statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Failure, toFailure } from '../contract/failures.ts';
import { decode } from '../engine/graph/decode.ts';
import { checkExternalData } from '../engine/graph/external-data.ts';
import type { Model } from '../engine/graph/model.ts';
import { readOutline } from './outline.ts';
import { shown } from './read-json.ts';

/** An ONNX file of a package, decoded without its weights and checked, with the bytes it and its external data take. */
export interface CheckedWeights {
  readonly path: string;
  readonly model: Model;
  /** The ONNX file itself and every external data file. */
  readonly files: readonly string[];
  readonly bytes: number;
}

/** Operator domains that ONNX Runtime brings along; others need libraries that a package must not ask for. */
const knownDomains = new Set(['', 'ai.onnx.ml', 'com.microsoft', 'com.microsoft.nchwc', 'com.ms.internal.nhwc']);

/**
 * Reads one part of a package and checks it before ONNX Runtime sees it, so that an unfinished download, a location that
 * leaves the folder or an operator nobody knows is told in plain words.
 *
 * @throws Failure `model-broken` or `unsupported`, naming the file relative to the package
 */
export function checkWeights(folder: string, part: string): CheckedWeights {
  const path = join(folder, part, 'model.onnx');
  const name = shown(folder, path);
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isFile() !== true)
    throw new Failure('model-broken', `model package ${folder}: expected the weight file ${name}, found none`, name);
  if (stat.size >= 2 ** 31)
    throw new Failure('model-broken', `${name}: ONNX files are below 2 GiB, this one has ${stat.size} bytes`, name);
  try {
    const model = decode(readOutline(path));
    const sizeOf = (location: string): number | undefined =>
      statSync(join(dirname(path), location), { throwIfNoEntry: false })?.size;
    const locations = checkExternalData(model, sizeOf)
      .filter((location) => location !== basename(path))
      .map((location) => join(dirname(path), location));
    const stranger = Object.keys(model.opsets).find((domain) => !knownDomains.has(domain));
    if (stranger !== undefined && model.graph.nodes.some(({ domain }) => domain === stranger))
      throw new Failure('unsupported', `it needs operators of the domain "${stranger}", which are not known here`);
    const bytes = [path, ...locations].reduce((sum, file) => sum + statSync(file).size, 0);
    return { path, model, files: [path, ...locations], bytes };
  } catch (error) {
    const failure = toFailure(error);
    const code = failure.code === 'not-found' ? 'model-broken' : failure.code;
    throw new Failure(code, `${name}: ${failure.message}`, name, { cause: error });
  }
}

/** Declared dim of an input, or undefined where the input, its rank or the dim is not known. */
export function inputDim({ model }: CheckedWeights, input: string, axis: number): number | undefined {
  const dim = model.graph.inputs.find(({ name }) => name === input)?.dims?.[axis];
  return typeof dim === 'number' ? dim : undefined;
}

/** Refuses a part that lacks an expected input, or needs one that nobody would feed. */
export function checkInputs(folder: string, weights: CheckedWeights, expected: readonly string[]): void {
  const name = shown(folder, weights.path);
  const names = weights.model.graph.inputs
    .map((input) => input.name)
    // Old exporters list initializers among the inputs.
    .filter((input) => !weights.model.graph.initializers.has(input));
  const missing = expected.find((input) => !names.includes(input));
  if (missing !== undefined)
    throw new Failure('unsupported', `${name}: expected an input "${missing}", found ${names.join(', ')}`, name);
  const surplus = names.find((input) => !expected.includes(input));
  if (surplus !== undefined)
    throw new Failure('unsupported', `${name}: needs an input "${surplus}", which is not supported yet`, name);
  const brain = weights.model.graph.inputs.find(({ elementType }) => elementType === 'bfloat16');
  if (brain !== undefined)
    throw new Failure(
      'unsupported',
      `${name}: input "${brain.name}" is bfloat16, which ONNX Runtime cannot be fed; export it as float16 or float32`,
      name,
    );
}

/** Type that most of the weights have, counted in values. */
export function precisionOf({ model }: CheckedWeights): string {
  const counts = new Map<string, number>();
  for (const { elementType, dims } of model.graph.initializers.values()) {
    if (elementType.startsWith('float') || elementType === 'bfloat16' || elementType.endsWith('int8'))
      counts.set(elementType, (counts.get(elementType) ?? 0) + dims.reduce((size, dim) => size * dim, 1));
  }
  const [most] = [...counts].sort((a, b) => b[1] - a[1]);
  return most?.[0] ?? 'float32';
}
