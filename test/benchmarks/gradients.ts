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
import { withAdapters } from './adapters.ts';
import { startPyTorch, type Handed, type PyTorch, type Step } from './pytorch.ts';

/**
 * What gradients of the built-in U-Net cost, beside PyTorch where there is a Python with torch: by the input against a
 * forward pass, of all weights, and of low-rank adapters alone (base frozen). Nothing is updated: a step is the loss and
 * its gradients, brought to the caller. Both sides take turns in every round, PyTorch in both memory layouts, so that a
 * busy machine hits all alike; medians count, and of the layouts the faster. Gradients of both sides must agree.
 */
const file = new URL('../../resources/models/gamut-catalogue-128/unet/model.onnx', import.meta.url);
const rounds = Number(process.env['GAMUT_ROUNDS'] ?? 7);
const batches = (process.env['GAMUT_BATCHES'] ?? '1,8').split(',').map(Number);
const rank = 8;
/**
 * Relative error between two float32 evaluations, tensor by tensor. Most agree within 1e-5; the queries and keys of
 * self-attention within 5e-4, whose gradients one unit in the last place of the input alone moves by up to 3e-4. The tests
 * hold the same gradients against float64.
 */
const tolerance = 1e-3;
const layouts = ['contiguous_format', 'channels_last'] as const;

if (!existsSync(file)) {
  console.log(JSON.stringify({ benchmark: 'gradients', skipped: 'no built-in model' }));
} else {
  const model = decode(readFileSync(file));
  for (const batch of batches) await measure(withFixedDims(model, batch), batch);
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

/** The gradient of the loss, with these weights as inputs of the graph. */
function step(model: Model, withRespectTo: readonly string[]): Model {
  const loss = withLoss(model);
  return differentiate(loss, { output: loss.graph.outputs[0]?.name ?? '', withRespectTo });
}

async function measure(model: Model, batch: number): Promise<void> {
  const output = model.graph.outputs[0]?.name ?? '';
  const names = [...model.graph.initializers.keys()].filter((name) => name.startsWith('unet.'));
  const adapted = withAdapters(model, rank);
  const graphs: Readonly<Record<string, Model>> = {
    forward: model,
    input: differentiate(model, { output, cotangent: 'cotangent', withRespectTo: ['sample'] }),
    full: step(model, names),
    lora: step(adapted.model, adapted.weights),
  };
  const tensors = new Map<string, Handed>();
  for (const { name, dims } of [...model.graph.inputs, { name: 'cotangent', dims: [batch, 8, 16, 16] }])
    tensors.set(name, filled(name, (dims ?? []).map(Number)));
  for (const name of [...names, ...adapted.weights]) {
    const constant = adapted.model.graph.initializers.get(name);
    const numbers = constant && numbersOfConstant(constant);
    if (constant === undefined || numbers === undefined) throw new Error(`the numbers of ${name} are not at hand`);
    tensors.set(name, { dims: constant.dims, data: Float32Array.from(numbers) });
  }
  const torch = await startPyTorch(tensors);
  const sessions = await Promise.all(
    Object.entries(graphs).map(async ([what, graph]) => {
      const session = await openRaw(graph, 0);
      const feeds = Object.fromEntries(
        graph.graph.inputs.map(({ name }): [string, RawTensor] => {
          const tensor = tensors.get(name);
          if (tensor === undefined) throw new Error(`nothing to feed to ${name}`);
          return [name, { type: 'float32', ...tensor }];
        }),
      );
      return { what, run: () => session.run(feeds), release: session.release };
    }),
  );

  const times = new Map<string, number[]>();
  const keep = (key: string, milliseconds: number): void => {
    times.set(key, [...(times.get(key) ?? []), milliseconds]);
  };
  for (let round = -1; round < rounds; round += 1)
    for (const { what, run } of sessions) {
      const start = performance.now();
      await run();
      if (round >= 0) keep(what, performance.now() - start);
      if (typeof torch === 'string') continue;
      for (const layout of layouts) {
        const milliseconds = await torch.time({ what, batch, layout });
        if (round >= 0) keep(`${what} ${layout}`, milliseconds);
      }
    }

  const medianOf = (key: string): number => median(times.get(key) ?? []);
  for (const { what, run } of sessions)
    console.log(
      JSON.stringify({
        benchmark: 'gradients',
        what,
        batch,
        milliseconds: tidy(medianOf(what)),
        ratioToForward: tidy(medianOf(what) / medianOf('forward')),
        nodes: graphs[what]?.graph.nodes.length,
        ...(typeof torch === 'string' ? { pytorch: torch } : await compare(torch, what, batch, await run(), medianOf)),
      }),
    );
  for (const { release } of sessions) await release();
  if (typeof torch !== 'string') torch.close();
}

/** PyTorch's figures for one step, and how far its gradients are from ours. */
async function compare(
  torch: PyTorch,
  what: string,
  batch: number,
  ours: Readonly<Record<string, RawTensor>>,
  medianOf: (key: string) => number,
): Promise<object> {
  const [layout] = layouts.toSorted((a, b) => medianOf(`${what} ${a}`) - medianOf(`${what} ${b}`));
  const theirs = medianOf(`${what} ${layout ?? ''}`);
  const figures = {
    pytorch: torch.version,
    pytorchThreads: torch.threads,
    pytorchLayout: layout,
    pytorchMilliseconds: tidy(theirs),
    speedAgainstPytorch: tidy(theirs / medianOf(what)),
  };
  if (what === 'forward') return figures;
  const request: Step = { what, batch, layout: 'contiguous_format' };
  const gradients = await torch.gradients(request, (name) => ours[`grad_${name}`]?.data.length ?? NaN);
  let worst = { name: '', error: 0 };
  for (const [name, expected] of gradients) {
    const error = distance(ours[`grad_${name}`]?.data as Float32Array, expected);
    if (!(error <= worst.error)) worst = { name, error };
  }
  const wanted = Object.keys(ours).filter((name) => name.startsWith('grad_')).length;
  if (gradients.size !== wanted)
    throw new Error(`${what}: expected ${wanted} gradients of PyTorch, got ${gradients.size}`);
  if (!(worst.error < tolerance)) {
    console.error(`gradients: ${what} differs from PyTorch's by ${worst.error} at ${worst.name}`);
    process.exitCode = 1;
  }
  return { ...figures, gradients: gradients.size, largestRelativeError: Number(worst.error.toPrecision(2)) };
}

/** ‖a − b‖/‖b‖. */
function distance(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return NaN;
  let [difference, norm] = [0, 0];
  b.forEach((value, index) => {
    difference += ((a[index] ?? NaN) - value) ** 2;
    norm += value ** 2;
  });
  return Math.sqrt(difference / norm);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return ((sorted[(sorted.length - 1) >> 1] ?? NaN) + (sorted[sorted.length >> 1] ?? NaN)) / 2;
}

function tidy(value: number): number {
  return Math.round(100 * value) / 100;
}

/** Numbers about zero, the same in every run; times of the whole schedule. */
function filled(name: string, dims: readonly number[]): Handed {
  const at = (index: number): number =>
    name === 'timestep' ? 60 + ((index * 370) % 900) : Math.sin(index * 1.7 + name.length) + Math.cos(index * index);
  return { dims, data: Float32Array.from({ length: sizeOf(dims) }, (_, index) => at(index)) };
}
