import {
  closeSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { Failure } from '../contract/failures.ts';
import { differentiate, type Differentiation } from '../engine/autodiff/differentiate.ts';
import { decode } from '../engine/graph/decode.ts';
import { encode } from '../engine/graph/encode.ts';
import { checkExternalData } from '../engine/graph/external-data.ts';
import type { Content, Model, TensorConstant } from '../engine/graph/model.ts';

/** Which file to differentiate, and where the result goes. */
export interface FileDifferentiation extends Differentiation {
  readonly model: string;
  readonly out: string;
}

/** What was written. */
export interface DifferentiatedFile {
  readonly path: string;
  /** The file beside it that holds its weights, or null where they are inside or shared with the model. */
  readonly dataPath: string | null;
  readonly nodes: { readonly before: number; readonly after: number };
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/** A protobuf must stay below 2 GiB: from here on weights go into a file of their own. */
const embeddedLimit = 1.5 * 2 ** 30;

/**
 * Writes the gradient graph of a model file. Weights in the model's external files are shared where the result lies in the
 * same folder, else copied beside it. Both files appear complete or not at all.
 */
export function differentiateFile({ model: path, out, ...request }: FileDifferentiation): DifferentiatedFile {
  if (!statSync(path, { throwIfNoEntry: false })?.isFile())
    throw new Failure('not-found', `expected an ONNX file, found none at ${path}`, 'model');
  checkPlace(out);
  const model = decode(readFileSync(path));
  const folder = dirname(resolve(path));
  checkExternalData(model, (location) => statSync(join(folder, location), { throwIfNoEntry: false })?.size);
  const result = differentiate(model, request);

  const shared = folder === dirname(resolve(out));
  const dataPath = `${out}.data`;
  const placed = moveWeights(result, shared, basename(dataPath));
  const parts: [string, (file: string) => void][] = [];
  if (placed.moved.length > 0) parts.push([dataPath, (file) => writeWeights(file, folder, placed.moved)]);
  parts.push([out, (file) => writeFileSync(file, encode(placed.model))]);
  writeTogether(parts);
  return {
    path: out,
    dataPath: placed.moved.length > 0 ? dataPath : null,
    nodes: { before: model.graph.nodes.length, after: result.graph.nodes.length },
    inputs: result.graph.inputs.map(({ name }) => name),
    outputs: result.graph.outputs.map(({ name }) => name),
  };
}

/** A file can be written here: a folder that exists, and no folder of the file's own name. */
function checkPlace(out: string): void {
  const folder = dirname(resolve(out));
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    throw new Failure(
      'not-found',
      `expected a folder to write "${basename(out)}" into, found none at ${folder}`,
      'out',
    );
  if (statSync(out, { throwIfNoEntry: false })?.isDirectory())
    throw new Failure('bad-input', `expected a file to write, found a folder at ${out}`, 'out');
}

/** Gives weights a place in the file beside the result: external ones of another folder, and embedded ones too many. */
function moveWeights(
  model: Model,
  shared: boolean,
  location: string,
): { readonly model: Model; readonly moved: readonly Content[] } {
  const embedded = [...model.graph.initializers.values()].reduce(
    (sum, { content }) => sum + (content.kind === 'bytes' ? content.bytes.length : 0),
    0,
  );
  const moved: Content[] = [];
  let offset = 0;
  const move = (constant: TensorConstant): TensorConstant => {
    const { content } = constant;
    if (content.kind === 'strings') return constant;
    const leaves = content.kind === 'bytes' ? embedded > embeddedLimit && content.bytes.length > 1024 : !shared;
    if (!leaves) return constant;
    const length = content.kind === 'bytes' ? content.bytes.length : content.length;
    const start = offset;
    offset += length;
    moved.push(content);
    return { ...constant, content: { kind: 'external', location, offset: start, length } };
  };
  const initializers = new Map([...model.graph.initializers].map(([name, constant]) => [name, move(constant)]));
  return { model: { ...model, graph: { ...model.graph, initializers } }, moved };
}

/** Writes weights one after the other, read from the model's own files a piece at a time. */
function writeWeights(file: string, folder: string, weights: readonly Content[]): void {
  const output = openSync(file, 'w');
  const piece = new Uint8Array(2 ** 22);
  try {
    for (const content of weights) {
      if (content.kind === 'bytes') writeSync(output, content.bytes);
      if (content.kind !== 'external') continue;
      const input = openSync(join(folder, content.location), 'r');
      try {
        for (let done = 0; done < content.length;) {
          const count = readSync(input, piece, 0, Math.min(piece.length, content.length - done), content.offset + done);
          if (count === 0) throw new Failure('model-broken', `"${content.location}" ended before its weights did`);
          writeSync(output, piece, 0, count);
          done += count;
        }
      } finally {
        closeSync(input);
      }
    }
  } finally {
    closeSync(output);
  }
}

/** Writes every file under another name first; on any failure nothing is left behind. */
function writeTogether(parts: readonly (readonly [string, (file: string) => void])[]): void {
  const pending = parts.map(([file]) => `${file}.${process.pid}.tmp`);
  try {
    parts.forEach(([, write], index) => write(pending[index] ?? ''));
    parts.forEach(([file], index) => renameSync(pending[index] ?? '', file));
  } catch (error) {
    for (const file of pending) rmSync(file, { force: true });
    throw error;
  }
}
