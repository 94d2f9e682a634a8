import { Failure } from '../../contract/failures.ts';
import type { ModelSession } from '../runtime/session.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { TokenWindows } from './generation-request.ts';

/**
 * What the denoiser attends to: the encodings of a prompt's windows, one after the other.
 *
 * @returns [1, windows · L, D]
 */
export async function encodePrompt(
  textEncoder: ModelSession,
  windows: TokenWindows,
  signal: AbortSignal,
): Promise<Tensor<Float32Array>> {
  const length = windows[0]?.length ?? 0;
  const ids = BigInt64Array.from(windows.flat(), BigInt);
  const output = 'last_hidden_state';
  const feeds = { input_ids: { dims: [windows.length, length], data: ids } };
  const { [output]: encoded } = await textEncoder.run(feeds, [output], signal);
  const [rows, tokens = 0, width = 0] = encoded?.dims ?? [];
  if (encoded === undefined || rows !== windows.length)
    throw new Failure('model-broken', `${textEncoder.name}: expected an output "${output}" with a row for each window`);
  return { dims: [1, rows * tokens, width], data: encoded.data };
}

/** Both prompts as conditions of the same length: the shorter one is filled up with windows of the empty prompt. */
export function sameLength(
  first: TokenWindows,
  second: TokenWindows,
  empty: TokenWindows,
): readonly [TokenWindows, TokenWindows] {
  const length = Math.max(first.length, second.length);
  const fill = (windows: TokenWindows): TokenWindows => [
    ...windows,
    ...Array.from({ length: length - windows.length }, () => empty[0] ?? []),
  ];
  return [fill(first), fill(second)];
}
