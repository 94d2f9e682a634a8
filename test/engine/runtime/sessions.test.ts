import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Failure } from '../../../main/contract/failures.ts';
import { fromHalves } from '../../../main/engine/graph/half.ts';
import { encodeFloat16 } from '../../../main/engine/runtime/float16.ts';
import { providerCandidates } from '../../../main/engine/runtime/providers.ts';
import type { Feed, ModelSession } from '../../../main/engine/runtime/session.ts';
import { SessionPool } from '../../../main/engine/runtime/session-pool.ts';
import { Sessions } from '../../../main/engine/runtime/sessions.ts';

const packages = fileURLToPath(new URL('../../doubles/packages', import.meta.url));
const sessions = new Sessions();
const unetOf = (name: string): Promise<ModelSession> =>
  sessions.open({ kind: 'file', path: `${packages}/${name}/unet/model.onnx` }, 'cpu');

function floats(dims: readonly number[], value: (index: number) => number): Feed {
  const size = dims.reduce((product, dim) => product * dim, 1);
  return { dims, data: Float32Array.from({ length: size }, (_, index) => value(index)) };
}

/** Feeds of a Stable Diffusion U-Net: the timestep as whoever calls it has it. */
function feeds(batch: number, timestep: Feed, size = 8): Record<string, Feed> {
  return {
    sample: floats([batch, 4, size, size], (index) => Math.sin(index)),
    timestep,
    encoder_hidden_states: floats([batch, 3, 4], (index) => 0.1 * Math.cos(index)),
  };
}

async function complaint(work: Promise<unknown>): Promise<Pick<Failure, 'code' | 'message'>> {
  const error = await work.then(
    () => expect.unreachable('a failure was expected'),
    (reason: unknown) => reason as Failure,
  );
  return { code: error.code, message: error.message };
}

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('inputs', () => {
  const scalar: Feed = { dims: [], data: [500] };
  const rows: Feed = { dims: [2], data: [500, 500] };

  it.each([
    ['float32 [B]', 'legacy'],
    ['int64 scalar', 'optimum'],
    ['float16 scalar, float16 samples', 'half'],
    ['int64 [1] and a batch fixed to one', 'fixed'],
  ])('are converted to %s, whichever form the timestep is given in', async (_, name) => {
    const truth = (await (await unetOf('legacy')).run(feeds(2, rows)))['out_sample'];
    const session = await unetOf(name);
    // Half precision keeps eleven bits.
    const tolerance = name === 'half' ? 2e-3 : 1e-6;
    for (const timestep of [scalar, rows]) {
      const out = (await session.run(feeds(2, timestep)))['out_sample'];
      expect(out?.dims).toEqual([2, 4, 8, 8]);
      const error = out?.data.map((value, index) => Math.abs(value - (truth?.data[index] ?? NaN)));
      expect(Math.max(...(error ?? [NaN]))).toBeLessThan(tolerance);
    }
  });

  it('of a fixed batch are split into single calls', async () => {
    const session = await unetOf('fixed');
    const before = session.cost.calls;
    await session.run(feeds(5, scalar));
    expect(session.cost.calls - before).toBe(5);
  });

  it('that do not fit are refused, naming model, input, expected and given type and dims', async () => {
    const legacy = await unetOf('legacy');
    const optimum = await unetOf('optimum');
    const fixed = await unetOf('fixed');
    expect(await complaint(legacy.run({ ...feeds(1, scalar), sample: floats([1, 3, 8, 8], () => 0) }))).toEqual({
      code: 'bad-input',
      message: 'unet/model.onnx: input "sample" expects float32 [batch, 4, h, w], got float32 [1, 3, 8, 8]',
    });
    expect(await complaint(fixed.run(feeds(1, scalar, 16)))).toEqual({
      code: 'bad-input',
      message: 'unet/model.onnx: input "sample" expects float32 [1, 4, 8, 8], got float32 [1, 4, 16, 16]',
    });
    expect(await complaint(optimum.run(feeds(2, { dims: [2], data: [500, 501] })))).toEqual({
      code: 'bad-input',
      message: 'unet/model.onnx: input "timestep" expects int64 scalar, got numbers [2]',
    });
    expect(await complaint(optimum.run(feeds(1, { dims: [], data: [499.5] })))).toEqual({
      code: 'bad-input',
      message: 'unet/model.onnx: input "timestep" expects int64 scalar, got the value 499.5',
    });
    const { timestep: _, ...without } = feeds(1, scalar);
    expect(await complaint(legacy.run(without))).toEqual({
      code: 'bad-input',
      message: 'unet/model.onnx: input "timestep" (float32 [batch]) is missing; given: sample, encoder_hidden_states',
    });
    expect(await complaint(legacy.run({ ...feeds(1, scalar), time: scalar }))).toEqual({
      code: 'bad-input',
      message: 'unet/model.onnx: expected inputs sample, timestep, encoder_hidden_states, got "time"',
    });
  });
});

describe('float16', () => {
  it('agrees with the engine’s own Float16Array on every finite number it can hold', () => {
    const every = Uint16Array.from({ length: 65536 }, (_, bits) => bits).filter((bits) => (bits & 0x7c00) !== 0x7c00);
    const native = new (
      globalThis as unknown as { Float16Array: new (buffer: ArrayBuffer) => ArrayLike<number> }
    ).Float16Array(every.slice().buffer);
    expect(fromHalves(every)).toEqual(Float32Array.from(native));
    expect(encodeFloat16(fromHalves(every))).toEqual(every);
  });

  it('leaves the global Float16Array in place after ONNX Runtime is loaded', async () => {
    await unetOf('half');
    expect('Float16Array' in globalThis).toBe(true);
  });
});

describe('providers', () => {
  it('are reported: what was tried, what was chosen, and why others were not', async () => {
    const session = await sessions.open({ kind: 'file', path: `${packages}/flow/unet/model.onnx` });
    expect(session.provider.tried.at(-1)).toEqual({
      provider: session.provider.chosen,
      outcome: 'chosen',
      reason: null,
    });
    for (const { outcome, reason } of session.provider.tried.slice(0, -1))
      expect({ outcome, reason }).toEqual({ outcome: 'failed', reason: expect.stringMatching(/./) });
  });

  it('come in the platform’s order, the CPU last', async () => {
    const names = async (platform: NodeJS.Platform): Promise<string[]> =>
      (await providerCandidates(platform)).map(({ provider }) => provider);
    expect(await names('win32')).toEqual(['dml', 'cuda', 'webgpu', 'cpu']);
    expect(await names('linux')).toEqual(['cuda', 'webgpu', 'cpu']);
    expect(await names('darwin')).toEqual(['coreml', 'webgpu', 'cpu']);
  });

  it('asked for by name are never replaced in silence', async () => {
    const source = { kind: 'file', path: `${packages}/legacy/unet/model.onnx` } as const;
    vi.stubEnv('GAMUT_PROVIDER', 'tpu');
    expect(await complaint(new Sessions().open(source))).toEqual({
      code: 'bad-input',
      message: 'provider: expected one of dml, cuda, coreml, webgpu, cpu, got "tpu"',
    });
    const impossible = process.platform === 'win32' ? 'coreml' : 'dml';
    vi.stubEnv('GAMUT_PROVIDER', impossible);
    const failure = await complaint(new Sessions().open(source, 'cpu'));
    expect(failure.code).toBe('unsupported');
    expect(failure.message).toContain(`unet/model.onnx: provider ${impossible} was asked for and cannot be used`);
  });
});

describe('sessions', () => {
  it('are shared between requests for the same file', async () => {
    expect(await unetOf('legacy')).toBe(await unetOf('legacy'));
  });

  it('are held while a request uses them; of the idle ones the oldest are closed', async () => {
    const pool = new SessionPool();
    const bytes = readFileSync(`${packages}/legacy/unet/model.onnx`);
    const source = (name: string) => ({ kind: 'bytes', name, bytes }) as const;
    const long = new Sessions(pool);
    const held = await long.open(source('held'), 'cpu');
    expect(await long.open(source('held'), 'cpu')).toBe(held);
    for (let at = 0; at < 12; at++) {
      const short = new Sessions(pool);
      await short.open(source(`short ${at}`), 'cpu');
      await short.leave();
    }
    expect(pool.size).toBe(1 + 8);
    expect(await held.run(feeds(1, { dims: [1], data: [10] }))).toHaveProperty('out_sample');
    await long.leave();
    expect(pool.size).toBe(8);
  });

  it('open models from memory', async () => {
    const bytes = readFileSync(`${packages}/legacy/unet/model.onnx`);
    const session = await sessions.open({ kind: 'bytes', name: 'copy', bytes }, 'cpu');
    const out = await session.run(feeds(1, { dims: [1], data: [10] }));
    expect(out['out_sample']?.dims).toEqual([1, 4, 8, 8]);
  });

  it('fail to open what is not a model, with one line', async () => {
    const failure = await complaint(
      sessions.open({ kind: 'bytes', name: 'nonsense', bytes: new Uint8Array([1, 2, 3]) }, 'cpu'),
    );
    expect(failure.code).toBe('model-broken');
    expect(failure.message).toMatch(/^nonsense: cannot be loaded: [^\n]+$/);
  });

  it('make no call once a stop was asked for', async () => {
    const session = await unetOf('legacy');
    const before = session.cost.calls;
    await expect(session.run(feeds(1, { dims: [1], data: [10] }), undefined, AbortSignal.abort())).rejects.toThrow();
    expect(session.cost.calls).toBe(before);
  });
});
