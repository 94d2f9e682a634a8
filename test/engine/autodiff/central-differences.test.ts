import { describe, expect, it } from 'vitest';
import { decompositionTables } from '../../../main/engine/autodiff/decompositions/index.ts';
import { differentiate } from '../../../main/engine/autodiff/differentiate.ts';
import { rules } from '../../../main/engine/autodiff/rules/index.ts';
import { constantOf, numbersOf as numbersOfConstant } from '../../../main/engine/graph/constants.ts';
import { decode } from '../../../main/engine/graph/decode.ts';
import type { Attribute, Model, TensorConstant } from '../../../main/engine/graph/model.ts';
import { bytesOf, loadAll, numbersOf, openRaw, relativeError, type RawTensor } from '../../doubles/raw-session.ts';
import { fusedCases, type FusedCase } from './fused-cases.ts';
import { storedCases, type StoredCase } from './stored-cases.ts';

/** A model, its inputs, and the names to differentiate by. */
interface Case {
  readonly name: string;
  readonly model: Model;
  readonly forward: Model;
  readonly inputs: Readonly<Record<string, RawTensor>>;
  readonly withRespectTo: readonly string[];
}

const operatorKey = (domain: string, operator: string): string => (domain === '' ? operator : `${domain}.${operator}`);

const stored = [...storedCases('operators.json'), ...storedCases('exports.json')];
/** The first case of each operator whose inputs are plain floats. */
const cases = new Map<string, Case>();
for (const each of [...stored.map(fromStored), ...fusedCases.map(fromFused)])
  for (const { domain, operator } of each.model.graph.nodes) {
    const key = operatorKey(domain, operator);
    const isPlain = each.withRespectTo.every((name) => each.inputs[name]?.type === 'float32');
    if (!cases.has(key) && isPlain && each.withRespectTo.length > 0) cases.set(key, each);
  }

function fromStored({ name, model, inputs, gradients }: StoredCase): Case {
  const decoded = decode(bytesOf(model));
  return { name, model: decoded, forward: decoded, inputs: loadAll(inputs), withRespectTo: Object.keys(gradients) };
}

function fromFused({ name, model, definition, inputs }: FusedCase): Case {
  const withRespectTo = Object.keys(inputs).filter((key) => inputs[key]?.type === 'float32');
  return { name, model, forward: definition ?? model, inputs, withRespectTo };
}

/** The same model in double precision; what Resize is told of scales stays single. */
function inDouble(model: Model): Model {
  const scales = new Set(
    model.graph.nodes.filter(({ operator }) => operator === 'Resize').flatMap(({ inputs }) => inputs.slice(1)),
  );
  const wide = (constant: TensorConstant): TensorConstant =>
    constant.elementType === 'float32'
      ? constantOf('float64', constant.dims, numbersOfConstant(constant) ?? [])
      : constant;
  const declared = <T extends { readonly elementType: string }>(type: T): T =>
    type.elementType === 'float32' ? { ...type, elementType: 'float64' } : type;
  const attribute = ([name, each]: [string, Attribute], isCast: boolean): [string, Attribute] => {
    if (each.kind === 'tensor') return [name, { kind: 'tensor', value: wide(each.value) }];
    return isCast && each.kind === 'int' && name === 'to' && each.value === 1
      ? [name, { kind: 'int', value: 11 }]
      : [name, each];
  };
  const { graph } = model;
  return {
    ...model,
    graph: {
      ...graph,
      inputs: graph.inputs.map(declared),
      outputs: graph.outputs.map(declared),
      declarations: new Map(),
      initializers: new Map(
        [...graph.initializers].map(([name, each]) => [name, scales.has(name) ? each : wide(each)]),
      ),
      nodes: graph.nodes.map((node) => {
        const keeps = node.outputs.some((name) => scales.has(name));
        const entries = Object.entries(node.attributes).map((each) =>
          keeps ? each : attribute(each, node.operator === 'Cast'),
        );
        return { ...node, attributes: Object.fromEntries(entries) };
      }),
    },
  };
}

const doubles = (tensor: RawTensor): RawTensor =>
  tensor.type === 'float32'
    ? { ...tensor, type: 'float64', data: Float64Array.from(tensor.data as Float32Array) }
    : tensor;

/** A direction for a gradient of so many elements. */
const direction = (size: number, seed: number): Float64Array =>
  Float64Array.from({ length: size }, (_, index) => Math.sin(1.9 * index + seed) + 0.3);

/** Runs the forward model in double precision, or in single where the operator has no kernel of doubles. */
async function openForward(model: Model) {
  // These compute in single precision whatever their type.
  const isSingle = model.graph.nodes.some(({ operator }) => operator === 'GroupNormalization' || operator === 'Shrink');
  if (isSingle) return { session: await openRaw(model), isDouble: false };
  try {
    return { session: await openRaw(inDouble(model)), isDouble: true };
  } catch {
    return { session: await openRaw(model), isDouble: false };
  }
}

/**
 * The largest difference between ⟨∇, v⟩ and the central difference along v, over ‖∇‖·‖v‖, one input at a time.
 *
 * @param spoil scales the gradient, to see that the comparison notices
 */
async function largestDifference(
  each: Case,
  spoil = 1,
): Promise<{ readonly error: number; readonly isDouble: boolean }> {
  const output = each.model.graph.outputs[0]?.name ?? '';
  const forwardOutput = each.forward.graph.outputs[0]?.name ?? '';
  const { session, isDouble } = await openForward(each.forward);
  const own = (tensor: RawTensor): RawTensor => (isDouble ? doubles(tensor) : tensor);
  const feeds = Object.fromEntries(Object.entries(each.inputs).map(([name, tensor]) => [name, own(tensor)]));
  const run = async (changed: Readonly<Record<string, RawTensor>> = {}): Promise<readonly number[]> => {
    const y = (await session.run({ ...feeds, ...changed }))[forwardOutput];
    return y === undefined ? [] : numbersOf(y);
  };
  const y = await run();
  const dy = direction(y.length, 0.4);

  const graph = differentiate(each.model, { output, cotangent: 'dy', withRespectTo: each.withRespectTo });
  const dims = (await session.run(feeds))[forwardOutput]?.dims ?? [];
  const backward = await openRaw(graph);
  const wanted = new Set(graph.graph.inputs.map(({ name }) => name));
  const inputs = Object.fromEntries(Object.entries(each.inputs).filter(([name]) => wanted.has(name)));
  const results = await backward.run({ ...inputs, dy: { type: 'float32', dims, data: Float32Array.from(dy) } });
  await backward.release();
  const forward = results[output];
  expect(forward && relativeError(numbersOf(forward), y), 'what the graph says of the output').toBeLessThan(1e-5);

  const h = isDouble ? 1e-6 : 2e-3;
  let error = 0;
  for (const [seed, name] of each.withRespectTo.entries()) {
    const x = feeds[name];
    const gradient = results[`grad_${name}`];
    if (x === undefined || gradient === undefined) throw new Error(`${each.name}: no gradient of ${name}`);
    const v = direction(x.data.length, seed + 2);
    const moved = (by: number): RawTensor => {
      const data = Float64Array.from(x.data as Float64Array, (value, index) => value + by * (v[index] ?? 0));
      return { ...x, data: isDouble ? data : Float32Array.from(data) };
    };
    const [up, down] = [await run({ [name]: moved(h) }), await run({ [name]: moved(-h) })];
    const difference = up.reduce(
      (sum, value, index) => sum + ((value - (down[index] ?? NaN)) * (dy[index] ?? 0)) / (2 * h),
      0,
    );
    const g = numbersOf(gradient).map((value) => value * spoil);
    const along = g.reduce((sum, value, index) => sum + value * (v[index] ?? 0), 0);
    const scale = Math.hypot(...g) * Math.hypot(...v);
    error = Math.max(error, Math.abs(along - difference) / (scale === 0 ? 1 : scale));
  }
  await session.release();
  return { error, isDouble };
}

/** Operators that this ONNX Runtime has no kernel of doubles for: their differences are taken in single precision. */
const singleOnly: ReadonlySet<string> = new Set([
  'Mean',
  'Tan',
  'Sinh',
  'Cosh',
  'Asin',
  'Acos',
  'Atan',
  'Asinh',
  'Acosh',
  'Atanh',
  'Erf',
  'Hardmax',
  'Shrink',
  'Swish',
  'GridSample',
  'Celu',
  'Gelu',
  'Conv',
  'ConvTranspose',
  'AveragePool',
  'GlobalAveragePool',
  'GlobalMaxPool',
  'InstanceNormalization',
  'GroupNormalization',
  'Resize',
  'RotaryEmbedding',
  'LpPool',
  'GlobalLpPool',
  'Col2Im',
  'MeanVarianceNormalization',
  'com.microsoft.Gelu',
  'com.microsoft.BiasGelu',
  'com.microsoft.QuickGelu',
  'com.microsoft.BiasSplitGelu',
  'com.microsoft.EmbedLayerNormalization',
  'com.microsoft.SkipLayerNormalization',
  'com.microsoft.SkipSimplifiedLayerNormalization',
  'com.microsoft.GroupNorm',
  'com.microsoft.SkipGroupNorm',
  'com.microsoft.TransposeMatMul',
  'com.microsoft.FusedConv',
  'com.microsoft.FusedGemm',
  'com.microsoft.NhwcConv',
  'com.microsoft.MultiHeadAttention',
  'com.microsoft.Attention',
  'com.microsoft.RotaryEmbedding',
]);

const registered = [
  ...Object.keys(rules).map((operator) => operatorKey('', operator)),
  ...Object.entries(decompositionTables).flatMap(([domain, table]) =>
    Object.keys(table).map((each) => operatorKey(domain, each)),
  ),
];

describe('central differences of', () => {
  it('every operator that has a rule: none is without a case', () => {
    expect(registered.filter((key) => !cases.has(key))).toEqual([]);
    expect(registered.length).toBeGreaterThan(120);
  });

  it.each(registered)('%s', async (key) => {
    const each = cases.get(key);
    if (each === undefined) throw new Error('no case');
    const { error, isDouble } = await largestDifference(each);
    if (process.env['GAMUT_VERBOSE'] !== undefined) console.log(key, isDouble, error);
    expect(isDouble, 'has a kernel of doubles').toBe(!singleOnly.has(key));
    expect(error).toBeLessThan(isDouble ? 1e-5 : 2e-3);
  });

  it.each(fusedCases.map((each) => [each.name, each] as const))('the fused operator: %s', async (_, each) => {
    const { error, isDouble } = await largestDifference(fromFused(each));
    expect(error).toBeLessThan(isDouble ? 1e-5 : 2e-3);
  });

  it('a gradient that is wrong by one in a thousand are told from it', async () => {
    for (const key of ['Exp', 'MatMul', 'Softmax', 'ReduceMean']) {
      const each = cases.get(key);
      if (each === undefined) throw new Error('no case');
      expect((await largestDifference(each, 1.001)).error, key).toBeGreaterThan(1e-5);
    }
  });
});
