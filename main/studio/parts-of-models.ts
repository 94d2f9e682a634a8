import { loadFeatureEncoder, type FeatureEncoder } from '../model-packages/feature-encoder.ts';
import type { ModelPackage } from '../model-packages/package.ts';
import { hasReferenceSet, loadReferenceSet, type ReferenceSet } from './reference-set.ts';

// A package that is opened again is the same object as long as its files are, so what was read of it holds as long.
const encoders = new WeakMap<ModelPackage, FeatureEncoder>();
const references = new WeakMap<ModelPackage, Promise<ReferenceSet>>();

/** The encoder that a model's batches are seen by; null where it brings none. Read and hashed once. */
export function encoderOf(model: ModelPackage): FeatureEncoder | null {
  if (model.card['featureEncoder'] == null) return null;
  const encoder = encoders.get(model) ?? loadFeatureEncoder(model.folder);
  encoders.set(model, encoder);
  return encoder;
}

/** The references that a model's batches are measured against; null where it brings none. Read once. */
export async function referencesOf(model: ModelPackage): Promise<ReferenceSet | null> {
  if (!hasReferenceSet(model.folder)) return null;
  const reading = references.get(model) ?? loadReferenceSet(model.folder, model.id);
  references.set(model, reading);
  // Files that could not be read may be mended meanwhile.
  reading.catch(() => references.delete(model));
  return reading;
}
