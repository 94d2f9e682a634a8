import { readFileSync } from 'node:fs';
import { differentiate } from '../../main/engine/autodiff/differentiate.ts';
import { decode } from '../../main/engine/graph/decode.ts';
import { encode } from '../../main/engine/graph/encode.ts';
import { loadOnnxRuntime } from '../../main/engine/runtime/onnxruntime.ts';
import { load, numbersOf, relativeError, type RawTensor, type StoredTensor } from '../doubles/raw-session.ts';

/**
 * The gradient graph of a small U-Net on WebGPU against the CPU: one JSON line per gradient, its relative difference.
 * Not part of `npm run bench`: it needs a Vulkan driver. Without a graphics card Chromium's software driver serves:
 * `VK_ICD_FILENAMES=/usr/lib/chromium/vk_swiftshader_icd.json node test/benchmarks/gradients-webgpu.ts`
 */
const folder = new URL('../reference/autodiff/models/', import.meta.url);
const name = process.argv[2] ?? 'unet-static-legacy';
const record = JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8')) as {
  readonly output: string;
  readonly inputs: Readonly<Record<string, StoredTensor>>;
  readonly cotangent: StoredTensor;
};
const model = decode(readFileSync(new URL(`${name}.onnx`, folder)));
const withRespectTo = Object.keys(record.inputs).filter((input) => record.inputs[input]?.type === 'float32');
const graph = encode(differentiate(model, { output: record.output, cotangent: 'cotangent', withRespectTo }));

const { InferenceSession, Tensor } = await loadOnnxRuntime();
const feeds = Object.fromEntries(
  Object.entries({ ...record.inputs, cotangent: record.cotangent }).map(([input, stored]) => {
    const { type, dims, data } = load(stored);
    return [input, new Tensor(type as 'float32', data as Float32Array, dims)];
  }),
);

async function run(provider: 'cpu' | 'webgpu'): Promise<Record<string, readonly number[]>> {
  const session = await InferenceSession.create(graph, { executionProviders: [provider], logSeverityLevel: 3 });
  const wanted = new Set(session.inputNames);
  const results = await session.run(Object.fromEntries(Object.entries(feeds).filter(([input]) => wanted.has(input))));
  await session.release();
  return Object.fromEntries(
    Object.entries(results).map(([output, { type, dims, data }]) => [
      output,
      numbersOf({ type, dims, data } as RawTensor),
    ]),
  );
}

const [cpu, webgpu] = [await run('cpu'), await run('webgpu')];
for (const [output, numbers] of Object.entries(cpu))
  console.log(
    JSON.stringify({
      benchmark: 'gradients-webgpu',
      model: name,
      output,
      relativeDifference: relativeError(webgpu[output] ?? [], numbers),
    }),
  );
