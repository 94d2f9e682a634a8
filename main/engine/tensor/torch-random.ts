import type { RandomStream } from './philox.ts';
import type { Values } from './tensor.ts';

const stateSize = 624;

/** MT19937, Matsumoto & Nishimura 1998: the next 32-bit word on every call. */
function mersenneTwister(seed: number): () => number {
  const state = new Uint32Array(stateSize);
  const at = (i: number): number => state[i % stateSize] ?? 0;
  // init_genrand of the reference implementation.
  state[0] = seed;
  for (let i = 1; i < stateSize; i++) {
    const previous = at(i - 1) ^ (at(i - 1) >>> 30);
    state[i] = Math.imul(1812433253, previous) + i;
  }
  let position = stateSize;
  return () => {
    if (position === stateSize) {
      for (let i = 0; i < stateSize; i++) {
        const y = (at(i) & 0x80000000) | (at(i + 1) & 0x7fffffff);
        state[i] = at(i + 397) ^ (y >>> 1) ^ ((y & 1) === 0 ? 0 : 0x9908b0df);
      }
      position = 0;
    }
    let y = at(position++);
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    y ^= y >>> 18;
    return y >>> 0;
  };
}

/**
 * The stream of `torch.Generator('cpu').manual_seed(seed)`: `normal` is what `torch.randn` returns for float32 tensors,
 * `uniform` what `torch.rand` returns, so that seeds from PyTorch programs reproduce.
 *
 * From 16 values on, all uniforms are drawn first and each block of 16 is transformed by Box–Muller, the first eight being
 * radii and the last eight angles; a rest of less than 16 is redrawn as the last 16. Below 16 values, pairs of 53-bit
 * uniforms are transformed one by one, and the second value of a pair is kept for the next call.
 *
 * @param seed integer in [0, 2^53); PyTorch seeds its CPU generator with the low 32 bits
 */
export function torchCpuStream(seed: number): RandomStream {
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new RangeError(`seed: expected an integer in [0, 2^53), got ${seed}`);
  const next = mersenneTwister(seed >>> 0);
  const uniform24 = (): number => (next() & 0xffffff) / 2 ** 24;
  /** 53 bits from two words, the first one being the high half. */
  const uniform53 = (): number => {
    const high = next() & 0x1fffff;
    return (high * 2 ** 32 + next()) / 2 ** 53;
  };
  let kept: number | undefined;
  const normalOne = (): number => {
    if (kept !== undefined) {
      const value = kept;
      kept = undefined;
      return value;
    }
    const angle = 2 * Math.PI * uniform53();
    const radius = Math.sqrt(-2 * Math.log1p(-uniform53()));
    kept = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };

  return {
    uniform(out) {
      for (let i = 0; i < out.length; i++) out[i] = uniform24();
      return out;
    },
    normal(out) {
      if (out.length < 16) {
        for (let i = 0; i < out.length; i++) out[i] = normalOne();
        return out;
      }
      for (let i = 0; i < out.length; i++) out[i] = uniform24();
      for (let at = 0; at + 16 <= out.length; at += 16) transformBlock(out, at);
      if (out.length % 16 !== 0) {
        const last = out.length - 16;
        for (let i = last; i < out.length; i++) out[i] = uniform24();
        transformBlock(out, last);
      }
      return out;
    },
  };
}

/** Box–Muller over 16 uniforms in place. The logarithm's argument is 1 − u because u may be 0. */
function transformBlock(out: Values, at: number): void {
  for (let j = at; j < at + 8; j++) {
    const radius = Math.sqrt(-2 * Math.log(1 - (out[j] ?? 0)));
    const angle = 2 * Math.PI * (out[j + 8] ?? 0);
    out[j] = radius * Math.cos(angle);
    out[j + 8] = radius * Math.sin(angle);
  }
}
