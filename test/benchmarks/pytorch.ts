import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A float32 tensor to hand over, or one that came back. */
export interface Handed {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

export interface Step {
  readonly what: string;
  readonly batch: number;
  readonly layout: 'contiguous_format' | 'channels_last';
}

/** PyTorch in a process of its own, `training/benchmark_gradients.py`. */
export interface PyTorch {
  readonly version: string;
  readonly threads: number;
  /** Runs a step once; milliseconds. */
  readonly time: (step: Step) => Promise<number>;
  /** Runs a step once; its gradients by name, flat. */
  readonly gradients: (step: Step, sizeOf: (name: string) => number) => Promise<ReadonlyMap<string, Float32Array>>;
  readonly close: () => void;
}

/**
 * Starts PyTorch with these tensors. The interpreter is `GAMUT_PYTHON`, `python3` without it.
 *
 * @returns the reason as text where there is no Python with torch
 */
export async function startPyTorch(tensors: ReadonlyMap<string, Handed>): Promise<PyTorch | string> {
  const folder = mkdtempSync(join(tmpdir(), 'gamut-gradients-'));
  let offset = 0;
  const index = [...tensors].map(([name, { dims, data }]) => {
    const entry = { name, dims, offset };
    offset += data.length;
    return entry;
  });
  writeFileSync(join(folder, 'tensors.json'), JSON.stringify(index));
  writeFileSync(join(folder, 'tensors.bin'), Buffer.concat([...tensors.values()].map(({ data }) => bytesOf(data))));

  const script = fileURLToPath(new URL('../../training/benchmark_gradients.py', import.meta.url));
  const child = spawn(process.env['GAMUT_PYTHON'] ?? 'python3', [script, folder], { stdio: ['pipe', 'pipe', 'pipe'] });
  let complaint = '';
  child.stderr.on('data', (text: Buffer) => (complaint += text.toString()));
  child.on('error', (error) => (complaint += error.message));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<unknown> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`PyTorch ended: ${complaint.trim().split('\n').at(-1) ?? ''}`);
    return JSON.parse(value);
  };
  const close = (): void => {
    child.stdin.end();
    rmSync(folder, { recursive: true, force: true });
  };
  const ask = async <T>(request: object): Promise<T> => {
    child.stdin.write(`${JSON.stringify(request)}\n`);
    return (await answer()) as T;
  };

  try {
    const { torch, threads } = (await answer()) as { torch: string; threads: number };
    return {
      version: torch,
      threads,
      time: async (step) => (await ask<{ milliseconds: number }>(step)).milliseconds,
      gradients: async (step, sizeOf) => {
        const file = join(folder, 'gradients.bin');
        const { names } = await ask<{ names: readonly string[] }>({ ...step, gradients: file });
        const bytes = readFileSync(file);
        const numbers = new Float32Array(new Uint8Array(bytes).buffer);
        let start = 0;
        return new Map(names.map((name) => [name, numbers.subarray(start, (start += sizeOf(name)))]));
      },
      close,
    };
  } catch (error) {
    close();
    return error instanceof Error ? error.message : String(error);
  }
}

function bytesOf(data: Float32Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}
