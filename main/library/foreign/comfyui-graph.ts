import { z } from 'zod';

/** One node of a ComfyUI graph: its settings by name, and the nodes its other inputs come from. */
export interface ComfyNode {
  readonly id: string;
  readonly type: string;
  readonly values: ReadonlyMap<string, unknown>;
  /** Input name → id of the node it is linked to. */
  readonly links: ReadonlyMap<string, string>;
}

export type ComfyGraph = ReadonlyMap<string, ComfyNode>;

const idSchema = z.union([z.string(), z.number()]).transform(String);
const linkSchema = z.tuple([idSchema, z.number()]);
const promptSchema = z.record(
  z.string(),
  z.object({ class_type: z.string(), inputs: z.record(z.string(), z.unknown()).default({}) }),
);

/** The graph as it ran: `{id: {class_type, inputs: {name: value | [id, slot]}}}`; null for anything else. */
export function graphFromPrompt(json: unknown): ComfyGraph | null {
  const parsed = promptSchema.safeParse(json);
  if (!parsed.success) return null;
  const nodes = Object.entries(parsed.data).map(([id, node]): [string, ComfyNode] => {
    const values = new Map<string, unknown>();
    const links = new Map<string, string>();
    for (const [name, value] of Object.entries(node.inputs)) {
      const link = linkSchema.safeParse(value);
      if (link.success) links.set(name, link.data[0]);
      else values.set(name, value);
    }
    return [id, { id, type: node.class_type, values, links }];
  });
  return nodes.length === 0 ? null : new Map(nodes);
}

const workflowSchema = z.object({
  nodes: z.array(
    z.object({
      id: idSchema,
      type: z.string(),
      widgets_values: z.unknown().optional(),
      inputs: z.array(z.object({ name: z.string(), link: z.number().nullish() })).optional(),
    }),
  ),
  // [link, from node, from slot, to node, to slot, type]
  links: z.array(z.tuple([z.number(), idSchema, z.number(), idSchema, z.number()]).rest(z.unknown())),
});

/** Names of the widgets in the order the drawn graph lists their values; null: a widget of the window only. */
const widgetNames: Readonly<Record<string, readonly (string | null)[]>> = {
  KSampler: ['seed', null, 'steps', 'cfg', 'sampler_name', 'scheduler', 'denoise'],
  KSamplerAdvanced: ['add_noise', 'noise_seed', null, 'steps', 'cfg', 'sampler_name', 'scheduler'],
  SamplerCustom: ['add_noise', 'noise_seed', null, 'cfg'],
  RandomNoise: ['noise_seed', null],
  KSamplerSelect: ['sampler_name'],
  BasicScheduler: ['scheduler', 'steps', 'denoise'],
  CFGGuider: ['cfg'],
  CLIPTextEncode: ['text'],
  EmptyLatentImage: ['width', 'height', 'batch_size'],
  EmptySD3LatentImage: ['width', 'height', 'batch_size'],
  CheckpointLoaderSimple: ['ckpt_name'],
  UNETLoader: ['unet_name'],
  LoraLoader: ['lora_name'],
  LoraLoaderModelOnly: ['lora_name'],
};

/** The graph as drawn; values of nodes that are not in the table above stay unknown. null for anything else. */
export function graphFromWorkflow(json: unknown): ComfyGraph | null {
  const parsed = workflowSchema.safeParse(json);
  if (!parsed.success || parsed.data.nodes.length === 0) return null;
  const sources = new Map(parsed.data.links.map((link) => [link[0], link[1]]));
  return new Map(
    parsed.data.nodes.map((node): [string, ComfyNode] => {
      const links = new Map<string, string>();
      for (const input of node.inputs ?? []) {
        const source = input.link == null ? undefined : sources.get(input.link);
        if (source !== undefined) links.set(input.name, source);
      }
      return [
        node.id,
        { id: node.id, type: node.type, values: widgetValues(node.type, node.widgets_values, links), links },
      ];
    }),
  );
}

function widgetValues(type: string, widgets: unknown, links: ReadonlyMap<string, string>): Map<string, unknown> {
  const values = new Map<string, unknown>();
  const names = Object.hasOwn(widgetNames, type) ? (widgetNames[type] ?? []) : [];
  if (Array.isArray(widgets))
    // A linked input keeps its widget's last value in the list: the link counts.
    names.forEach((name, i) => {
      if (name !== null && i < widgets.length && !links.has(name)) values.set(name, widgets[i] as unknown);
    });
  return values;
}
