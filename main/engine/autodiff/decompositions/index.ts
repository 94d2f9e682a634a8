import type { Node } from '../../graph/model.ts';
import { attention } from './attention.ts';
import type { Decomposition } from './decomposition.ts';
import { gridSamples } from './grid-sample.ts';
import { losses } from './losses.ts';
import { microsoft } from './microsoft.ts';
import { pools } from './pools.ts';
import { rotary } from './rotary.ts';

/** Every fused operator with a plain form, by domain and name. */
export const decompositionTables: Readonly<Record<string, Readonly<Record<string, Decomposition>>>> = {
  '': { ...attention.onnx, ...rotary.onnx, ...losses, ...pools, ...gridSamples },
  'com.microsoft': { ...microsoft, ...attention.microsoft, ...rotary.microsoft },
};

/** How to write a fused operator in plain ones, or undefined for one that needs no such thing. */
export function decompositionOf(node: Node): Decomposition | undefined {
  const table = decompositionTables[node.domain];
  return table !== undefined && Object.hasOwn(table, node.operator) ? table[node.operator] : undefined;
}

/** Fused operators that ONNX Runtime has for graphics cards alone. */
const foreign: ReadonlySet<string> = new Set(['GroupNorm', 'SkipGroupNorm', 'NhwcConv', 'BiasSplitGelu', 'BiasAdd']);

/** Whether a model with this node runs on a graphics card only. */
export function isForeignToTheCpu(node: Node): boolean {
  return node.domain === 'com.microsoft' && foreign.has(node.operator);
}
