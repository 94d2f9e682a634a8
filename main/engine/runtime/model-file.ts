import { readFileSync, statSync } from 'node:fs';
import { freemem } from 'node:os';
import { dirname, join } from 'node:path';
import { decode } from '../graph/decode.ts';
import { checkExternalData } from '../graph/external-data.ts';
import type { Model } from '../graph/model.ts';
import { sourceAtFloat32 } from './at-float32.ts';

/** A model file as a graph to compute with, and the files its weights are in. */
export interface LoadedModel {
  readonly model: Model;
  readonly externalData: readonly { readonly path: string; readonly data: Uint8Array }[];
}

/**
 * Reads a model file with its external weights. Half-precision weights and values are turned to float32.
 *
 * @throws Failure `model-broken`, `not-found` for weights that are not where the file says
 */
export function loadModelFile(path: string): LoadedModel {
  const single = sourceAtFloat32(path);
  if (single?.kind === 'bytes') return { model: decode(single.bytes), externalData: [] };
  const model = decode(readFileSync(path));
  const fileOf = (location: string): string => join(dirname(path), location);
  const locations = checkExternalData(model, (location) => statSync(fileOf(location), { throwIfNoEntry: false })?.size);
  return {
    model,
    externalData: locations.map((location) => ({ path: location, data: readFileSync(fileOf(location)) })),
  };
}

/** Memory that programs can still have, in bytes. */
export function freeMemory(): number {
  return freemem();
}
