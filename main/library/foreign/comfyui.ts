import type { ForeignSettings } from '../../contract/library.ts';
import { note } from '../../contract/notes.ts';
import { graphFromPrompt, graphFromWorkflow, type ComfyGraph, type ComfyNode } from './comfyui-graph.ts';
import { Mapping } from './mapping.ts';
import { parseForeignJson } from './foreign-json.ts';
import { samplerFromComfy, spacingFromComfy } from './sampler-names.ts';

/** Nodes that sample, with the names their inputs have. */
const samplerTypes = new Set(['KSampler', 'KSamplerAdvanced', 'SamplerCustom', 'SamplerCustomAdvanced']);
const outputTypes = /^(SaveImage|PreviewImage|SaveImageWebsocket|VHS_|Image Save)/;
const loraTypes = /lora/i;

/**
 * ComfyUI's graph: from the saved picture back to the sampler that made it, and from there to the prompts, the size and
 * the model. Graphs can do far more than our settings say: every node that matters and has no place here is listed.
 * @param prompt the `prompt` text (the graph as it ran), preferred
 * @param workflow the `workflow` text (the graph as drawn)
 */
export function settingsFromComfy(prompt: string | null, workflow: string | null): ForeignSettings {
  const mapping = new Mapping('comfyui');
  const graph =
    (prompt === null ? null : graphFromPrompt(parseForeignJson(prompt))) ??
    (workflow === null ? null : graphFromWorkflow(parseForeignJson(workflow)));
  if (graph === null) {
    mapping.leave(prompt === null ? 'workflow' : 'prompt', prompt ?? workflow ?? '', note('leftNoGraph'));
    return mapping.result();
  }
  const samplers = samplersOf(graph);
  const [sampler, ...others] = samplers;
  if (sampler === undefined) {
    mapping.leave('prompt', `${graph.size} nodes`, note('leftNoSampler'));
    return mapping.result();
  }
  takeSampler(mapping, graph, sampler);
  takeConditioning(mapping, graph, sampler);
  takeLatent(mapping, graph, sampler);
  takeModel(mapping, graph, sampler);
  for (const other of others) mapping.leave(other.type, `node ${other.id}`, note('leftFurtherPass'));
  return mapping.result();
}

/** Samplers from the outputs backwards, so that the one whose picture was saved comes first. */
function samplersOf(graph: ComfyGraph): ComfyNode[] {
  const outputs = [...graph.values()].filter((node) => outputTypes.test(node.type));
  const starts = outputs.length > 0 ? outputs : [...graph.values()];
  return walk(graph, starts).filter((node) => samplerTypes.has(node.type));
}

/** Breadth first along the inputs; a node is visited once, so cycles in hostile graphs end. */
function walk(graph: ComfyGraph, starts: readonly ComfyNode[]): ComfyNode[] {
  const queue = [...starts];
  const seen = new Set(queue.map((node) => node.id));
  for (let i = 0; i < queue.length; i += 1) {
    for (const source of queue[i]?.links.values() ?? []) {
      const node = graph.get(source);
      if (node === undefined || seen.has(node.id)) continue;
      seen.add(node.id);
      queue.push(node);
    }
  }
  return queue;
}

function upstream(graph: ComfyGraph, node: ComfyNode, ...inputs: readonly string[]): ComfyNode[] {
  const sources = inputs
    .map((input) => graph.get(node.links.get(input) ?? ''))
    .filter((source) => source !== undefined);
  return walk(graph, sources);
}

/** An input's value; where it is linked, the value of the node behind it (a primitive, a seed or string node). */
function valueOf(graph: ComfyGraph, node: ComfyNode, input: string): unknown {
  if (node.values.has(input)) return node.values.get(input);
  const [source] = upstream(graph, node, input);
  if (source === undefined) return undefined;
  for (const name of [input, 'value', 'seed', 'noise_seed', 'text', 'string', 'int', 'float'])
    if (source.values.has(name)) return source.values.get(name);
  return undefined;
}

function takeSampler(mapping: Mapping, graph: ComfyGraph, sampler: ComfyNode): void {
  // Custom samplers keep their settings in nodes around them (RandomNoise, KSamplerSelect, BasicScheduler, CFGGuider).
  const around = [sampler, ...upstream(graph, sampler, 'noise', 'sampler', 'sigmas', 'guider')];
  const find = (...names: readonly string[]): unknown => {
    for (const node of around)
      for (const name of names) {
        const value = valueOf(graph, node, name);
        if (value !== undefined) return value;
      }
    return undefined;
  };
  const numbers = [
    ['seed', find('seed', 'noise_seed'), 'seed'],
    ['stepCount', find('steps'), 'steps'],
    ['guidanceScale', find('cfg'), 'cfg'],
  ] as const;
  for (const [ours, value, theirs] of numbers) if (value !== undefined) mapping.take(ours, value, theirs);
  const name = find('sampler_name');
  if (typeof name === 'string') {
    const ours = samplerFromComfy(name);
    if (ours === null) mapping.leave('sampler_name', name, note('leftSampler'));
    else mapping.take('sampler', ours, 'sampler_name');
  }
  const scheduler = find('scheduler');
  if (typeof scheduler === 'string') {
    const spacing = spacingFromComfy(scheduler);
    if (spacing === null) mapping.leave('scheduler', scheduler, note('leftSpacing'));
    else mapping.take('sigmaSpacing', spacing, 'scheduler');
  }
  const denoise = find('denoise');
  if (typeof denoise === 'number' && denoise < 1) mapping.leave('denoise', denoise, note('leftStartImage'));
}

function takeConditioning(mapping: Mapping, graph: ComfyGraph, sampler: ComfyNode): void {
  const guiders = [sampler, ...upstream(graph, sampler, 'guider')];
  const pairs = [
    ['prompt', ['positive', 'conditioning']],
    ['negativePrompt', ['negative']],
  ] as const;
  for (const [ours, inputs] of pairs) {
    const nodes = guiders.flatMap((guider) => upstream(graph, guider, ...inputs));
    const texts = nodes.flatMap((node) => textOf(graph, node));
    const [first, ...rest] = [...new Set(texts)];
    if (first !== undefined) mapping.take(ours, first, 'text');
    for (const text of rest)
      mapping.leave(`${ours === 'prompt' ? 'positive' : 'negative'} text`, text, note('leftFurtherText'));
    for (const node of nodes)
      if (/ControlNet/i.test(node.type)) mapping.leave(node.type, `node ${node.id}`, note('leftStructure'));
  }
}

function textOf(graph: ComfyGraph, node: ComfyNode): string[] {
  if (!/TextEncode/i.test(node.type)) return [];
  for (const input of ['text', 'text_g', 'prompt', 't5xxl', 'clip_l']) {
    const value = valueOf(graph, node, input);
    if (typeof value === 'string') return [value];
  }
  return [];
}

function takeLatent(mapping: Mapping, graph: ComfyGraph, sampler: ComfyNode): void {
  const empty = upstream(graph, sampler, 'latent_image').find((node) => /Empty.*Latent/i.test(node.type));
  if (empty === undefined) return;
  const fields = [
    ['width', 'width'],
    ['height', 'height'],
    ['count', 'batch_size'],
  ] as const;
  for (const [ours, theirs] of fields) {
    const value = valueOf(graph, empty, theirs);
    if (value !== undefined) mapping.take(ours, value, theirs);
  }
}

function takeModel(mapping: Mapping, graph: ComfyGraph, sampler: ComfyNode): void {
  const nodes = upstream(graph, sampler, 'model', 'guider');
  for (const node of nodes) {
    if (loraTypes.test(node.type))
      mapping.leave(node.type, node.values.get('lora_name') ?? `node ${node.id}`, note('leftAdapters'));
    for (const input of ['ckpt_name', 'unet_name']) {
      const name = node.values.get(input);
      if (typeof name === 'string') mapping.model(name, input);
    }
  }
}
