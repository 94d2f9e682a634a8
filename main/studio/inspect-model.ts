import { decode } from '../engine/graph/decode.ts';
import type { ValueDeclaration } from '../engine/graph/model.ts';
import { hashPackage } from '../model-packages/hash.ts';
import { readOutline } from '../model-packages/outline.ts';
import type { ModelFolders, ModelPackage } from '../model-packages/package.ts';
import { shown } from '../model-packages/read-json.ts';
import { openPackage } from '../model-packages/resolve.ts';
import { hashCacheFile } from './model-folders.ts';

/** What a model is made of. */
export interface InspectedModel {
  readonly modelPackage: ModelPackage;
  readonly hash: string;
  readonly precision: string;
  readonly fixedSize: boolean;
  readonly tokenLimit: number;
  /** Known whole words; 0 for vocabularies of word pieces. */
  readonly vocabulary: number;
  readonly parts: readonly {
    readonly file: string;
    /** "sample: float32 [batch, 4, h, w]" */
    readonly inputs: readonly string[];
    readonly outputs: readonly string[];
  }[];
  readonly notes: readonly string[];
}

/** Loads a model, which checks it, and describes it. */
export async function inspectModel(model: string, folders: ModelFolders): Promise<InspectedModel> {
  const modelPackage = openPackage(model, folders);
  const { files } = modelPackage.model;
  const paths = [files.textEncoder, files.unet, files.vaeDecoder, files.vaeEncoder].filter((path) => path !== null);
  return {
    modelPackage,
    hash: await hashPackage(modelPackage, hashCacheFile()),
    precision: modelPackage.precision,
    fixedSize: modelPackage.size.fixed,
    tokenLimit: modelPackage.readPrompt.tokenLimit,
    vocabulary: modelPackage.readPrompt.words.length,
    parts: paths.map((path) => {
      const { graph } = decode(readOutline(path));
      return {
        file: shown(modelPackage.folder, path),
        inputs: graph.inputs.map(described),
        outputs: graph.outputs.map(described),
      };
    }),
    notes: modelPackage.notes,
  };
}

function described({ name, elementType, dims }: ValueDeclaration): string {
  return `${name}: ${elementType} [${(dims ?? ['?']).map((dim) => dim ?? '?').join(', ')}]`;
}
