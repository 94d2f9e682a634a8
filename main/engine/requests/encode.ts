import { Failure } from '../../contract/failures.ts';
import type { Handler } from '../protocol.ts';
import type { Feed } from '../runtime/session.ts';

/** One call of an encoder: pixel values of a batch of pictures, or token ids of texts. */
export interface EncodeRequest {
  /** Path of the .onnx file. */
  readonly model: string;
  /** `pixel_values` [B, 3, H, W] or `input_ids` [B, L]; given to the input of that name, or to a model's only one. */
  readonly input: { readonly name: string; readonly feed: Feed };
  /** Outputs wanted; null: the first one. */
  readonly outputs: readonly string[] | null;
}

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
  const results = await session.run({ [taken.name]: input.feed }, outputs ?? [first.name], signal);
  const batch = input.feed.dims[0] ?? 0;
  yield {
    outputs: Object.fromEntries(
      Object.entries(results).map(([name, { dims, data }]) => [
        name,
        firstTokens(session.name, name, dims, data, batch),
      ]),
    ),
  };
};

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
