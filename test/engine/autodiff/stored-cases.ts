import { readFileSync } from 'node:fs';
import { decode } from '../../../main/engine/graph/decode.ts';
import type { Model } from '../../../main/engine/graph/model.ts';
import type { StoredTensor } from '../../doubles/raw-session.ts';

/** A graph of one operator or one export with its gradients as PyTorch has them; the scripts lie beside the files. */
export interface StoredCase {
  readonly name: string;
  /** In base64; from any inputs to `y`. */
  readonly model: string;
  /** Largest relative error that rounding explains. */
  readonly tolerance: number;
  readonly inputs: Readonly<Record<string, StoredTensor>>;
  readonly cotangent: StoredTensor;
  readonly y: StoredTensor;
  readonly gradients: Readonly<Record<string, StoredTensor>>;
}

/** The cases of a file under test/reference/autodiff. */
export function storedCases(file: 'operators.json' | 'exports.json'): readonly StoredCase[] {
  const address = new URL(`../../reference/autodiff/${file}`, import.meta.url);
  return JSON.parse(readFileSync(address, 'utf8')) as StoredCase[];
}

/** A whole network with its gradients as torch.autograd has them in float64. */
export interface StoredNetwork {
  readonly model: Model;
  readonly output: string;
  readonly inputs: Readonly<Record<string, StoredTensor>>;
  readonly y: StoredTensor;
  readonly cotangent: StoredTensor;
  readonly gradients: Readonly<Record<string, StoredTensor>>;
}

export const networkFolder = new URL('../../reference/autodiff/models/', import.meta.url);

/** A network of that folder, by its name without an ending. */
export function storedNetwork(name: string): StoredNetwork {
  const record = JSON.parse(readFileSync(new URL(`${name}.json`, networkFolder), 'utf8')) as Omit<
    StoredNetwork,
    'model'
  > & { readonly model: string };
  return { ...record, model: decode(readFileSync(new URL(record.model, networkFolder))) };
}
