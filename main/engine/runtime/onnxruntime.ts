import type * as OnnxRuntime from 'onnxruntime-node';

export type { InferenceSession } from 'onnxruntime-node';

/** Environment variable that chooses the execution provider; wins over every default. */
export const providerVariable = 'GAMUT_PROVIDER';

let loaded: Promise<typeof OnnxRuntime> | undefined;

/**
 * ONNX Runtime, loaded on first use: it brings a large native library that half of the commands never need.
 *
 * Trap: on engines with a global `Float16Array` (Node 24 and later) onnxruntime-node 1.30 maps float16 tensors to it, and
 * its native side then refuses every float16 input ("not enough space: expected 2, got 0"; onnxruntime pull request
 * 32323). The mapping is decided once, when the first tensor is made; without the global it is `Uint16Array`, which works
 * on every Node. So the global is hidden for exactly that moment and put back.
 */
export function loadOnnxRuntime(): Promise<typeof OnnxRuntime> {
  loaded ??= importWithoutFloat16Array();
  return loaded;
}

async function importWithoutFloat16Array(): Promise<typeof OnnxRuntime> {
  const descriptor = Object.getOwnPropertyDescriptor(globalThis, 'Float16Array');
  Reflect.deleteProperty(globalThis, 'Float16Array');
  try {
    const runtime = await import('onnxruntime-node');
    new runtime.Tensor('float16', new Uint16Array(1), [1]);
    return runtime;
  } finally {
    if (descriptor !== undefined) Object.defineProperty(globalThis, 'Float16Array', descriptor);
  }
}
