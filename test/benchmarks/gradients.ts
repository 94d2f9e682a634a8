import { existsSync, readFileSync } from 'node:fs';
import { differentiate } from '../../main/engine/autodiff/differentiate.ts';
import { operatorsOn } from '../../main/engine/graph/operators.ts';
import { GraphBuilder } from '../../main/engine/graph/builder.ts';
import { numbersOf as numbersOfConstant } from '../../main/engine/graph/constants.ts';
import { decode } from '../../main/engine/graph/decode.ts';
import { sizeOf } from '../../main/engine/tensor/tensor.ts';
import type { Model } from '../../main/engine/graph/model.ts';
import { widenWeights } from '../../main/engine/graph/widen.ts';
import { openRaw, type RawTensor } from '../doubles/raw-session.ts';

/**
 * What gradients of the built-in U-Net cost: by the input against a forward pass, a full training step, and a step that
 * trains the attention projections alone. Set beside `training/benchmark_gradients.py`, which does the same in PyTorch.
 * Rounds take turns, so that a busy machine slows all alike; the median and the least are printed.
 */
const file = new URL('../../resources/models/gamut-catalogue-128/unet/model.onnx', import.meta.url);
const rounds = Number(process.env['GAMUT_ROUNDS'] ?? 7);

if (!existsSync(file)) {
  console.log(JSON.stringify({ benchmark: 'gradients', skipped: 'no built-in model' }));
} else {
  for (const batch of [1, 8]) await measure(withFixedDims(decode(readFileSync(file)), batch), batch);
}

/** The model at one size, its weights as float32: what a training run works on. */
function withFixedDims(model: Model, batch: number): Model {
  const sizes: Record<string, readonly number[]> = {
    sample: [batch, 8, 16, 16],
    timestep: [batch],
    encoder_hidden_states: [batch, 16, 192],
  };
  const graph = widenWeights(model.graph);
  const inputs = graph.inputs.map((input) => ({ ...input, dims: sizes[input.name] ?? input.dims }));
  const outputs = graph.outputs.map((output) => ({ ...output, dims: sizes['sample'] }));
  return { ...model, graph: { ...graph, inputs, outputs, declarations: new Map() } };
}

/** Mean square of the output: a loss with the cost of a training loss. */
function withLoss(model: Model): Model {
  const builder = new GraphBuilder(model.graph, model.opsets[''] ?? 0);
  for (const node of model.graph.nodes) builder.append(node);
  const make = operatorsOn(builder);
  const [output] = model.graph.outputs;
  const loss = make.reduceMean(make.square(output?.name ?? ''), [0, 1, 2, 3], false);
  return { ...model, graph: builder.build('loss', [{ name: loss, elementType: 'float32', dims: [] }]) };
}

async function measure(model: Model, batch: number): Promise<void> {
  const output = model.graph.outputs[0]?.name ?? '';
  const loss = withLoss(model);
  const lossName = loss.graph.outputs[0]?.name ?? '';
  const weights = [...model.graph.initializers].filter(
    ([, { elementType, dims, content }]) => elementType === 'float32' && content.kind === 'bytes' && sizeOf(dims) > 32,
  );
  const names = weights.map(([name]) => name);
  const attention = attentionWeights(model, new Set(names));
  const graphs: Record<string, Model> = {
    forward: model,
    input: differentiate(model, { output, cotangent: 'cotangent', withRespectTo: ['sample'] }),
    full: differentiate(loss, { output: lossName, withRespectTo: names }),
    attention: differentiate(loss, { output: lossName, withRespectTo: attention }),
  };
  const feeds: Record<string, RawTensor> = {};
  for (const { name, dims } of [...model.graph.inputs, { name: 'cotangent', dims: [batch, 8, 16, 16] }])
    feeds[name] = filled((dims ?? []).map(Number));
  for (const [name, constant] of weights)
    feeds[name] = { type: 'float32', dims: constant.dims, data: Float32Array.from(numbersOfConstant(constant) ?? []) };

  const times: Record<string, number[]> = {};
  const sessions = await Promise.all(
    Object.entries(graphs).map(async ([name, graph]) => {
      const session = await openRaw(graph, 0);
      const own = Object.fromEntries(graph.graph.inputs.map((input) => [input.name, feeds[input.name]])) as Record<
        string,
        RawTensor
      >;
      return { name, run: () => session.run(own), release: session.release };
    }),
  );
  for (let round = -2; round < rounds; round += 1)
    for (const { name, run } of sessions) {
      const start = performance.now();
      await run();
      if (round >= 0) (times[name] ??= []).push(performance.now() - start);
    }
  for (const { release } of sessions) await release();
  for (const [name, all] of Object.entries(times)) {
    const sorted = all.toSorted((a, b) => a - b);
    const median = sorted[Math.floor(sorted.length / 2)] ?? NaN;
    const base = (times['forward'] ?? []).toSorted((a, b) => a - b);
    const figure = {
      benchmark: 'gradients',
      what: name,
      batch,
      milliseconds: Math.round(median * 10) / 10,
      least: Math.round((sorted[0] ?? NaN) * 10) / 10,
      ratioToForward: Math.round((100 * median) / (base[Math.floor(base.length / 2)] ?? NaN)) / 100,
      leastRatio: Math.round((100 * (sorted[0] ?? NaN)) / (base[0] ?? NaN)) / 100,
      nodes: graphs[name]?.graph.nodes.length,
    };
    console.log(JSON.stringify(figure));
  }
}

/** The weights of the products in attention: what a low-rank adapter sits on. */
function attentionWeights(model: Model, weights: ReadonlySet<string>): string[] {
  return [
    ...new Set(model.graph.nodes.filter(({ operator }) => operator === 'MatMul').flatMap(({ inputs }) => inputs)),
  ].filter((name) => weights.has(name));
}

function filled(dims: readonly number[]): RawTensor {
  return {
    type: 'float32',
    dims,
    data: Float32Array.from({ length: sizeOf(dims) }, (_, index) => Math.sin(index * 1.7) * 0.5 + 0.6),
  };
}
