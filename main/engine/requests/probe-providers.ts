import { encode } from '../graph/encode.ts';
import { constantOf } from '../graph/constants.ts';
import type { Handler } from '../protocol.ts';
import { loadOnnxRuntime } from '../runtime/onnxruntime.ts';
import { providerCandidates } from '../runtime/providers.ts';
import { toFailure } from '../../contract/failures.ts';

/** Whether a provider works here, shown by a tiny run. */
export interface ProbedProvider {
  readonly provider: string;
  readonly works: boolean;
  /** Why not; null when it works. */
  readonly reason: string | null;
  /** Seconds of loading and running the tiny model. */
  readonly seconds: number | null;
}

export interface ProbedRuntime {
  readonly onnxruntime: string;
  readonly providers: readonly ProbedProvider[];
}

/** Runs a tiny model on every provider of this platform. */
export const probeProviders: Handler<Record<string, never>, ProbedRuntime> = async function* (_input, context) {
  const { env } = await loadOnnxRuntime();
  const providers: ProbedProvider[] = [];
  for (const { provider, unavailable } of await providerCandidates()) {
    if (unavailable !== null) {
      providers.push({ provider, works: false, reason: unavailable, seconds: null });
      continue;
    }
    const started = context.now();
    try {
      const source = { kind: 'bytes', name: `probe of ${provider}`, bytes: tinyModel() } as const;
      const session = await context.sessions.open(source, provider);
      const { y } = await session.run({ x: { dims: [1, 2], data: [3, 4] } }, ['y'], context.signal);
      const works = y?.data[0] === 11 && y.data[1] === 25;
      const reason = works ? null : `a tiny product came out as ${String(y?.data)}`;
      providers.push({ provider, works, reason, seconds: (context.now() - started) / 1000 });
    } catch (error) {
      providers.push({ provider, works: false, reason: toFailure(error).message, seconds: null });
    }
  }
  yield { onnxruntime: env.versions.node ?? env.versions.common, providers };
};

/** y = x · [[1, 3], [2, 4]]: one row of two numbers. */
function tinyModel(): Uint8Array {
  return encode({
    irVersion: 8,
    opsets: { '': 17 },
    producer: 'gamut',
    metadata: {},
    graph: {
      name: 'probe',
      inputs: [{ name: 'x', elementType: 'float32', dims: [1, 2] }],
      outputs: [{ name: 'y', elementType: 'float32', dims: [1, 2] }],
      initializers: new Map([['w', constantOf('float32', [2, 2], [1, 3, 2, 4])]]),
      declarations: new Map(),
      nodes: [{ name: '', operator: 'MatMul', domain: '', inputs: ['x', 'w'], outputs: ['y'], attributes: {} }],
    },
  });
}
