import { Failure } from '../../contract/failures.ts';
import { pixelValues, type Normalisation, type PixelBatch } from '../features/pixel-values.ts';
import type { Handler } from '../protocol.ts';
import type { Feed } from '../runtime/session.ts';

/** One call of an encoder: pixel values of a batch of pictures, or token ids of texts. */
export interface EncodeRequest {
  /** Path of the .onnx file. */
  readonly model: string;
  /** Given to the input of that name, or to a model's only one. */
  readonly input: EncoderInput;
  /** Outputs wanted; null: the first one. */
  readonly outputs: readonly string[] | null;
}

/** `input_ids` [B, L] of texts; or 8-bit pictures, which become `pixel_values` [B, 3, H, W] here and not with the asker, who has a window to answer. */
export type EncoderInput =
  | { readonly name: string; readonly feed: Feed }
  | { readonly name: string; readonly pictures: PixelBatch; readonly normalisation: Normalisation };

export interface Encoded {
  /** By output name: one vector a row, [B, width]. A sequence of tokens is reduced to its first. */
  readonly outputs: Readonly<Record<string, { readonly width: number; readonly values: Float32Array }>>;
}

/** Runs an image or text encoder on one batch. */
export const encode: Handler<EncodeRequest, Encoded> = async function* (
  { model, input, outputs },
  { sessions, signal },
) {
  const session = await sessions.open({ kind: 'file', path: model });
  const taken = session.inputs.find(({ name }) => name === input.name) ?? session.inputs[0];
  const first = session.outputs[0];
  if (taken === undefined || first === undefined)
    throw new Failure('model-broken', `${session.name}: expected an input and an output`);
  const others = session.inputs.filter((declared) => declared !== taken).map(({ name }) => name);
  if (others.length > 0)
    throw new Failure(
      'unsupported',
      `${session.name}: expected one input, ${input.name}, it also wants ${others.join(', ')}`,
    );
  const feed = feedOf(input);
  const results = await session.run({ [taken.name]: feed }, outputs ?? [first.name], signal);
  const batch = feed.dims[0] ?? 0;
  yield {
    outputs: Object.fromEntries(
      Object.entries(results).map(([name, { dims, data }]) => [
        name,
        firstTokens(session.name, name, dims, data, batch),
      ]),
    ),
  };
};

function feedOf(input: EncoderInput): Feed {
  if ('feed' in input) return input.feed;
  const { count, height, width } = input.pictures;
  return { dims: [count, 3, height, width], data: pixelValues(input.pictures, input.normalisation) };
}

function firstTokens(model: string, name: string, dims: readonly number[], data: Float32Array, batch: number) {
  const width = dims.at(-1) ?? 0;
  if (dims[0] !== batch || (dims.length !== 2 && dims.length !== 3))
    throw new Failure(
      'unsupported',
      `${model}: expected output "${name}" as [${batch}, width] or [${batch}, tokens, width], got [${dims.join(', ')}]`,
    );
  if (dims.length === 2) return { width, values: data };
  const step = (dims[1] ?? 0) * width;
  const values = new Float32Array(batch * width);
  for (let row = 0; row < batch; row++) values.set(data.subarray(row * step, row * step + width), row * width);
  return { width, values };
}
