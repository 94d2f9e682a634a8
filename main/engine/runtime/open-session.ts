import { basename, dirname, join } from 'node:path';
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import type { InferenceSession, Tensor as OnnxTensor } from 'onnxruntime-node';
import { Failure } from '../../contract/failures.ts';
import type { ProviderReport } from '../../contract/images.ts';
import { fromHalves } from '../graph/half.ts';
import { tensor } from '../tensor/tensor.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { convertFeed, describe } from './feeds.ts';
import { chunkOf, fixedBatchOf, joinChunks } from './fixed-batch.ts';
import { loadOnnxRuntime } from './onnxruntime.ts';
import { chosenProvider, providerCandidates } from './providers.ts';
import type { ProviderCandidate } from './providers.ts';
import type { Declaration, Feed, MadeSource, ModelSession, ModelSource } from './session.ts';
import type { RuntimeSettings } from './settings.ts';

type Outputs = Readonly<Record<string, Tensor<Float32Array>>>;

/**
 * Loads a model on the first provider that takes it. What was tried, chosen and why it fell back is in the session's
 * `provider`. An explicit choice is tried alone: it is never replaced in silence.
 *
 * @param total an account that every call is added to, besides the session's own
 * @throws Failure `model-broken` when no provider can load the model, `unsupported` when the chosen one cannot
 */
export async function openSession(
  given: ModelSource,
  settings: RuntimeSettings,
  provider: string | null = null,
  total: { calls: number; seconds: number } = { calls: 0, seconds: 0 },
): Promise<ModelSession & { release(): Promise<void> }> {
  const source = given.kind === 'derived' ? given.make() : given;
  const name = nameOf(given);
  const choice = chosenProvider(provider);
  const all = await providerCandidates();
  const candidates: readonly ProviderCandidate[] =
    choice === null ? all : [all.find((one) => one.provider === choice) ?? { provider: choice, unavailable: null }];
  const tried: ProviderReport['tried'] = [];
  for (const candidate of candidates) {
    if (candidate.unavailable !== null && choice === null) {
      tried.push({ provider: candidate.provider, outcome: 'failed', reason: candidate.unavailable });
      continue;
    }
    try {
      const session = await create(source, candidate.provider, settings);
      tried.push({ provider: candidate.provider, outcome: 'chosen', reason: null });
      return wrap(name, session, { tried, chosen: candidate.provider }, total);
    } catch (error) {
      const reason = candidate.unavailable ?? firstLine(error);
      tried.push({ provider: candidate.provider, outcome: 'failed', reason });
    }
  }
  const last = tried.at(-1);
  if (choice !== null && choice !== 'cpu')
    throw new Failure('unsupported', `${name}: provider ${choice} was asked for and cannot be used: ${last?.reason}`);
  throw new Failure('model-broken', `${name}: cannot be loaded: ${last?.reason}`, name);
}

/** "unet/model.onnx": enough to find the file, not the whole path. */
function nameOf(source: ModelSource): string {
  if (source.kind === 'bytes') return source.name;
  const file = join(basename(dirname(source.path)), basename(source.path));
  return source.kind === 'file' ? file : `${file} (${source.name})`;
}

async function create(source: MadeSource, provider: string, settings: RuntimeSettings): Promise<InferenceSession> {
  const { InferenceSession } = await loadOnnxRuntime();
  const options: InferenceSession.SessionOptions = {
    executionProviders: [provider],
    intraOpNumThreads: settings.threads,
    executionMode: settings.executionMode,
    enableCpuMemArena: settings.arena,
    enableMemPattern: settings.memoryPattern,
    graphOptimizationLevel: settings.graphOptimization,
    // Its warnings go to the error output; what matters comes back as an exception.
    logSeverityLevel: 4,
    extra: {
      session: {
        intra_op: { allow_spinning: settings.spinning ? '1' : '0' },
        // A sharp softmax leaves numbers below 1e-38, on which a product of matrices is three times slower (measured).
        set_denormal_as_zero: '1',
      },
    },
  };
  if (source.kind === 'file') return InferenceSession.create(source.path, options);
  const externalData = source.externalData?.map(({ path, data }) => ({ path, data }));
  return InferenceSession.create(source.bytes, externalData === undefined ? options : { ...options, externalData });
}

function wrap(
  name: string,
  session: InferenceSession,
  provider: ProviderReport,
  total: { calls: number; seconds: number },
): ModelSession & { release(): Promise<void> } {
  const inputs = session.inputMetadata.map(declaration);
  const outputs = session.outputMetadata.map(declaration);
  const fixedBatch = fixedBatchOf(inputs);
  const cost = { calls: 0, seconds: 0 };

  async function call(
    feeds: Readonly<Record<string, Feed>>,
    batch: number,
    wanted: readonly string[],
  ): Promise<Outputs> {
    const { Tensor } = await loadOnnxRuntime();
    const given: Record<string, OnnxTensor> = {};
    for (const declared of inputs) {
      const feed = feeds[declared.name];
      if (feed === undefined)
        throw new Failure(
          'bad-input',
          `${name}: input "${declared.name}" (${describe(declared.type, declared.dims)}) is missing; given: ${Object.keys(feeds).join(', ') || 'nothing'}`,
          declared.name,
        );
      const { type, data, dims } = convertFeed(name, declared, feed, batch);
      // The type string and the storage were paired by `convertFeed`.
      given[declared.name] = new Tensor(type as 'float32', data as Float32Array, dims);
    }
    const started = performance.now();
    try {
      return collect(name, await session.run(given, wanted));
    } catch (error) {
      if (error instanceof Failure) throw error;
      throw new Failure('model-broken', `${name}: the model failed while running: ${firstLine(error)}`, name);
    } finally {
      const seconds = (performance.now() - started) / 1000;
      for (const account of [cost, total]) {
        account.calls += 1;
        account.seconds += seconds;
      }
    }
  }

  return {
    name,
    inputs,
    outputs,
    provider,
    cost,
    async run(feeds, wanted = session.outputNames, signal) {
      const unknown = Object.keys(feeds).find((key) => !session.inputNames.includes(key));
      if (unknown !== undefined)
        throw new Failure(
          'bad-input',
          `${name}: expected inputs ${session.inputNames.join(', ')}, got "${unknown}"`,
          unknown,
        );
      const batch = batchOf(inputs, feeds);
      const size = fixedBatch === null || fixedBatch === batch ? batch : fixedBatch;
      const chunks: Outputs[] = [];
      for (let from = 0; from < batch; from += size) {
        // A model call blocks this thread; only here can a stop be heard.
        await turnOfTheLoop();
        signal?.throwIfAborted();
        const part = size === batch ? feeds : chunkOf(feeds, inputs, batch, from, size);
        chunks.push(await call(part, size, wanted));
      }
      return chunks.length === 1 && size === batch ? (chunks[0] ?? {}) : joinChunks(chunks, batch);
    },
    release: () => session.release(),
  };
}

function declaration(metadata: InferenceSession.ValueMetadata): Declaration {
  return metadata.isTensor
    ? { name: metadata.name, type: metadata.type, dims: metadata.shape }
    : { name: metadata.name, type: 'not a tensor', dims: [] };
}

/** Rows of the call: the first dim of the first input that has a batch axis. */
function batchOf(inputs: readonly Declaration[], feeds: Readonly<Record<string, Feed>>): number {
  for (const { name, dims } of inputs) {
    const given = feeds[name];
    if (dims.length >= 2 && given !== undefined && given.dims.length === dims.length) return given.dims[0] ?? 1;
  }
  return 1;
}

function collect(name: string, results: InferenceSession.ReturnType): Outputs {
  const outputs: Record<string, Tensor<Float32Array>> = {};
  for (const [key, value] of Object.entries(results)) {
    if (!('data' in value) || !ArrayBuffer.isView(value.data))
      throw new Failure('unsupported', `${name}: output "${key}" is not a tensor of numbers`);
    outputs[key] = tensor(toFloat32(value.type, value.data), value.dims);
  }
  return outputs;
}

function toFloat32(type: string, data: ArrayBufferView): Float32Array {
  if (data instanceof Float32Array) return data;
  if (type === 'float16')
    return fromHalves(new Uint16Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength / 2));
  return Float32Array.from(data as unknown as ArrayLike<number>, Number);
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n')[0] ?? text;
}
